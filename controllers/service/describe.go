package service

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/brief"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
	"github.com/exoscale-community/nlb-operator/internal/projection"
)

// verdict is a condition to be: its status, reason and message.
type verdict struct {
	status          metav1.ConditionStatus
	reason, message string
}

// describe writes what the round found into the status of a Service that is served.
func describe(service *corev1.Service, plan projection.Plan, own children) {
	ports := portStates(service, plan, own)
	address := ""
	if own.serving != nil {
		address = own.serving.Status.Address
	}
	if own.lost(addressOf(service)) != nil {
		service.Status.LoadBalancer.Ingress = nil
	}
	if before := service.Status.LoadBalancer.Ingress; len(before) == 0 || !moving(service, own) || arrived(plan, own) {
		alone := !own.shared && (own.serving == nil || nlb.Made(own.serving))
		service.Status.LoadBalancer.Ingress = ingressOf(before, address, alone, ports)
	}
	set(service, v1alpha1.ServiceConditionAccepted, accepted(plan, own))
	set(service, v1alpha1.ServiceConditionProgrammed, programmedAs(plan, own, ports))
	set(service, v1alpha1.ServiceConditionAllFieldsHonored, fieldsHonoured(plan))
	describeHandOver(service, own)
	told := meta.FindStatusCondition(service.Status.Conditions, v1alpha1.ServiceConditionBackendsHealthy) != nil
	if health := backendsHealthy(ports, own, told); health.status == "" {
		meta.RemoveStatusCondition(&service.Status.Conditions, v1alpha1.ServiceConditionBackendsHealthy)
	} else {
		set(service, v1alpha1.ServiceConditionBackendsHealthy, health)
	}
	meta.RemoveStatusCondition(&service.Status.Conditions, v1alpha1.ServiceConditionUnclaimed)
}

// backendsHealthy: every port has a backend that passes its health check. Nothing
// is said before the first result. told: there was one.
func backendsHealthy(ports []portState, own children, told bool) verdict {
	var bad, unseen []string
	known := false
	for _, port := range ports {
		child := own.service(port.child)
		if child == nil {
			continue
		}
		c := meta.FindStatusCondition(child.Status.Conditions, v1alpha1.ConditionBackendsHealthy)
		if c == nil {
			continue
		}
		switch port.message = c.Message; c.Status {
		case metav1.ConditionUnknown:
			unseen = append(unseen, port.String())
			continue
		case metav1.ConditionFalse:
			bad = append(bad, port.String())
		}
		known = true
	}
	switch {
	case !known && !told:
		return verdict{}
	case len(bad) > 0:
		return verdict{metav1.ConditionFalse, v1alpha1.ReasonNoHealthyBackends, brief.Sentences(bad, "; ")}
	case len(unseen) > 0:
		return verdict{metav1.ConditionUnknown, v1alpha1.ReasonHealthUnknown, brief.Sentences(unseen, "; ")}
	case !known: // no port has a service any more
		return verdict{}
	default:
		return verdict{metav1.ConditionTrue, v1alpha1.ReasonBackendsHealthy, "Every port has a node that passes its health check"}
	}
}

// describeHandOver says of the ports that are to move to another instance pool what they
// wait for.
func describeHandOver(service *corev1.Service, own children) {
	var waits []string
	var first metav1.Condition
	for _, child := range own.services {
		c := meta.FindStatusCondition(child.Status.Conditions, v1alpha1.ConditionHandedOver)
		if c == nil {
			continue
		}
		if len(waits) == 0 || c.Reason == v1alpha1.ReasonNoHealthyBackends {
			first = *c
		}
		waits = append(waits, fmt.Sprintf("port %d/%s: %s", child.Spec.Port, child.Spec.Protocol, c.Message))
	}
	if len(waits) == 0 {
		meta.RemoveStatusCondition(&service.Status.Conditions, v1alpha1.ServiceConditionHandedOver)
		return
	}
	set(service, v1alpha1.ServiceConditionHandedOver, verdict{first.Status, first.Reason, brief.Sentences(waits, "; ")})
}

