package webhookcert

import (
	"bytes"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/util/cert"
)

func TestWhatIsHeldComesBack(t *testing.T) {
	current, next, former := made(t, 90*day), made(t, 90*day), made(t, 10*day)
	h := held{current: current, next: next, former: []authority{former.authority}}
	got := readHeld(stored(h), theNames, time.Now())
	if got.current == nil || !got.current.Leaf.Equal(current.Leaf) || got.next == nil || !got.next.Leaf.Equal(next.Leaf) {
		t.Errorf("current %v, next %v", got.current, got.next)
	}
	if !bytes.Equal(got.bundle(), h.bundle()) {
		t.Error("it isn't the same authorities that are believed")
	}
	if authorities, err := cert.ParseCertsPEM(got.bundle()); err != nil || len(authorities) != 3 {
		t.Errorf("%d authorities, %v; want each of three once", len(authorities), err)
	}
	for _, key := range []string{"tls.crt", "tls.key", "next.crt", "next.key", "ca.crt"} {
		if len(stored(h).Data[key]) == 0 {
			t.Errorf("nothing under %s", key)
		}
	}
	if keys := bytes.Count(stored(h).Data["tls.crt"], []byte("PRIVATE")); keys != 0 {
		t.Error("a certificate with a key in it")
	}
}

func TestWhatCannotBeShownIsNotHeld(t *testing.T) {
	now := time.Now()
	fine, other := made(t, day), made(t, day)
	for name, data := range map[string]map[string][]byte{
		"nothing":                   nil,
		"text":                      {"tls.crt": []byte("hello"), "tls.key": []byte("hello")},
		"a key of another":          {"tls.crt": fine.certificate, "tls.key": other.key},
		"no key":                    {"tls.crt": fine.certificate},
		"one that has expired":      named(t, -time.Minute, theNames...),
		"one of another name":       named(t, day, "another.ours.svc"),
		"one without the long name": named(t, day, theNames[0]),
		"one without its authority": {"tls.crt": fine.certificate[:bytes.Index(fine.certificate, []byte("-----END"))+len("-----END CERTIFICATE-----\n")], "tls.key": fine.key},
	} {
		t.Run(name, func(t *testing.T) {
			if h := readHeld(&corev1.Secret{Data: data}, theNames, now); h.current != nil {
				t.Errorf("held: %v", h.current.Leaf.DNSNames)
			}
		})
	}
}

func named(t *testing.T, lifetime time.Duration, names ...string) map[string][]byte {
	t.Helper()
	p, err := makePair(names, lifetime)
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{"tls.crt": p.certificate, "tls.key": p.key}
}

func TestAuthoritiesAreForgotten(t *testing.T) {
	current, former := made(t, 90*day), made(t, 10*day)
	secret := stored(held{current: current, former: []authority{former.authority, current.authority}})
	for after, want := range map[time.Duration]int{0: 2, 9 * day: 2, 11 * day: 1} {
		if got := readHeld(secret, theNames, time.Now().Add(after)).authorities(); len(got) != want {
			t.Errorf("after %s %d authorities are believed; want %d", after, len(got), want)
		}
	}
}

func TestBelieved(t *testing.T) {
	a, b := made(t, day), made(t, day)
	h := held{current: a, next: b}
	join := func(all ...authority) []byte {
		var bundle []byte
		for _, one := range all {
			bundle = append(bundle, one.pem()...)
		}
		return bundle
	}
	for name, tc := range map[string]struct {
		bundles [][]byte
		want    bool
	}{
		"by all":                    {[][]byte{join(a.authority, b.authority), join(a.authority, b.authority)}, true},
		"in another order":          {[][]byte{join(b.authority, a.authority)}, true},
		"not all authorities":       {[][]byte{join(a.authority)}, false},
		"not by all webhooks":       {[][]byte{join(a.authority, b.authority), nil}, false},
		"and somebody else as well": {[][]byte{join(a.authority, b.authority, made(t, day).authority)}, false},
		"nonsense":                  {[][]byte{[]byte("hello")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var webhooks admissionregistrationv1.MutatingWebhookConfiguration
			for _, bundle := range tc.bundles {
				webhooks.Webhooks = append(webhooks.Webhooks, admissionregistrationv1.MutatingWebhook{ClientConfig: admissionregistrationv1.WebhookClientConfig{CABundle: bundle}})
			}
			if got := believed(&webhooks, h); got != tc.want {
				t.Errorf("believed: %t", got)
			}
		})
	}
}

// A Secret that holds nothing usable changes nothing of what is shown.
func TestServersShowTheLastThatCanBeShown(t *testing.T) {
	s := &Secret{}
	if _, err := s.GetCertificate(nil); err == nil {
		t.Error("there is a certificate before the Secret was read")
	}
	fine := made(t, day)
	s.take(stored(held{current: fine}))
	s.take(&corev1.Secret{})
	s.take(&corev1.Secret{Data: map[string][]byte{"tls.crt": []byte("?"), "tls.key": []byte("?")}})
	s.take("not even a Secret")
	shown, err := s.GetCertificate(nil)
	if err != nil || !shown.Leaf.Equal(fine.Leaf) {
		t.Errorf("shown: %v, %v", shown, err)
	}
}
