package injection

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/client-go/util/cert"
	"sigs.k8s.io/yaml"

	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
)

// What the API server shows to webhooks that demand it: as docs/security.md says.
const apiServerName = "kube-apiserver"

// callers is the file with the authority that has signed it, signer that authority.
var (
	callers string
	signer  authority
)

type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority() (a authority, err error) {
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return a, err
	}
	a.certificate, err = cert.NewSelfSignedCACert(cert.Config{CommonName: "webhook-clients"}, a.key)
	return a, err
}

// signs a client's certificate.
func (a authority) signs(name string) (certificate, key []byte, err error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, a.certificate, private.Public(), a.key)
	if err != nil {
		return nil, nil, err
	}
	secret, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		return nil, nil, err
	}
	return encoded("CERTIFICATE", signed), encoded("EC PRIVATE KEY", secret), nil
}

func encoded(kind string, content []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content})
}

// showsCertificate writes what has the API server show one, and tells where.
func showsCertificate(dir string) (admission string, err error) {
	if signer, err = newAuthority(); err != nil {
		return "", err
	}
	callers = filepath.Join(dir, "ca.crt")
	if err := os.WriteFile(callers, encoded("CERTIFICATE", signer.certificate.Raw), 0o600); err != nil {
		return "", err
	}
	certificate, key, err := signer.signs(apiServerName)
	if err != nil {
		return "", err
	}
	config := clientcmdapi.NewConfig()
	config.AuthInfos["*"] = &clientcmdapi.AuthInfo{ClientCertificateData: certificate, ClientKeyData: key}
	kubeconfig := filepath.Join(dir, "webhooks.kubeconfig")
	if err := clientcmd.WriteToFile(*config, kubeconfig); err != nil {
		return "", err
	}
	text, err := yaml.Marshal(map[string]any{
		"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AdmissionConfiguration",
		"plugins": []any{map[string]any{"name": "MutatingAdmissionWebhook", "configuration": map[string]any{
			"apiVersion": "apiserver.config.k8s.io/v1", "kind": "WebhookAdmissionConfiguration", "kubeConfigFile": kubeconfig,
		}}},
	})
	if err != nil {
		return "", err
	}
	admission = filepath.Join(dir, "admission.yaml")
	return admission, os.WriteFile(admission, text, 0o600)
}

// demands a certificate of whoever asks.
func demands(options *app.Options) {
	options.WebhookClientCAFile, options.WebhookClientNames = callers, []string{apiServerName}
}

// The API server, which shows its certificate, is answered, and nobody else: who forges
// a review of a Pod would read the probes of Services in the answer.
func TestOnlyTheAPIServerIsAnswered(t *testing.T) {
	g := NewWithT(t)
	o := serving(t, demands)
	c := newUser(t)
	ns := namespace(t, "secretive", nil)
	const probe = "probe;payload=text:swordfish"
	service(t, c, ns, probe)
	known(t, asking(ns, "dns"), "--target=53/"+probe)

	another, err := newAuthority()
	g.Expect(err).NotTo(HaveOccurred())
	forged := asking(ns, "forged")
	for name, by := range map[string]func() (certificate, key []byte, err error){
		"without a certificate":                nil,
		"with one that nobody knows":           func() ([]byte, []byte, error) { return another.signs(apiServerName) },
		"with one of the authority's, a Pod's": func() ([]byte, []byte, error) { return signer.signs("some-pod") },
	} {
		t.Run(name, func(t *testing.T) {
			answer, err := o.forge(t, forged, by)
			NewWithT(t).Expect(err).To(HaveOccurred(), "answered: %s", answer)
		})
	}
	g.Expect(o.log.String()).To(ContainSubstring("TLS handshake error"), "somebody is told")
	answer, err := o.forge(t, forged, func() ([]byte, []byte, error) { return signer.signs(apiServerName) })
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(answer).To(ContainSubstring(`"patchType":"JSONPatch"`))
}

// Where nothing is demanded, too, the namespace of the review decides, and not what is
// written in the Pod.
func TestAnAnswerTellsOfNoOtherNamespace(t *testing.T) {
	g := NewWithT(t)
	o := serving(t, nil)
	c := newUser(t)
	theirs, ours := namespace(t, "theirs", injectionEnabled), namespace(t, "ours", injectionEnabled)
	const probe = "probe;payload=text:swordfish"
	service(t, c, theirs, probe)
	known(t, asking(theirs, "dns"), "--target=53/"+probe)
	forged := asking(theirs, "forged")
	forged.Annotations = map[string]string{"namespace": theirs}
	answer, err := o.forgeIn(t, ours, forged, nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(patchIn(t, answer)).To(And(ContainSubstring("--target=53/socket"), Not(ContainSubstring("swordfish"))))
}

// forge a review of a Pod, and send it past the API server.
func (o *operator) forge(t *testing.T, pod *corev1.Pod, by func() (certificate, key []byte, err error)) (string, error) {
	t.Helper()
	return o.forgeIn(t, pod.Namespace, pod, by)
}

func (o *operator) forgeIn(t *testing.T, namespace string, pod *corev1.Pod, by func() (certificate, key []byte, err error)) (string, error) {
	t.Helper()
	raw, err := json.Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"},
		Request: &admissionv1.AdmissionRequest{
			UID: "1", Operation: admissionv1.Create, Namespace: namespace, Object: runtime.RawExtension{Raw: raw},
			Kind:     metav1.GroupVersionKind{Version: "v1", Kind: "Pod"},
			Resource: metav1.GroupVersionResource{Version: "v1", Resource: "pods"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{InsecureSkipVerify: true} // whoever it is
	if by != nil {
		certificate, key, err := by()
		if err != nil {
			t.Fatal(err)
		}
		pair, err := tls.X509KeyPair(certificate, key)
		if err != nil {
			t.Fatal(err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, fmt.Sprintf("https://127.0.0.1:%d/inject-udp-healthcheck", o.port), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	stranger := http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}
	response, err := stranger.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return string(answer), err
}

func patchIn(t *testing.T, answer string) string {
	t.Helper()
	var review admissionv1.AdmissionReview
	if err := json.Unmarshal([]byte(answer), &review); err != nil {
		t.Fatalf("%v in %s", err, answer)
	}
	return string(review.Response.Patch)
}