// tellHandOver tells once of each reason for which traffic stays where it is, not of
// each count of healthy instances.
func tellHandOver(notices *outcome.Notices, before, now *corev1.Service) {
	c, was := meta.FindStatusCondition(now.Status.Conditions, v1alpha1.ServiceConditionHandedOver), meta.FindStatusCondition(before.Status.Conditions, v1alpha1.ServiceConditionHandedOver)
	switch {
	case c == nil || c.Status == metav1.ConditionUnknown || was != nil && was.Reason == c.Reason:
	case c.Reason == v1alpha1.ReasonNoHealthyBackends:
		notices.Warning(c.Reason, "HandOver", "%s", c.Message)
	case was == nil:
		notices.Normal(c.Reason, "HandOver", "%s", c.Message)
	}
}

func set(service *corev1.Service, kind string, v verdict) {
	v.message = projection.InAnnotations(v.message)
	outcome.SetCondition(&service.Status.Conditions, metav1.Condition{
		Type: kind, Status: v.status, Reason: v.reason, Message: v.message, ObservedGeneration: service.Generation,
	})
}

// accepted: the Service asks for what can be done, and its references resolve.
func accepted(plan projection.Plan, own children) verdict {
	problems := slices.Clone(plan.Problems)
	if plan.PoolProblem != nil {
		problems = append(problems, *plan.PoolProblem)
	}
	for _, problem := range plan.PortProblems {
		problems = append(problems, projection.Problem{Reason: problem.Reason, Message: problem.String()})
	}
	if len(problems) == 0 {
		problems = notAccepted(own)
	}
	if len(problems) == 0 {
		return verdict{metav1.ConditionTrue, v1alpha1.ReasonAccepted, ""}
	}
	messages := make([]string, len(problems))
	for i, problem := range problems {
		messages[i] = problem.Message
	}
	return verdict{metav1.ConditionFalse, problems[0].Reason, brief.Sentences(messages, "; ")}
}

// notAccepted tells what of the Service's own objects isn't accepted.
func notAccepted(own children) []projection.Problem {
	var problems []projection.Problem
	look := func(kind, name string, conditions []metav1.Condition) {
		if c := meta.FindStatusCondition(conditions, v1alpha1.ConditionAccepted); c != nil && c.Status == metav1.ConditionFalse {
			problems = append(problems, projection.Problem{Reason: c.Reason, Message: fmt.Sprintf("%s %s: %s", kind, name, c.Message)})
		}
	}
	if own.loadBalancer != nil {
		look("NetworkLoadBalancer", own.loadBalancer.Name, own.loadBalancer.Status.Conditions)
		for i := range problems {
			problems[i].Message += wayOut(own)
		}
	}
	for _, child := range own.services {
		look("NLBService", child.Name, child.Status.Conditions)
	}
	return problems
}

// programmedAs: every port is served by the NLB.
func programmedAs(plan projection.Plan, own children, ports []portState) verdict {
	lb := own.serving
	switch {
	case own.shared && len(plan.Problems) == 0:
		return portsProgrammed(ports) // these tell of the NetworkLoadBalancer what this Service may know
	case lb == nil && len(plan.Problems) > 0:
		return verdict{metav1.ConditionFalse, plan.Problems[0].Reason, plan.Problems[0].Message}
	case lb == nil && plan.LoadBalancer == nil && len(plan.PortProblems) > 0:
		return portsProgrammed(ports)
	case lb == nil && plan.LoadBalancer == nil && len(plan.Waits) > 0:
		return verdict{metav1.ConditionFalse, plan.Waits[0].Reason, plan.Waits[0].Message}
	case lb == nil:
		return verdict{metav1.ConditionFalse, v1alpha1.ReasonCreating, "The NetworkLoadBalancer is being created"}
	case !lb.DeletionTimestamp.IsZero():
		return verdict{metav1.ConditionFalse, v1alpha1.ReasonLoadBalancerDeleting, fmt.Sprintf("NetworkLoadBalancer %s is being deleted, and is made anew then", lb.Name)}
	}
	done := meta.FindStatusCondition(lb.Status.Conditions, v1alpha1.ConditionProgrammed)
	switch {
	case done == nil:
		return verdict{metav1.ConditionFalse, v1alpha1.ReasonPending, fmt.Sprintf("NetworkLoadBalancer %s isn't looked at yet", lb.Name)}
	case done.Status == metav1.ConditionFalse:
		return verdict{metav1.ConditionFalse, done.Reason, fmt.Sprintf("NetworkLoadBalancer %s: %s%s", lb.Name, progress(*done), wayOut(own))}
	case lb.Status.Address == "":
		return verdict{metav1.ConditionFalse, v1alpha1.ReasonWaitingForAddress, fmt.Sprintf("NetworkLoadBalancer %s has no address yet", lb.Name)}
	}
	if now := portsProgrammed(ports); now.status != metav1.ConditionTrue || done.Status != metav1.ConditionUnknown {
		return now
	}
	return verdict{metav1.ConditionUnknown, done.Reason, fmt.Sprintf("NetworkLoadBalancer %s: %s", lb.Name, done.Message)}
}

