package injection

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/cert"

	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/test/ports"
)

// asInstalled has the API server wait no longer for the webhook than config/ says.
func asInstalled(t *testing.T) {
	t.Helper()
	configure(t, func(webhook *admissionregistrationv1.MutatingWebhook) { *webhook.TimeoutSeconds = 3 })
}

// createdAsItIs makes a Pod that asks for the sidecar.
func createdAsItIs(t *testing.T, name string) {
	t.Helper()
	g := NewWithT(t)
	c := newUser(t)
	p := asking("default", name)
	g.Expect(c.Create(t.Context(), p)).To(Succeed())
	g.Expect(sidecars(p, nil)).To(BeEmpty())
	g.Expect(c.Delete(t.Context(), p)).To(Succeed())
}

// pair makes a certificate for the webhook that is valid for so long from now.
func pair(t *testing.T, valid time.Duration) (certificate, key []byte) {
	t.Helper()
	certificate, key, err := cert.GenerateSelfSignedCertKeyWithOptions(cert.SelfSignedCertKeyOptions{Host: serverName, MaxAge: valid + time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return certificate, key
}

// believing has the API server believe a certificate, as cert-manager would.
func believing(t *testing.T, certificate []byte) {
	t.Helper()
	configure(t, func(webhook *admissionregistrationv1.MutatingWebhook) { webhook.ClientConfig.CABundle = certificate })
}

func TestAPodIsCreatedWithoutTheWebhook(t *testing.T) {
	t.Run("when nobody listens", func(t *testing.T) {
		leadTo(t, int32(ports.Free(t)))
		asInstalled(t)
		createdAsItIs(t, "down")
	})
	t.Run("when its Service is gone", func(t *testing.T) {
		leadTo(t, int32(ports.Free(t)))
		asInstalled(t)
		service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: webhookName}}
		NewWithT(t).Expect(newUser(t).Delete(t.Context(), service)).To(Succeed())
		createdAsItIs(t, "gone")
	})
	t.Run("when it takes the call and never answers", func(t *testing.T) {
		listener, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		leadTo(t, portOf(t, listener.Addr()))
		asInstalled(t)
		createdAsItIs(t, "silent")
	})
	for name, answer := range map[string]http.HandlerFunc{
		"fails":          func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"says nonsense":  func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) },
		"breaks off":     func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"isn't there":    http.NotFound,
		"has no opinion": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"kind":"AdmissionReview"}`)) },
	} {
		t.Run("when what answers "+name, func(t *testing.T) {
			certificate, key := pair(t, time.Hour)
			both, err := tls.X509KeyPair(certificate, key)
			if err != nil {
				t.Fatal(err)
			}
			asked := make(chan struct{}, 10)
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked <- struct{}{}
				answer(w, r)
			}))
			server.TLS = &tls.Config{Certificates: []tls.Certificate{both}}
			server.StartTLS()
			defer server.Close()
			leadTo(t, portOf(t, server.Listener.Addr()))
			asInstalled(t)
			believing(t, certificate)
			NewWithT(t).Eventually(func() int {
				createdAsItIs(t, "answered")
				return len(asked)
			}, patience).Should(BeNumerically(">", 0), "the API server asks")
		})
	}
}

func portOf(t *testing.T, address net.Addr) int32 {
	t.Helper()
	_, port, err := net.SplitHostPort(address.String())
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.ParseInt(port, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return int32(number)
}

// Somebody else makes the certificate: it comes late, expires, is renewed.
func TestCertificateOfFiles(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	put := func(certificate, key []byte) {
		g.Expect(os.WriteFile(filepath.Join(dir, "tls.key"), key, 0o600)).To(Succeed())
		g.Expect(os.WriteFile(filepath.Join(dir, "tls.crt"), certificate, 0o600)).To(Succeed())
	}
	o := start(t, func(options *app.Options) { options.WebhookCertDir = dir })
	leadTo(t, o.port)
	createdAsItIs(t, "late")

	certificate, key := pair(t, time.Hour)
	put(certificate, key)
	believing(t, certificate)
	injecting(t)

	expired, expiredKey := pair(t, -time.Minute)
	put(expired, expiredKey)
	believing(t, expired)
	g.Eventually(func() string {
		_, err := shown(t.Context(), o.port, expired)
		return errorText(err)
	}, patience).Should(ContainSubstring("expired"))
	createdAsItIs(t, "expired")

	renewed, renewedKey := pair(t, time.Hour)
	put(renewed, renewedKey)
	believing(t, renewed)
	injecting(t)
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
