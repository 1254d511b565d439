package kubeletserving

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"slices"
)

// Attributes of a subject, and extensions of a certificate (RFC 5280, 4.2.1 and
// appendix A).
var (
	commonName       = asn1.ObjectIdentifier{2, 5, 4, 3}
	organisation     = asn1.ObjectIdentifier{2, 5, 4, 10}
	keyUsage         = asn1.ObjectIdentifier{2, 5, 29, 15}
	alternativeNames = asn1.ObjectIdentifier{2, 5, 29, 17}
	basicConstraints = asn1.ObjectIdentifier{2, 5, 29, 19}
)

// The least strength of keys, in bits; NIST SP 800-57 calls less legacy.
const (
	leastRSA   = 2048
	leastECDSA = 256
)

func weakKey(e evidence) string {
	if e.asked == nil {
		return ""
	}
	found := e.asked.PublicKeyAlgorithm.String()
	switch key := e.asked.PublicKey.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() >= leastRSA {
			return ""
		}
		found = fmt.Sprintf("RSA of %d bits", key.N.BitLen())
	case *ecdsa.PublicKey:
		if key.Params().BitSize >= leastECDSA {
			return ""
		}
		found = "ECDSA on " + key.Params().Name
	case ed25519.PublicKey:
		return ""
	}
	return fmt.Sprintf("the key is %s; RSA from %d bits, ECDSA from %d bits and Ed25519 are allowed", found, leastRSA, leastECDSA)
}

// otherCommonName leaves it to requesterIsNoNode to tell of who is no node.
func otherCommonName(e evidence) string {
	if e.asked == nil || e.node == "" || e.asked.Subject.CommonName == e.spec.Username {
		return ""
	}
	return fmt.Sprintf("the subject's common name is %q; the requesting user, %q, gets a certificate for itself only", e.asked.Subject.CommonName, e.spec.Username)
}

func otherOrganisation(e evidence) string {
	if e.asked == nil {
		return ""
	}
	found := e.asked.Subject.Organization
	if slices.Equal(found, []string{nodesGroup}) {
		return ""
	}
	return fmt.Sprintf("the subject's organisation (O) is %s; it has to be %s alone", listed(found), nodesGroup)
}

// moreInSubject finds attributes of other types, and a second common name, of
// which a reader may take either. Organisations are otherOrganisation's.
func moreInSubject(e evidence) string {
	if e.asked == nil {
		return ""
	}
	var others []string
	named := false
	for _, attribute := range e.asked.Subject.Names {
		switch {
		case attribute.Type.Equal(organisation):
		case attribute.Type.Equal(commonName) && !named:
			named = true
		default:
			others = append(others, attribute.Type.String())
		}
	}
	if len(others) == 0 {
		return ""
	}
	return fmt.Sprintf("the subject has the attributes %s besides; it has to be one common name and one organisation", listed(others))
}

func otherExtensions(e evidence) string {
	if e.asked == nil {
		return ""
	}
	for _, extension := range e.asked.Extensions {
		if found := beyondServing(extension); found != "" {
			return fmt.Sprintf("the request has %s; allowed are subject alternative names, a key usage of \"digital signature\" and "+
				"\"key encipherment\", and basic constraints that say it is no CA", found)
		}
	}
	return ""
}

// beyondServing says what an extension asks for that a kubelet doesn't need to
// serve; empty: nothing. Names have rules of their own.
func beyondServing(extension pkix.Extension) string {
	switch {
	case extension.Id.Equal(alternativeNames):
		return ""
	case extension.Id.Equal(keyUsage):
		return moreKeyUsage(extension.Value)
	case extension.Id.Equal(basicConstraints):
		return authority(extension.Value)
	}
	return "the extension " + extension.Id.String()
}

// moreKeyUsage allows bits 0 and 2, in the order of RFC 5280, 4.2.1.3.
func moreKeyUsage(value []byte) string {
	var bits asn1.BitString
	if rest, err := asn1.Unmarshal(value, &bits); err != nil || len(rest) > 0 {
		return "a key usage that can't be read"
	}
	for bit := range bits.BitLength {
		if bits.At(bit) == 1 && bit != 0 && bit != 2 {
			return fmt.Sprintf("a key usage with bit %d", bit)
		}
	}
	return ""
}

func authority(value []byte) string {
	var constraints struct {
		IsCA       bool `asn1:"optional"`
		MaxPathLen int  `asn1:"optional,default:-1"`
	}
	if rest, err := asn1.Unmarshal(value, &constraints); err != nil || len(rest) > 0 {
		return "basic constraints that can't be read"
	}
	if constraints.IsCA {
		return "basic constraints that make it a CA"
	}
	return ""
}
