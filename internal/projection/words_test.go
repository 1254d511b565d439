package projection_test

import (
	"testing"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/projection"
)

const annotationID = "annotation " + v1alpha1.AnnotationID

func TestAServiceIsToldOfAnnotationsInTheOperatorsOwnWordsOnly(t *testing.T) {
	for name, c := range map[string]struct{ says, told string }{
		"a field":                               {"set spec.id", "set " + annotationID},
		"a field at the end of a sentence":      {"It isn't spec.id. Mend it", "It isn't " + annotationID + ". Mend it"},
		"a longer word that begins like one":    {"spec.identity", "spec.identity"},
		"a field of another's":                  {"status.spec.id", "status.spec.id"},
		"the longest words that fit":            {"check spec.id and spec.zone", "set " + annotationID + " to the id of one that exists"},
		"no field":                              {"nothing of the kind", "nothing of the kind"},
		"a quoted name":                         {`NLB 0b12 ("spec.id") isn't ours; check spec.target`, `NLB 0b12 ("spec.id") isn't ours; name one that exists in annotation ` + v1alpha1.AnnotationInstancePoolID},
		"a value with quotes in it":             {`annotation x is "a\"spec.id\"": set spec.id`, `annotation x is "a\"spec.id\"": set ` + annotationID},
		"a value that ends with a backslash":    {`"spec.id\\" spec.id`, `"spec.id\\" ` + annotationID},
		"a value that was cut":                  {`spec.id "managementPolicy External spec.id…`, annotationID + ` "managementPolicy External spec.id…`},
		"a NetworkLoadBalancer of such a name":  {"NetworkLoadBalancer spec.id doesn't exist", "NetworkLoadBalancer spec.id doesn't exist"},
		"one of such a name elsewhere":          {"NetworkLoadBalancer shop/spec.id: set spec.id", "NetworkLoadBalancer shop/spec.id: set " + annotationID},
		"an NLBService of such a name":          {"held by NLBService spec.name; spec.name", "held by NLBService spec.name; annotation " + v1alpha1.AnnotationName},
		"a Node whose name ends like a field":   {"with worker.spec.id, worker/spec.id", "with worker.spec.id, worker/spec.id"},
		"a label whose key ends like a field":   {"example.org/spec.id may be set", "example.org/spec.id may be set"},
		"words that may be part of other words": {"(spec.zone) spec.zones", "(a Service can't) spec.zones"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := projection.InAnnotations(c.says); got != c.told {
				t.Errorf("got %q, want %q", got, c.told)
			}
		})
	}
}
