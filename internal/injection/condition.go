package injection

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// Rights is what the operator has to be given for Services that ask for sidecars.
const Rights = "the rights for sidecars, which config/components/udp-sidecar gives, or udpSidecar.enabled or udpSidecar.byHand of the chart"

// Situation is what else decides whether a Pod gets the sidecar.
type Situation struct {
	Namespace string
	Service   string
	// Injects: the operator has an image of the sidecar to inject.
	Injects bool
	// Enabled: the Namespace asks for it in the name of its Pods.
	Enabled bool
}

// Condition tells whether all endpoints have the sidecar and, if not, how they
// get it.
func (c Coverage) Condition(in Situation) metav1.Condition {
	condition := metav1.Condition{Type: v1alpha1.ConditionSidecarsInjected, Status: metav1.ConditionFalse}
	switch {
	case c.Endpoints == 0:
		condition.Status, condition.Reason = metav1.ConditionUnknown, v1alpha1.ReasonNoEndpoints
		condition.Message = fmt.Sprintf("Service %s/%s has no endpoints that could have the sidecar", in.Namespace, in.Service)
	case c.Missing == 0:
		condition.Status, condition.Reason = metav1.ConditionTrue, v1alpha1.ReasonSidecarsInjected
		condition.Message = fmt.Sprintf("All endpoints of Service %s/%s have the sidecar", in.Namespace, in.Service)
	case !in.Injects:
		condition.Reason = v1alpha1.ReasonNobodyInjects
		condition.Message = fmt.Sprintf("%s, and nobody injects it: the operator's --udp-sidecar-image isn't set. Once it is, Pods get the sidecar when they are made: %s", c.lack(in), c.makeAnew(in))
	default:
		condition.Reason = v1alpha1.ReasonSidecarsMissing
		condition.Message = fmt.Sprintf("%s: nobody asks them whether they answer UDP. %sPods get the sidecar when they are made: %s", c.lack(in), c.ask(in), c.makeAnew(in))
	}
	return condition
}

func (c Coverage) lack(in Situation) string {
	return fmt.Sprintf("%d of %d endpoints of Service %s/%s lack the sidecar (container %s)", c.Missing, c.Endpoints, in.Namespace, in.Service, v1alpha1.SidecarContainer)
}

// ask is how to ask for the sidecar, where making the Pods anew isn't enough.
func (c Coverage) ask(in Situation) string {
	var text strings.Builder
	if c.unasked > 0 && !in.Enabled {
		fmt.Fprintf(&text, "Neither the Namespace nor %d of them ask for it: kubectl label namespace %s %s=enabled, or label the Pods %s: \"true\". ",
			c.unasked, in.Namespace, v1alpha1.LabelUDPHealthCheckInjection, v1alpha1.LabelUDPHealthCheck)
	}
	if c.declined > 0 {
		fmt.Fprintf(&text, "%d of them decline it by their label %s: take that off the Pods. ", c.declined, v1alpha1.LabelUDPHealthCheck)
	}
	if c.onHost > 0 {
		fmt.Fprintf(&text, "%d of them are on the network of their node, whose ports a sidecar would take: if it may, annotate the Pods %s: \"true\". ", c.onHost, v1alpha1.AnnotationUDPHealthCheckHostNetwork)
	}
	return text.String()
}

// mostNames that a message lists of one sort.
const mostNames = 5

// makeAnew is what to run so that the Pods are made anew.
func (c Coverage) makeAnew(in Situation) string {
	var restart, bare, others []string
	for _, of := range c.makers {
		switch of.kind {
		case "Deployment", "StatefulSet", "DaemonSet":
			restart = append(restart, strings.ToLower(of.kind)+"/"+of.name)
		case "Pod":
			bare = append(bare, of.name)
		default:
			others = append(others, of.kind+" "+of.name)
		}
	}
	var ways []string
	if len(restart) > 0 {
		ways = append(ways, fmt.Sprintf("kubectl --namespace %s rollout restart %s", in.Namespace, listed(restart, " ")))
	}
	if len(others) > 0 {
		ways = append(ways, fmt.Sprintf("delete the Pods of %s one by one, which makes them anew", listed(others, ", ")))
	}
	if len(bare) > 0 {
		ways = append(ways, fmt.Sprintf("delete Pod %s, which nobody makes anew, and create it again", listed(bare, ", ")))
	}
	return strings.Join(ways, "; ")
}

func listed(names []string, separator string) string {
	if more := len(names) - mostNames; more > 0 {
		return fmt.Sprintf("%s (and %d more)", strings.Join(names[:mostNames], separator), more)
	}
	return strings.Join(names, separator)
}
