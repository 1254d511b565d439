package annotation

import (
	"fmt"
	"strings"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// OldKey is an annotation of former versions of the CCM, or of what was before it.
// Manifests live longer than controllers.
type OldKey struct {
	// Name is the whole key.
	Name string
	// Today is a sentence for the documentation: what becomes of it, and today's way.
	Today string

	// says tells what a value comes to; refuse: the Service can't be served with it.
	// Empty: it is as wanted.
	says func(v *Values, value string, service Service) (message string, refuse bool)
}

// OldKeys are all that are still understood.
func OldKeys() []OldKey { return append([]OldKey(nil), oldKeys...) }

var oldKeys = []OldKey{
	{
		Name:  v1alpha1.AnnotationOldZone,
		Today: "The operator's --zone; another zone is refused before the first NLB is made, and warned of later. For an NLB elsewhere: a NetworkLoadBalancer with spec.zone, shared by " + v1alpha1.AnnotationLoadBalancer + ".",
		says:  sayZone,
	},
	{
		Name:  v1alpha1.AnnotationOldKeep,
		Today: `"true" means ` + v1alpha1.AnnotationDeletionPolicy + ": Retain, which goes before it.",
		says:  sayKeep,
	},
	{
		Name:  v1alpha1.AnnotationOldServiceID,
		Today: "No effect: the service on the NLB is found by its port and protocol.",
		says:  unread("the service on the NLB is found by its port and protocol; remove the annotation"),
	},
	{
		Name:  v1alpha1.AnnotationOldHTTPHealthCheckURI,
		Today: "No effect: set service-healthcheck-uri, with service-healthcheck-mode http.",
		says:  unread(fmt.Sprintf("set %s instead, with %s: http", v1alpha1.AnnotationHealthCheckURI, v1alpha1.AnnotationHealthCheckMode)),
	},
	{
		Name:  v1alpha1.AnnotationOldServiceProtocol,
		Today: "No effect: each of spec.ports has its protocol.",
		says:  unread("each of spec.ports has its protocol; remove the annotation"),
	},
}

func unread(today string) func(*Values, string, Service) (string, bool) {
	return func(*Values, string, Service) (string, bool) {
		return "it is one of former versions of the CCM, and has no effect: " + today, false
	}
}

// sayZone refuses another zone while nothing is there yet: an NLB in the wrong place
// serves nobody, and costs.
func sayZone(v *Values, value string, service Service) (message string, refuse bool) {
	switch {
	case v.LoadBalancer != nil:
		return "it has no effect, since the Service shares a NetworkLoadBalancer, whose spec.zone tells the zone; remove the annotation", false
	case strings.EqualFold(value, service.Zone):
		return "", false
	case service.Served:
		return fmt.Sprintf("the NLB of this Service is in zone %s and stays there; remove the annotation", service.Zone), false
	}
	where := fmt.Sprintf("this operator makes NLBs in zone %s", service.Zone)
	if service.Zone == "" {
		where = "this operator has no zone (--zone) in which it makes NLBs"
	}
	return fmt.Sprintf("%s; remove the annotation, or have the Service share a NetworkLoadBalancer with that spec.zone by %s", where, v1alpha1.AnnotationLoadBalancer), true
}

// sayKeep reads what today is the deletion policy.
func sayKeep(v *Values, value string, _ Service) (message string, refuse bool) {
	keep := strings.EqualFold(value, "true")
	switch {
	case v.LoadBalancer != nil:
		return "it has no effect, since the Service shares a NetworkLoadBalancer; remove the annotation", false
	case v.DeletionPolicy != "":
		return fmt.Sprintf("%s: %s goes before it; remove the annotation", v1alpha1.AnnotationDeletionPolicy, v.DeletionPolicy), false
	case keep:
		v.DeletionPolicy = v1alpha1.DeletionRetain
		return fmt.Sprintf("the NLB is kept when the Service is deleted; today that is said by %s: %s", v1alpha1.AnnotationDeletionPolicy, v1alpha1.DeletionRetain), false
	default:
		return fmt.Sprintf("only true has an effect, so the NLB goes with the Service; today that is said by %s: %s", v1alpha1.AnnotationDeletionPolicy, v1alpha1.DeletionDelete), false
	}
}

// oldWords reads the old annotations, after all others.
func (v *Values) oldWords(annotations map[string]string, service Service) (warnings, problems []Problem) {
	for _, key := range oldKeys {
		value := annotations[key.Name]
		if value == "" {
			continue
		}
		switch message, refuse := key.says(v, value, service); {
		case message == "":
		case refuse:
			problems = append(problems, Problem{key.Name, value, message})
		default:
			warnings = append(warnings, Problem{key.Name, value, message})
		}
	}
	return warnings, problems
}

// DeletionPolicyOf is what the annotations say of the NLB when the Service lets it
// go; empty if they say nothing that is valid. What is wrong with others doesn't matter.
func DeletionPolicyOf(annotations map[string]string) v1alpha1.DeletionPolicy {
	alone := map[string]string{}
	for _, name := range []string{v1alpha1.AnnotationDeletionPolicy, v1alpha1.AnnotationOldKeep} {
		if value, annotated := annotations[name]; annotated {
			alone[name] = value
		}
	}
	values, problems, _ := Parse(alone, Service{})
	if len(problems) > 0 {
		return ""
	}
	return values.DeletionPolicy
}
