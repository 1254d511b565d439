package projection

import (
	"regexp"
	"strings"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// inWords are the operator's words about fields of its custom resources, each with those
// about annotations. Of several that begin at one place the first that fits is taken.
var inWords = [][2]string{
	{"check spec.id and spec.zone", "set annotation " + v1alpha1.AnnotationID + " to the id of one that exists"},
	{"create it, or check spec.name and spec.zone", "create it, or set annotation " + v1alpha1.AnnotationName + " to the name of one that exists"},
	{"delete this object, or create the NetworkLoadBalancer again", nameAnother},
	{"To go on, create the NetworkLoadBalancer again, or create this object anew with a reference to another NetworkLoadBalancer", "To go on, " + nameAnother},
	{"create this object anew with a reference to another NetworkLoadBalancer", nameAnother},
	{"create this object anew with a reference to a NetworkLoadBalancer of this namespace", nameAnother},
	{"have its owner admit it in spec.allowedNamespaces", "have its owner admit it"},
	{"create this object anew for another NLB", shareAnother},
	{"create this object anew without it", shareAnother},
	{"create this object anew in a zone that exists", "share a NetworkLoadBalancer of a zone that exists by annotation " + v1alpha1.AnnotationLoadBalancer},
	{"create another NetworkLoadBalancer for the other", "create another Service for the other"},
	{"(spec.zone)", "(a Service can't)"},
	{"service name (spec.name)", "name in annotation " + v1alpha1.AnnotationServiceName},
	{"spec.id", "annotation " + v1alpha1.AnnotationID},
	{"spec.name", "annotation " + v1alpha1.AnnotationName},
	{"check spec.target.sksNodepool", "name ones that exist in annotations " + v1alpha1.AnnotationSKSClusterName + " and " + v1alpha1.AnnotationSKSNodepoolName},
	{"spec.target.instancePoolID", "annotation " + v1alpha1.AnnotationInstancePoolID},
	{"spec.target.nodeSelector", "annotation " + v1alpha1.AnnotationNodeSelector},
	{"check spec.target", "name one that exists in annotation " + v1alpha1.AnnotationInstancePoolID},
	{"spec.targetPort", "the nodePort"},
	{"set deletionPolicy: Retain", "set annotation " + v1alpha1.AnnotationDeletionPolicy + ": Retain"},
	{"with deletionPolicy Retain", "with Retain as its deletion policy"},
	{"create this object anew with managementPolicy External", "set annotation " + v1alpha1.AnnotationExternal + `: "true"`},
	{"managementPolicy External", "annotation " + v1alpha1.AnnotationExternal + `: "true"`},
}

// What the owner of a Service can do instead.
const (
	nameAnother  = "name another NetworkLoadBalancer in annotation " + v1alpha1.AnnotationLoadBalancer + ", or remove it to get an NLB of its own"
	shareAnother = "share another NetworkLoadBalancer by annotation " + v1alpha1.AnnotationLoadBalancer
)

// Texts that others have chosen: what is quoted, and the names of objects.
const (
	quoted = `"(?:[^"\\]|\\.)*(?:"|$)`
	named  = `(?:NetworkLoadBalancer|NLBService) [^\s:;,]+`
	dotted = `[\w-]+(?:[./][\w-]+)+`
)

var ownWords = func() *regexp.Regexp {
	alternatives := []string{quoted, named}
	for _, words := range inWords {
		alternatives = append(alternatives, regexp.QuoteMeta(words[0])+wordEnd(words[0]))
	}
	return regexp.MustCompile(strings.Join(append(alternatives, dotted), "|"))
}()

// wordEnd keeps a text from being the beginning of a longer word.
func wordEnd(text string) string {
	if strings.HasSuffix(text, ")") {
		return ""
	}
	return `\b`
}

// InAnnotations says of a Service in its own words what its objects say of their fields,
// which its owner may never have seen. Only the operator's words are changed.
func InAnnotations(message string) string {
	return ownWords.ReplaceAllStringFunc(message, func(found string) string {
		for _, words := range inWords {
			if words[0] == found {
				return words[1]
			}
		}
		return found
	})
}
