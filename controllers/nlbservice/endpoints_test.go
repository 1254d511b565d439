package nlbservice

import (
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/internal/injection"
)

// oneMissing is a Coverage of one endpoint, which lacks the sidecar.
func oneMissing() injection.Coverage {
	var c injection.Coverage
	c.Add(&corev1.Pod{Status: corev1.PodStatus{PodIP: "10.0.0.1"}})
	return c
}

func TestWhatWasCountedHoldsUntilEndpointsChange(t *testing.T) {
	const service = "uid"
	for name, c := range map[string]struct {
		meanwhile func(*endpoints) // between the count and its end
		then      func(*endpoints)
		selector  string
		want      bool
	}{
		"nothing changes":                        {selector: "app=dns", want: true},
		"the selector does":                      {selector: "app=other"},
		"endpoints change":                       {then: func(e *endpoints) { e.changed(service, false) }, selector: "app=dns"},
		"they change while they are counted":     {meanwhile: func(e *endpoints) { e.changed(service, false) }, selector: "app=dns"},
		"another Service's change":               {then: func(e *endpoints) { e.changed("another", false) }, selector: "app=dns", want: true},
		"the Service goes":                       {then: func(e *endpoints) { e.changed(service, true) }, selector: "app=dns"},
		"the Service goes while they're counted": {meanwhile: func(e *endpoints) { e.changed(service, true) }, selector: "app=dns"},
	} {
		t.Run(name, func(t *testing.T) {
			e := &endpoints{watch: func() error { return nil }}
			if err := e.follow(); err != nil {
				t.Fatal(err)
			}
			_, known, at := e.of(service, "app=dns")
			if known {
				t.Error("it is known before it was counted")
			}
			if c.meanwhile != nil {
				c.meanwhile(e)
			}
			e.remember(service, "app=dns", oneMissing(), at)
			if c.then != nil {
				c.then(e)
			}
			got, known, _ := e.of(service, c.selector)
			if known != c.want || known && got.Missing != 1 {
				t.Errorf("want known %t, got %t, %+v", c.want, known, got)
			}
		})
	}
}

func TestEndpointsAreFollowedOnce(t *testing.T) {
	times, fails := 0, true
	e := &endpoints{watch: func() error {
		times++
		if fails {
			return errors.New("no such kind")
		}
		return nil
	}}
	if e.follow() == nil {
		t.Error("that it fails isn't told")
	}
	fails = false
	for range 3 {
		if err := e.follow(); err != nil {
			t.Error(err)
		}
	}
	if times != 2 {
		t.Errorf("begun %d times, want once more after the failure", times)
	}
}
