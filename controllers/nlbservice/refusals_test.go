package nlbservice

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
)

func TestRefusals(t *testing.T) {
	// forwarding is an object whose service goes to a pool.
	forwarding := func(uid, pool string, generation int64) *v1alpha1.NLBService {
		return &v1alpha1.NLBService{
			ObjectMeta: metav1.ObjectMeta{UID: types.UID(uid), Generation: generation},
			Status:     v1alpha1.NLBServiceStatus{InstancePoolID: pool},
		}
	}
	blue := forwarding("web", "blue", 1)

	for name, test := range map[string]struct {
		before   *v1alpha1.NLBService // when the green pool is refused
		now      *v1alpha1.NLBService
		pool     string // that now's target means
		told     bool
		instead  string
		forgiven bool
	}{
		"traffic stays with the pool before":         {before: blue, now: blue, pool: "green", told: true, instead: "blue"},
		"nothing was refused":                        {now: blue, pool: "green", instead: "green"},
		"another pool than the refused one is tried": {before: blue, now: blue, pool: "red", instead: "red"},
		"a new spec is tried":                        {before: blue, now: forwarding("web", "blue", 2), pool: "green", instead: "green"},
		"another object isn't meant":                 {before: blue, now: forwarding("api", "blue", 1), pool: "green", instead: "green"},
		"there was no pool before to go back to":     {before: forwarding("web", "", 1), now: blue, pool: "green", instead: "green"},
		"the pool before was the refused one":        {before: forwarding("web", "green", 1), now: blue, pool: "green", instead: "green"},
		"there is no pool to go back to any more":    {before: blue, now: forwarding("web", "", 1), pool: "green", told: true, instead: "green"},
		"it was forgotten with the object":           {before: blue, now: blue, pool: "green", forgiven: true, instead: "green"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRefusals()
			if test.before != nil {
				r.remember(test.before, "green", outcome.Blocked(v1alpha1.ReasonCloudError, "no such pool"))
			}
			if test.forgiven {
				r.forget(test.before.UID)
			}
			for range 2 { // asking changes nothing
				out := r.of(test.now, test.pool)
				if told := out != nil; told != test.told {
					t.Errorf("told: %t", told)
				}
				if want := "no such pool. Traffic stays with the instance pool it went to before"; out != nil && out.Message != want {
					t.Errorf("want %q, got %q", want, out.Message)
				}
				if got := r.instead(test.now, test.pool); got != test.instead {
					t.Errorf("want pool %q, got %q", test.instead, got)
				}
			}
		})
	}

	t.Run("the last refusal counts", func(t *testing.T) {
		r := newRefusals()
		r.remember(blue, "green", outcome.Blocked(v1alpha1.ReasonCloudError, "first"))
		r.remember(blue, "red", outcome.Blocked(v1alpha1.ReasonCloudError, "second"))
		if r.of(blue, "green") != nil || r.of(blue, "red") == nil {
			t.Error("want the one of red only")
		}
	})
}
