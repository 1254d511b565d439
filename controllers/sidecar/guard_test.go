package sidecar_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/exoscale-community/nlb-operator/controllers/sidecar"
)

const patience = time.Minute

func served(t *testing.T) *httptest.Server {
	t.Helper()
	h := sidecar.NewHandler(sidecar.Options{Reader: broken(nothing), LimitRanges: broken(nothing), Decoder: admission.NewDecoder(scheme.Scheme), Image: "image"})
	server := httptest.NewServer(sidecar.Webhook(h))
	t.Cleanup(server.Close)
	return server
}

func review(t *testing.T) []byte {
	t.Helper()
	request := creates(t, asking())
	body, err := json.Marshal(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"}, Request: &request.AdmissionRequest,
	})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// post gives the status and the body of the answer.
func post(t *testing.T, url string, body io.Reader) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(text)
}

func TestTheWebhookAnswers(t *testing.T) {
	status, answer := post(t, served(t).URL, bytes.NewReader(review(t)))
	if status != http.StatusOK || !strings.Contains(answer, `"patchType":"JSONPatch"`) {
		t.Errorf("%d %s", status, answer)
	}
}

func TestBodiesAreLimited(t *testing.T) {
	status, answer := post(t, served(t).URL, io.MultiReader(bytes.NewReader(review(t)), strings.NewReader(strings.Repeat(" ", 5<<20))))
	if strings.Contains(answer, "JSONPatch") {
		t.Errorf("%d %s", status, answer)
	}
}

// Requests that never end hold nobody up, and are cut off.
func TestSlowBodiesAreCutOff(t *testing.T) {
	g := NewWithT(t)
	server := served(t)
	const many = 200
	var slow []net.Conn
	for range many {
		connection, err := net.Dial("tcp4", server.Listener.Addr().String())
		g.Expect(err).NotTo(HaveOccurred())
		t.Cleanup(func() { connection.Close() })
		_, err = io.WriteString(connection, "POST / HTTP/1.1\r\nHost: webhook\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
		g.Expect(err).NotTo(HaveOccurred())
		slow = append(slow, connection)
	}
	status, _ := post(t, server.URL, bytes.NewReader(review(t)))
	g.Expect(status).To(Equal(http.StatusOK))
	for _, connection := range slow {
		g.Expect(connection.SetReadDeadline(time.Now().Add(patience))).To(Succeed())
		answer, err := io.ReadAll(connection)
		g.Expect(err).NotTo(HaveOccurred(), "we end it, and not our patience")
		g.Expect(string(answer)).To(ContainSubstring("400 Bad Request"))
	}
}

// While one large body comes, another has to wait, and is refused in the end; small
// ones go on.
func TestLargeBodiesComeOneByOne(t *testing.T) {
	g := NewWithT(t)
	server := served(t)
	first, err := net.Dial("tcp4", server.Listener.Addr().String())
	g.Expect(err).NotTo(HaveOccurred())
	defer first.Close()
	begin := "POST / HTTP/1.1\r\nHost: webhook\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n" + strings.Repeat(" ", 100_000)
	_, err = io.WriteString(first, begin)
	g.Expect(err).NotTo(HaveOccurred())
	large := append(review(t), bytes.Repeat([]byte(" "), 100_000)...)
	g.Eventually(func() int {
		status, _ := post(t, server.URL, bytes.NewReader(large))
		return status
	}, patience).Should(Equal(http.StatusServiceUnavailable))
	status, _ := post(t, server.URL, bytes.NewReader(review(t)))
	g.Expect(status).To(Equal(http.StatusOK))
	g.Eventually(func() int { // the first is cut off
		status, _ := post(t, server.URL, bytes.NewReader(large))
		return status
	}, patience).Should(Equal(http.StatusOK))
}
