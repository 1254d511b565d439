package sidecar

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"k8s.io/client-go/util/cert"
	"k8s.io/utils/clock"

	"github.com/exoscale-community/nlb-operator/internal/brief"
)

// Callers are those who are answered: who shows a certificate that an authority of
// a file has signed. An API server does if its --admission-control-config-file says
// so; what anybody else would get for a review of their own are the probes of Services.
type Callers struct {
	// File with the certificates of the authorities, as PEM. It is followed; while it
	// can't be read, nobody is answered.
	File string
	// Names that the certificate may have, as its common name or as a DNS name; none:
	// any will do.
	Names []string
	Clock clock.PassiveClock

	mu          sync.Mutex
	read        time.Time
	authorities *x509.CertPool
	err         error
}

// reread is how soon a file that has changed is known.
const reread = 10 * time.Second

// demand has a configuration let nobody else in.
func (c *Callers) demand(config *tls.Config) {
	base := config.Clone()
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		authorities, err := c.current()
		if err != nil {
			return nil, err
		}
		demanding := base.Clone()
		demanding.ClientAuth, demanding.ClientCAs = tls.RequireAndVerifyClientCert, authorities
		demanding.VerifyConnection = c.named
		return demanding, nil
	}
}

// current are the authorities that the file has now.
func (c *Callers) current() (*x509.CertPool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.read.IsZero() || c.Clock.Since(c.read) >= reread {
		c.read = c.Clock.Now()
		c.authorities, c.err = readAuthorities(c.File)
	}
	return c.authorities, c.err
}

func readAuthorities(file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--webhook-client-ca-file: %w", err)
	}
	certificates, err := cert.ParseCertsPEM(text)
	if err != nil {
		return nil, fmt.Errorf("--webhook-client-ca-file: %s: %w", file, err)
	}
	authorities := x509.NewCertPool()
	for _, certificate := range certificates {
		authorities.AddCert(certificate)
	}
	return authorities, nil
}

// longestName is how much of a stranger's name is repeated, in bytes.
const longestName = 256

// named tells whether the certificate, which is valid, has one of the names.
func (c *Callers) named(connection tls.ConnectionState) error {
	if len(c.Names) == 0 {
		return nil
	}
	if len(connection.PeerCertificates) == 0 {
		return errors.New("no certificate was shown")
	}
	shown := connection.PeerCertificates[0]
	names := append([]string{shown.Subject.CommonName}, shown.DNSNames...)
	if slices.ContainsFunc(names, func(name string) bool { return slices.Contains(c.Names, name) }) {
		return nil
	}
	return fmt.Errorf("the certificate shown is of %q, and --webhook-client-names are %s", brief.Cut(shown.Subject.CommonName, longestName), brief.List(c.Names))
}
