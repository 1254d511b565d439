package webhookcert

import (
	"bytes"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/util/cert"
)

// The keys of the Secret. Those of the certificate that is shown are the usual ones.
const (
	keyCertificate     = corev1.TLSCertKey
	keyPrivateKey      = corev1.TLSPrivateKeyKey
	keyNextCertificate = "next.crt"
	keyNextPrivateKey  = "next.key"
	keyAuthorities     = "ca.crt"
)

// held is what the Secret holds, as far as it can be used.
type held struct {
	current, next *served
	// former are authorities of certificates that a server which is behind may show.
	former []authority
}

func readHeld(secret *corev1.Secret, names []string, now time.Time) held {
	var h held
	// What can't be used is made anew, whatever is wrong with it.
	h.current, _ = judge(pair{secret.Data[keyCertificate], secret.Data[keyPrivateKey]}, names, now)
	h.next, _ = judge(pair{secret.Data[keyNextCertificate], secret.Data[keyNextPrivateKey]}, names, now)
	former, _ := cert.ParseCertsPEM(secret.Data[keyAuthorities])
	for _, certificate := range former {
		if certificate.IsCA && now.Before(certificate.NotAfter) {
			h.former = append(h.former, authority{certificate})
		}
	}
	return h
}

// authorities are those to be believed: of what is shown, of what will be, and of
// what was. Each is there once.
func (h held) authorities() []authority {
	var all []authority
	for _, s := range []*served{h.current, h.next} {
		if s != nil {
			all = append(all, s.authority)
		}
	}
	for _, a := range h.former {
		if !slices.ContainsFunc(all, func(other authority) bool { return other.Equal(a.Certificate) }) {
			all = append(all, a)
		}
	}
	return all
}

// bundle is all of them in one text.
func (h held) bundle() []byte {
	var text bytes.Buffer
	for _, a := range h.authorities() {
		text.Write(a.pem())
	}
	return text.Bytes()
}

// data is how a Secret holds it.
func (h held) data() map[string][]byte {
	data := map[string][]byte{keyAuthorities: h.bundle()}
	if h.current != nil {
		data[keyCertificate], data[keyPrivateKey] = h.current.certificate, h.current.key
	}
	if h.next != nil {
		data[keyNextCertificate], data[keyNextPrivateKey] = h.next.certificate, h.next.key
	}
	return data
}
