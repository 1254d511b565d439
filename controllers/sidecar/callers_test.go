package sidecar

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/client-go/util/cert"
	clocktesting "k8s.io/utils/clock/testing"
)

// signer is an authority whose certificate is in a file.
type signer struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newSigner(t *testing.T) signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := cert.NewSelfSignedCACert(cert.Config{CommonName: "authority"}, key)
	if err != nil {
		t.Fatal(err)
	}
	return signer{certificate, key}
}

func (s signer) writeTo(t *testing.T, file string) {
	t.Helper()
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.certificate.Raw})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// signs a certificate of somebody.
func (s signer) signs(t *testing.T, name string, edit func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if edit != nil {
		edit(template)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, s.certificate, key.Public(), s.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{signed}, PrivateKey: key}
}

// started serves a webhook until the test ends; believed is by what it is known.
func started(t *testing.T, callers *Callers) (server *Server, believed *x509.CertPool) {
	t.Helper()
	certificate, key, err := cert.GenerateSelfSignedCertKey("webhook", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	server = serverFor(t, func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &pair, nil })
	server.Callers = callers
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Start(t.Context())
	}()
	t.Cleanup(func() { <-ended })
	NewWithT(t).Eventually(func() error { return server.Ready(asked(t)) }, time.Minute).Should(Succeed())
	believed = x509.NewCertPool()
	believed.AppendCertsFromPEM(certificate)
	return server, believed
}

// answers tells whether the webhook does, to who shows a certificate.
func answers(server *Server, believed *x509.CertPool, shown ...tls.Certificate) bool {
	client := http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{
		RootCAs: believed, ServerName: "webhook", Certificates: shown, MinVersion: tls.VersionTLS12,
	}}}
	answer, err := client.Post("https://"+server.Address+Path, "application/json", strings.NewReader("{}"))
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

func TestWhoIsAnswered(t *testing.T) {
	authority, another := newSigner(t), newSigner(t)
	file := filepath.Join(t.TempDir(), "ca.crt")
	authority.writeTo(t, file)
	anybody := &Callers{File: file, Clock: clocktesting.NewFakePassiveClock(time.Now())}
	named := &Callers{File: file, Names: []string{"kube-apiserver", "api.internal"}, Clock: anybody.Clock}
	apiServer := authority.signs(t, "kube-apiserver", nil)
	byDNS := authority.signs(t, "", func(c *x509.Certificate) { c.DNSNames = []string{"api.internal"} })
	node := authority.signs(t, "system:node:worker-1", nil)
	for name, tc := range map[string]struct {
		callers *Callers
		shown   []tls.Certificate
		want    bool
	}{
		"everybody, if nothing is said":               {nil, nil, true},
		"whoever shows something, if nothing is said": {nil, []tls.Certificate{another.signs(t, "x", nil)}, true},
		"nobody without a certificate":                {anybody, nil, false},
		"nobody with another authority's":             {anybody, []tls.Certificate{another.signs(t, "kube-apiserver", nil)}, false},
		"nobody with one that has expired":            {anybody, []tls.Certificate{authority.signs(t, "kube-apiserver", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })}, false},
		"nobody with one for servers":                 {anybody, []tls.Certificate{authority.signs(t, "kube-apiserver", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })}, false},
		"whoever has one of the authority's":          {anybody, []tls.Certificate{node}, true},
		"who has the name":                            {named, []tls.Certificate{apiServer}, true},
		"who has the name as one of DNS":              {named, []tls.Certificate{byDNS}, true},
		"nobody of another name":                      {named, []tls.Certificate{node}, false},
		"nobody without a certificate of a name":      {named, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			server, believed := started(t, tc.callers)
			if got := answers(server, believed, tc.shown...); got != tc.want {
				t.Errorf("answered: %t", got)
			}
		})
	}
}

// The file may come late, and change; while it can't be read nobody is answered.
func TestTheAuthoritiesAreFollowed(t *testing.T) {
	g := NewWithT(t)
	former, next := newSigner(t), newSigner(t)
	clock := clocktesting.NewFakePassiveClock(time.Now())
	callers := &Callers{File: filepath.Join(t.TempDir(), "ca.crt"), Clock: clock}
	g.Expect(callers.current()).Error().To(MatchError(ContainSubstring("--webhook-client-ca-file")))
	for _, authority := range []signer{former, next} {
		authority.writeTo(t, callers.File)
		clock.SetTime(clock.Now().Add(reread))
		server, believed := started(t, callers)
		g.Expect(answers(server, believed, authority.signs(t, "x", nil))).To(BeTrue())
	}
	server, believed := started(t, callers)
	g.Expect(answers(server, believed, former.signs(t, "x", nil))).To(BeFalse())
	for _, text := range []string{"", "nonsense"} {
		g.Expect(os.WriteFile(callers.File, []byte(text), 0o600)).To(Succeed())
		clock.SetTime(clock.Now().Add(reread))
		g.Expect(answers(server, believed, next.signs(t, "x", nil))).To(BeFalse(), "%q", text)
	}
}

// However many connections are opened and kept, who asks is answered.
func TestConnectionsAreBounded(t *testing.T) {
	g := NewWithT(t)
	server, believed := started(t, nil)
	var kept []net.Conn
	for range 5 * mostConnections {
		connection, err := net.Dial("tcp", server.Address)
		g.Expect(err).NotTo(HaveOccurred())
		t.Cleanup(func() { connection.Close() })
		kept = append(kept, connection)
	}
	g.Eventually(func() bool { return answers(server, believed) }, time.Minute).Should(BeTrue())
	g.Expect(kept[0].SetReadDeadline(time.Now().Add(time.Minute))).To(Succeed())
	_, err := kept[0].Read(make([]byte, 1))
	g.Expect(err).To(And(HaveOccurred(), Not(MatchError(os.ErrDeadlineExceeded))), "the oldest is turned out")
}

// Strangers don't fill the log.
func TestComplaintsAreFew(t *testing.T) {
	g := NewWithT(t)
	var told []string
	clock := clocktesting.NewFakePassiveClock(time.Now())
	c := complaints{log: logTo(&told), clock: clock}
	for range 100 {
		_, err := c.Write([]byte("http: TLS handshake error\n"))
		g.Expect(err).NotTo(HaveOccurred())
	}
	clock.SetTime(clock.Now().Add(quiet))
	_, _ = c.Write([]byte("http: another\n"))
	g.Expect(told).To(HaveExactElements(
		And(ContainSubstring(`"reason"="http: TLS handshake error"`), ContainSubstring(`"othersSinceTheLast"=0`)),
		And(ContainSubstring("another"), ContainSubstring(`"othersSinceTheLast"=99`))))
}