func portsProgrammed(ports []portState) verdict {
	for _, worst := range []stage{failed, pending, unknown} {
		i := slices.IndexFunc(ports, func(p portState) bool { return p.stage == worst })
		if i < 0 {
			continue
		}
		status := metav1.ConditionFalse
		if worst == unknown {
			status = metav1.ConditionUnknown
		}
		rest := slices.DeleteFunc(slices.Clone(ports), func(p portState) bool { return p.stage == programmed })
		return verdict{status, ports[i].reason, told(rest)}
	}
	return verdict{metav1.ConditionTrue, v1alpha1.ReasonProgrammed, ""}
}

func fieldsHonoured(plan projection.Plan) verdict {
	if len(plan.Warnings) == 0 {
		return verdict{metav1.ConditionTrue, v1alpha1.ReasonAccepted, ""}
	}
	return verdict{metav1.ConditionFalse, v1alpha1.ReasonNotSupported, brief.Sentences(plan.Warnings, "; ")}
}

// describeContested tells that somebody else serves the Service.
func describeContested(service *corev1.Service, active string) {
	set(service, v1alpha1.ServiceConditionAccepted, verdict{metav1.ConditionFalse, v1alpha1.ReasonInUseByOther, fmt.Sprintf(
		"The Service has no class, and %s. It is left to that; stop it, or set spec.loadBalancerClass of a new Service to %s. It is looked at again by itself", active, v1alpha1.LoadBalancerClass)})
}

// describeUnclaimed tells that the operator holds what it wouldn't claim now.
func describeUnclaimed(service *corev1.Service) {
	why := "Services without a class aren't its own now (--claim-classless-services)"
	if class := service.Spec.LoadBalancerClass; class != nil {
		why = fmt.Sprintf("its class is %q", *class)
	}
	set(service, v1alpha1.ServiceConditionUnclaimed, verdict{metav1.ConditionTrue, v1alpha1.ReasonUnclaimed, fmt.Sprintf(
		"The operator holds this Service, but doesn't claim it any more, since %s. It stays as it is, with its address, and changes of it have no effect; delete it, let the operator claim it again, or annotate it with %s: %s: it is then left to the next controller that takes it, with its NLB and address", why, v1alpha1.AnnotationDeletionPolicy, v1alpha1.DeletionRetain)})
}

// describeReleasing tells what has to be gone before the Service is let go.
func describeReleasing(service *corev1.Service, left []string, own children) {
	message := "Waiting until these are gone: " + brief.List(left)
	look := func(name string, conditions []metav1.Condition) {
		if c := meta.FindStatusCondition(conditions, v1alpha1.ConditionStalled); c != nil {
			message += fmt.Sprintf("; %s: %s", name, c.Message)
		}
	}
	if own.loadBalancer != nil {
		look("NetworkLoadBalancer "+own.loadBalancer.Name, own.loadBalancer.Status.Conditions)
	}
	for _, child := range own.services {
		look("NLBService "+child.Name, child.Status.Conditions)
	}
	set(service, v1alpha1.ServiceConditionProgrammed, verdict{metav1.ConditionFalse, v1alpha1.ReasonDeleting, message})
}

