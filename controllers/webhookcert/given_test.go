package webhookcert

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

const day = 24 * time.Hour

var theNames = names("webhook", "ours")

// made is a certificate that was made to be valid for so long from now.
func made(t *testing.T, lifetime time.Duration) *served {
	t.Helper()
	p, err := makePair(theNames, lifetime)
	if err != nil {
		t.Fatal(err)
	}
	s, err := judge(p, theNames, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// stored is a Secret that holds it.
func stored(h held) *corev1.Secret { return &corev1.Secret{Data: h.data()} }
