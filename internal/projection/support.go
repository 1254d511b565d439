package projection

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/annotation"
	"github.com/exoscale-community/nlb-operator/internal/brief"
)

// everyone is the source range that restricts nobody.
const everyone = "0.0.0.0/0"

// unsupported are the things asked for without which the Service can't be served.
func unsupported(in Input) []Problem {
	var problems []Problem
	families := in.Service.Spec.IPFamilies
	if len(families) > 0 && !slices.Contains(families, corev1.IPv4Protocol) {
		problems = append(problems, Problem{v1alpha1.ReasonNotSupported,
			"an Exoscale NLB has an IPv4 address only, and spec.ipFamilies of this Service has IPv6 only; add IPv4"})
	}
	return problems
}

// notHonoured are the things asked for that an NLB can't do, while the Service
// is served without them.
func notHonoured(service *corev1.Service, values annotation.Values) []string {
	var warnings []string
	for _, asked := range []struct{ field, ranges string }{
		{"spec.loadBalancerSourceRanges", strings.Join(service.Spec.LoadBalancerSourceRanges, ", ")},
		{"annotation " + corev1.AnnotationLoadBalancerSourceRangesKey, service.Annotations[corev1.AnnotationLoadBalancerSourceRangesKey]},
	} {
		if restricts(asked.ranges) {
			warnings = append(warnings, fmt.Sprintf(
				"%s is %q, and an Exoscale NLB can't restrict who connects: the ports are OPEN TO EVERYONE. Restrict them in the security groups of the instances, or by NetworkPolicy with externalTrafficPolicy Local", asked.field, brief.Cut(asked.ranges, longestRanges)))
		}
	}
	if address := service.Spec.LoadBalancerIP; address != "" {
		warnings = append(warnings, fmt.Sprintf(
			"spec.loadBalancerIP is %q, and the address of an Exoscale NLB can't be chosen; to keep an address keep its NLB, and name that in %s", address, v1alpha1.AnnotationID))
	}
	if service.Spec.SessionAffinity == corev1.ServiceAffinityClientIP && values.Strategy != v1alpha1.StrategySourceHash {
		warnings = append(warnings, fmt.Sprintf(
			"spec.sessionAffinity is ClientIP, and the NLB may send each connection of a client to another node; set %s to source-hash", v1alpha1.AnnotationStrategy))
	}
	if families := service.Spec.IPFamilies; slices.Contains(families, corev1.IPv6Protocol) && slices.Contains(families, corev1.IPv4Protocol) {
		warnings = append(warnings, "spec.ipFamilies has IPv6, and an Exoscale NLB has an IPv4 address only: it is served by IPv4")
	}
	return warnings
}

// longestRanges is how much of them a message repeats.
const longestRanges = 256

func restricts(ranges string) bool {
	all := strings.FieldsFunc(ranges, func(r rune) bool { return r == ',' || r == ' ' })
	return len(all) > 0 && !slices.Contains(all, everyone)
}