// forget removes all that the operator has said of a Service.
func forget(service *corev1.Service) {
	service.Status.Conditions = slices.DeleteFunc(service.Status.Conditions, func(c metav1.Condition) bool {
		return strings.HasPrefix(c.Type, v1alpha1.Prefix)
	})
}

// tell collects the Events that the change of the status is worth.
func tell(notices *outcome.Notices, before, now *corev1.Service, own children) {
	tellAddress(notices, before, now, own)
	tellHandOver(notices, before, now)
	// Events of one reason and action are folded into one: each condition has
	// an action of its own.
	news := func(kind, action string, bad metav1.ConditionStatus) bool {
		c, was := meta.FindStatusCondition(now.Status.Conditions, kind), meta.FindStatusCondition(before.Status.Conditions, kind)
		if c == nil || c.Status != bad {
			return false
		}
		if was == nil || was.Status != c.Status || was.Reason != c.Reason || was.Message != c.Message {
			notices.Warning(c.Reason, action, "%s", c.Message)
		}
		return true
	}
	bad := news(v1alpha1.ServiceConditionAccepted, "Accept", metav1.ConditionFalse)
	news(v1alpha1.ServiceConditionAllFieldsHonored, "Honour", metav1.ConditionFalse)
	news(v1alpha1.ServiceConditionUnclaimed, "Claim", metav1.ConditionTrue)
	news(v1alpha1.ServiceConditionBackendsHealthy, "CheckHealth", metav1.ConditionFalse)
	if !bad && own.stalled() { // progress is no news
		news(v1alpha1.ServiceConditionProgrammed, "Program", metav1.ConditionFalse)
	}
}

func (c children) stalled() bool {
	if c.loadBalancer != nil && meta.IsStatusConditionTrue(c.loadBalancer.Status.Conditions, v1alpha1.ConditionStalled) {
		return true
	}
	return slices.ContainsFunc(c.services, func(s v1alpha1.NLBService) bool {
		return meta.IsStatusConditionTrue(s.Status.Conditions, v1alpha1.ConditionStalled)
	})
}

func tellAddress(notices *outcome.Notices, before, now *corev1.Service, own children) {
	had, has := addressOf(before), addressOf(now)
	switch lost := own.lost(had); {
	case has == "" && lost != nil:
		notices.Warning(v1alpha1.ReasonAddressWithdrawn, "Publish", "NLB %s is gone from Exoscale, and with it the address %s, which isn't published any more%s", lost.ID, had, own.instead())
	case has == "" || has == had:
	case had == "":
		notices.Normal(v1alpha1.ReasonProgrammed, "Publish", "The address is %s", has)
	default:
		notices.Warning(v1alpha1.ReasonAddressChanged, "Publish", "The address is %s now, and was %s", has, had)
	}
}

// instead says what takes the place of an NLB that is gone; empty if nothing does.
func (c children) instead() string {
	if c.serving == nil || !nlb.Made(c.serving) {
		return ""
	}
	return ". The NLB is made anew, with another address"
}

// addressAfter is how long a Service waited for the address that this round has
// published: since the first look at it, so that one that became a load balancer
// late isn't measured by its age. false if the round has published none.
func addressAfter(before, now *corev1.Service, at time.Time) (time.Duration, bool) {
	if addressOf(before) != "" || addressOf(now) == "" {
		return 0, false
	}
	since := at // seen for the first time, and its NLB was there
	if c := meta.FindStatusCondition(before.Status.Conditions, v1alpha1.ServiceConditionProgrammed); c != nil && c.Status != metav1.ConditionTrue {
		since = c.LastTransitionTime.Time
	}
	return max(0, at.Sub(since)), true
}

func addressOf(service *corev1.Service) string {
	if len(service.Status.LoadBalancer.Ingress) == 0 {
		return ""
	}
	return service.Status.LoadBalancer.Ingress[0].IP
}
