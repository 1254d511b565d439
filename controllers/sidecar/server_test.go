package sidecar

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	. "github.com/onsi/gomega"
	"k8s.io/client-go/util/cert"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/exoscale-community/nlb-operator/test/ports"
)

// A replica is led to once it can answer, and from then on.
func TestAReplicaIsReadyOnceItCanAnswer(t *testing.T) {
	g := NewWithT(t)
	certificate := make(chan tls.Certificate, 1)
	server := serverFor(t, func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		select {
		case made := <-certificate:
			certificate <- made
			return &made, nil
		default:
			return nil, errors.New("there is none yet")
		}
	})
	g.Expect(server.Ready(asked(t))).To(MatchError("the webhook isn't served yet"))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- server.Start(ctx) }()
	g.Eventually(func() error { return server.Ready(asked(t)) }, time.Minute).Should(MatchError(ContainSubstring("tls")), "no certificate")

	made, key, err := cert.GenerateSelfSignedCertKey("webhook", nil, nil)
	g.Expect(err).NotTo(HaveOccurred())
	pair, err := tls.X509KeyPair(made, key)
	g.Expect(err).NotTo(HaveOccurred())
	certificate <- pair
	g.Expect(server.Ready(asked(t))).To(Succeed())
	g.Expect(closesAfter(t, server.Address, made)).To(BeTrue(), "nobody is to keep a connection to a replica that may end")

	cancel()
	g.Expect(<-ended).To(Succeed())
	g.Expect(server.Ready(asked(t))).To(Succeed(), "and stays so")
}

// Whatever is wrong with the webhook, the rest of the operator works.
func TestAReplicaIsReadyInTheEnd(t *testing.T) {
	g := NewWithT(t)
	server := serverFor(t, nil)
	g.Expect(server.Ready(asked(t))).NotTo(Succeed())
	server.Clock.(*clocktesting.FakePassiveClock).SetTime(time.Now().Add(time.Minute))
	g.Expect(server.Ready(asked(t))).To(Succeed())
}

// closesAfter tells whether the connection ends with the answer to a review.
func closesAfter(t *testing.T, address string, certificate []byte) bool {
	t.Helper()
	believed := x509.NewCertPool()
	believed.AppendCertsFromPEM(certificate)
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: believed, ServerName: "webhook"}}}
	answer, err := client.Post("https://"+address+Path, "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	return answer.Close
}

func serverFor(t *testing.T, certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *Server {
	t.Helper()
	return &Server{Address: ports.FreeAddress(t), Handler: NewHandler(Options{}), GetCertificate: certificate, Clock: clocktesting.NewFakePassiveClock(time.Now()), Log: logr.Discard()}
}

func asked(t *testing.T) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	return request
}

// logTo keeps what is logged.
func logTo(lines *[]string) logr.Logger {
	return funcr.New(func(_, args string) { *lines = append(*lines, args) }, funcr.Options{})
}
