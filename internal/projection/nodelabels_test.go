package projection_test

import (
	"strings"
	"testing"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/projection"
)

func TestNodesAreSelectedOnlyByLabelsThatNoKubeletSetsIfThatIsWanted(t *testing.T) {
	restricted := func(in *projection.Input) { in.RestrictedNodeLabels = true }
	selecting := func(selector string) func(*projection.Input) {
		return annotated(v1alpha1.AnnotationNodeSelector, selector)
	}
	for name, test := range map[string]struct {
		given []func(*projection.Input)
		says  string // empty: it isn't refused
	}{
		"a label of the user's own":     {[]func(*projection.Input){restricted, selecting("role=ingress")}, `annotation nlb.exoscale.com/node-selector is "role=ingress": a kubelet may set role on its own Node; keys have to begin with node-restriction.kubernetes.io/`},
		"one of two":                    {[]func(*projection.Input){restricted, selecting("node-restriction.kubernetes.io/role=ingress,tier!=test")}, "a kubelet may set tier"},
		"a restricted one":              {[]func(*projection.Input){restricted, selecting("node-restriction.kubernetes.io/role=ingress")}, ""},
		"no selector":                   {[]func(*projection.Input){restricted}, ""},
		"one that another goes before":  {[]func(*projection.Input){restricted, selecting("role=ingress"), annotated(v1alpha1.AnnotationInstancePoolID, pool)}, ""},
		"the user's own, if it may be":  {[]func(*projection.Input){selecting("role=ingress")}, ""},
		"what can't be read is refused": {[]func(*projection.Input){restricted, selecting("role in")}, "allowed is a label selector"},
	} {
		t.Run(name, func(t *testing.T) {
			plan := projection.Project(given(test.given...))
			switch problem := plan.FirstProblem(); {
			case test.says == "" && problem != nil:
				t.Errorf("refused: %+v", *problem)
			case test.says != "" && (problem == nil || problem.Reason != v1alpha1.ReasonInvalid || !strings.Contains(problem.Message, test.says)):
				t.Errorf("got %+v, want %q in it", problem, test.says)
			case test.says != "" && (plan.LoadBalancer != nil || len(plan.Services) > 0):
				t.Error("something is planned all the same")
			}
		})
	}
}
