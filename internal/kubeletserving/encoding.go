package kubeletserving

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

const blockType = "CERTIFICATE REQUEST"

// decode reads a request that is one PEM block, with nothing around it that
// another reader could take for the request: package pem passes over text, and
// over blocks that are malformed.
func decode(request []byte) (*x509.CertificateRequest, error) {
	begin := []byte("-----BEGIN ")
	switch {
	case !bytes.HasPrefix(bytes.TrimSpace(request), begin):
		return nil, errors.New("it doesn't begin with a PEM block")
	case bytes.Count(request, begin) > 1:
		return nil, errors.New("it holds more than one PEM block")
	}
	block, rest := pem.Decode(request)
	switch {
	case block == nil:
		return nil, errors.New("it holds no whole PEM block")
	case block.Type != blockType:
		return nil, fmt.Errorf("its PEM block is a %q", block.Type)
	case len(block.Headers) > 0:
		return nil, errors.New("its PEM block has headers")
	case len(bytes.TrimSpace(rest)) > 0:
		return nil, errors.New("something comes after its PEM block")
	}
	asked, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("it can't be parsed: %w", err)
	}
	return asked, nil
}

func undecodable(e evidence) string {
	if e.undecoded == nil {
		return ""
	}
	return fmt.Sprintf("spec.request has to be exactly one PEM block %q: %v", blockType, e.undecoded)
}

// notSignedByKey: the signature proves that who asks has the key.
func notSignedByKey(e evidence) string {
	if e.asked == nil {
		return ""
	}
	if err := e.asked.CheckSignature(); err != nil {
		return fmt.Sprintf("the request isn't signed by the key that it asks a certificate for: %v", err)
	}
	return ""
}
