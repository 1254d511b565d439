package metrics

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// State is how an object is, in one word.
type State string

// The states.
const (
	// Ready: served as asked for.
	Ready State = "ready"
	// Reconciling: work is under way, or something passing is waited for.
	Reconciling State = "reconciling"
	// Stalled: somebody has to act.
	Stalled State = "stalled"
	// Deleting: it waits until what it stands for is gone.
	Deleting State = "deleting"
)

// Object is what is told of one.
type Object struct {
	Kind, Namespace, Name string
	// Zone is empty as long as none is recorded; Services have none.
	Zone   string
	State  State
	Reason string
	// Since is when it ceased to be ready, or when its deletion began.
	Since time.Time
	// Operation is what is in flight for it at Exoscale; nil: nothing.
	Operation *v1alpha1.Operation
	// AddressPending: a Service that has no address yet.
	AddressPending bool
}

// The kinds of objects.
const (
	kindLoadBalancer = "NetworkLoadBalancer"
	kindNLBService   = "NLBService"
	kindNodeIdentity = "NodeIdentity"
	kindService      = "Service"
)

func ofLoadBalancer(lb *v1alpha1.NetworkLoadBalancer) Object {
	o := of(kindLoadBalancer, &lb.ObjectMeta, lb.Status.Conditions)
	o.Zone, o.Operation = lb.Status.Zone, lb.Status.Operation
	return o
}

func ofNLBService(s *v1alpha1.NLBService) Object {
	o := of(kindNLBService, &s.ObjectMeta, s.Status.Conditions)
	o.Zone, o.Operation = s.Status.Zone, s.Status.Operation
	return o
}

func ofNodeIdentity(i *v1alpha1.NodeIdentity) Object {
	o := of(kindNodeIdentity, &i.ObjectMeta, i.Status.Conditions)
	o.Zone = i.Spec.Zone
	return o
}

// of tells how an object is by its kstatus conditions.
func of(kind string, object *metav1.ObjectMeta, conditions []metav1.Condition) Object {
	o := Object{Kind: kind, Namespace: object.Namespace, Name: object.Name}
	ready := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady)
	switch {
	case ready == nil:
		o.State, o.Reason, o.Since = Reconciling, v1alpha1.ReasonPending, object.CreationTimestamp.Time
	case ready.Status == metav1.ConditionTrue:
		o.State, o.Reason = Ready, ready.Reason
	case meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionStalled):
		o.State, o.Reason, o.Since = Stalled, ready.Reason, ready.LastTransitionTime.Time
	default:
		o.State, o.Reason, o.Since = Reconciling, ready.Reason, ready.LastTransitionTime.Time
	}
	return deleting(o, object)
}

func deleting(o Object, object *metav1.ObjectMeta) Object {
	if object.DeletionTimestamp != nil {
		o.State, o.Since = Deleting, object.DeletionTimestamp.Time
	}
	return o
}

// ofService tells of a Service by the conditions that the operator keeps on it;
// false if the operator doesn't hold it.
func ofService(s *corev1.Service) (Object, bool) {
	if !slices.Contains(s.Finalizers, v1alpha1.ServiceFinalizer) {
		return Object{}, false
	}
	o := Object{Kind: kindService, Namespace: s.Namespace, Name: s.Name}
	accepted := meta.FindStatusCondition(s.Status.Conditions, v1alpha1.ServiceConditionAccepted)
	programmed := meta.FindStatusCondition(s.Status.Conditions, v1alpha1.ServiceConditionProgrammed)
	switch {
	case accepted == nil || programmed == nil:
		o.State, o.Reason, o.Since = Reconciling, v1alpha1.ReasonPending, s.CreationTimestamp.Time
	case accepted.Status == metav1.ConditionFalse:
		o.State, o.Reason, o.Since = Stalled, accepted.Reason, accepted.LastTransitionTime.Time
	case programmed.Status == metav1.ConditionTrue:
		o.State, o.Reason = Ready, programmed.Reason
	default:
		o.State, o.Reason, o.Since = Stalled, programmed.Reason, programmed.LastTransitionTime.Time
		if slices.Contains(passing, programmed.Reason) {
			o.State = Reconciling
		}
	}
	o.AddressPending = len(s.Status.LoadBalancer.Ingress) == 0 && s.DeletionTimestamp == nil && s.Spec.Type == corev1.ServiceTypeLoadBalancer
	return deleting(o, &s.ObjectMeta), true
}

// passing are the reasons why a Service isn't served yet, and will be by itself.
// A Service, unlike our own kinds, has no condition that tells.
var passing = []string{
	v1alpha1.ReasonPending, v1alpha1.ReasonCreating, v1alpha1.ReasonUpdating, v1alpha1.ReasonDeleting,
	v1alpha1.ReasonWaitingForLoadBalancer, v1alpha1.ReasonWaitingForOperation, v1alpha1.ReasonWaitingForAddress,
	v1alpha1.ReasonWaitingForServices, v1alpha1.ReasonWaitingForNodePort, v1alpha1.ReasonWaitingForVerification,
	v1alpha1.ReasonLoadBalancerDeleting, v1alpha1.ReasonRetrying,
}
