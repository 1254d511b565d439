package webhookcert

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"k8s.io/client-go/util/cert"
)

// pair is a certificate, followed by its authority's, and its key, both as PEM.
type pair struct{ certificate, key []byte }

// makePair makes one for the first of the names and the others. It is valid from
// an hour ago, since clocks differ.
func makePair(names []string, lifetime time.Duration) (pair, error) {
	certificate, key, err := cert.GenerateSelfSignedCertKeyWithOptions(cert.SelfSignedCertKeyOptions{
		Host: names[0], AlternateDNS: names[1:], MaxAge: lifetime + time.Hour,
	})
	if err != nil {
		return pair{}, fmt.Errorf("making a certificate for %s: %w", names[0], err)
	}
	return pair{certificate, key}, nil
}

// authority is a certificate that others are believed by.
type authority struct {
	*x509.Certificate
}

// pem is the authority as it stands in files.
func (a authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: cert.CertificateBlockType, Bytes: a.Raw})
}

// served is a pair that can be shown.
type served struct {
	pair
	tls.Certificate
	authority authority
}

// judge tells whether a pair can be shown now under all of the names.
func judge(p pair, names []string, now time.Time) (*served, error) {
	certificate, err := tls.X509KeyPair(p.certificate, p.key)
	if err != nil {
		return nil, err
	}
	chain, err := cert.ParseCertsPEM(p.certificate)
	if err != nil {
		return nil, err
	}
	s := &served{pair: p, Certificate: certificate, authority: authority{chain[len(chain)-1]}}
	if !s.authority.IsCA {
		return nil, errors.New("the certificate of its authority is missing")
	}
	roots := x509.NewCertPool()
	roots.AddCert(s.authority.Certificate)
	for _, name := range names {
		if _, err := s.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, CurrentTime: now}); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// renewal is when a third of its time is left.
func (s *served) renewal(lifetime time.Duration) time.Time { return s.Leaf.NotAfter.Add(-lifetime / 3) }
