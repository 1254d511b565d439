package nlb

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

func TestAnNLBThatAnotherHoldsIsNotOurs(t *testing.T) {
	t.Parallel()
	held := func(c *Claim) { c.HolderOf = func(string) string { return "shop/first" } }
	external := func(c *Claim) { c.External = true }
	for name, c := range map[string]struct {
		lb    LoadBalancer
		edits []func(*Claim)
		want  Proof
	}{
		"unlabelled, recorded by both":     {LoadBalancer{ID: "recorded"}, []func(*Claim){held}, ProofNone},
		"consent for us, held by another":  {LoadBalancer{Labels: consenting(nil, "blue/shop/web")}, []func(*Claim){held}, ProofNone},
		"the CCM's, held by another":       {LoadBalancer{Name: "k8s-" + serviceUID}, []func(*Claim){held}, ProofNone},
		"External, held by another":        {LoadBalancer{}, []func(*Claim){held, external}, ProofNone},
		"our labels, whoever records it":   {LoadBalancer{Labels: owned(cluster, "shop/web", ourUID)}, []func(*Claim){held}, ProofLabels},
		"our name, restored":               {LoadBalancer{Labels: owned(cluster, "shop/web", otherUID)}, []func(*Claim){held}, ProofRestored},
		"unlabelled, recorded by us alone": {LoadBalancer{ID: "recorded"}, nil, ProofRecorded},
	} {
		t.Run(name, func(t *testing.T) {
			got, refusal := ProofOf(c.lb, claimed(c.edits...))
			if got != c.want {
				t.Errorf("want %q, got %q", c.want, got)
			}
			if c.want == ProofNone && !strings.Contains(refusal, "shop/first") {
				t.Errorf("%q doesn't say who holds it", refusal)
			}
		})
	}
}

func TestWhoGoesFirst(t *testing.T) {
	t.Parallel()
	older := func(o *v1alpha1.NetworkLoadBalancer) { o.CreationTimestamp = metav1.NewTime(time.Unix(1, 0)) }
	younger := func(o *v1alpha1.NetworkLoadBalancer) { o.CreationTimestamp = metav1.NewTime(time.Unix(2, 0)) }
	holds := func(o *v1alpha1.NetworkLoadBalancer) { o.Status = held("lb") }
	smaller := func(o *v1alpha1.NetworkLoadBalancer) { o.UID = "0" }
	for name, c := range map[string]struct {
		first, second []func(*v1alpha1.NetworkLoadBalancer)
	}{
		"the older":                    {[]func(*v1alpha1.NetworkLoadBalancer){older}, []func(*v1alpha1.NetworkLoadBalancer){younger}},
		"the holder, though younger":   {[]func(*v1alpha1.NetworkLoadBalancer){younger, holds}, []func(*v1alpha1.NetworkLoadBalancer){older}},
		"of two holders the older":     {[]func(*v1alpha1.NetworkLoadBalancer){older, holds}, []func(*v1alpha1.NetworkLoadBalancer){younger, holds}},
		"of one age the UID's smaller": {[]func(*v1alpha1.NetworkLoadBalancer){older, smaller}, []func(*v1alpha1.NetworkLoadBalancer){older}},
	} {
		t.Run(name, func(t *testing.T) {
			first, second := balancer(c.first...), balancer(c.second...)
			if !GoesFirst(first, second) || GoesFirst(second, first) {
				t.Errorf("one of them has to go first, and only that")
			}
		})
	}
}
