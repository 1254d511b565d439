package nlb

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestUnrestrictedKeys(t *testing.T) {
	const restricted = "node-restriction.kubernetes.io/role"
	labels := func(keys ...string) *metav1.LabelSelector {
		selector := &metav1.LabelSelector{MatchLabels: map[string]string{}}
		for _, key := range keys {
			selector.MatchLabels[key] = "ingress"
		}
		return selector
	}
	expressions := func(keys ...string) *metav1.LabelSelector {
		selector := &metav1.LabelSelector{}
		for _, key := range keys {
			selector.MatchExpressions = append(selector.MatchExpressions, metav1.LabelSelectorRequirement{Key: key, Operator: metav1.LabelSelectorOpExists})
		}
		return selector
	}
	for name, test := range map[string]struct {
		selector *metav1.LabelSelector
		want     []string
	}{
		"none":                            {labels(), nil},
		"a restricted one":                {labels(restricted), nil},
		"one of a subdomain":              {labels("team.node-restriction.kubernetes.io/role"), nil},
		"one without a domain":            {labels("role"), []string{"role"}},
		"one of Kubernetes":               {labels("kubernetes.io/os"), []string{"kubernetes.io/os"}},
		"a name that looks like a domain": {labels("node-restriction.kubernetes.io"), []string{"node-restriction.kubernetes.io"}},
		"a domain that only ends alike":   {labels("mynode-restriction.kubernetes.io/role"), []string{"mynode-restriction.kubernetes.io/role"}},
		"in an expression":                {expressions("role", restricted, "role"), []string{"role"}},
		"several, sorted":                 {expressions("tier", "role"), []string{"role", "tier"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, UnrestrictedKeys(test.selector), cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}
