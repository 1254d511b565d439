package metrics

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
)

// Of these kinds only Events are counted: KindNode is that of Nodes, and kindNamespace
// that of the operator's namespace, which has the Events about no object.
const (
	KindNode      = "Node"
	kindNamespace = "Namespace"
)

// warnings are the reasons that a Warning may have: of what is wrong, refused, or
// changed by others. A reason of the API is here or in quiet.
var warnings = []string{
	v1alpha1.ReasonAbandoned, v1alpha1.ReasonAddressWithdrawn, v1alpha1.ReasonDuplicate, v1alpha1.ReasonOrphaned,
	v1alpha1.ReasonAddressChanged, v1alpha1.ReasonAddressMismatch, v1alpha1.ReasonAmbiguousInstancePool, v1alpha1.ReasonCloudError,
	v1alpha1.ReasonDuplicateName, v1alpha1.ReasonForbidden, v1alpha1.ReasonForeignServices, v1alpha1.ReasonInstanceMismatch,
	v1alpha1.ReasonInUseByOther, v1alpha1.ReasonInvalid, v1alpha1.ReasonInvalidCredentials, v1alpha1.ReasonLoadBalancerDeleting,
	v1alpha1.ReasonManyVanished, v1alpha1.ReasonNameMismatch, v1alpha1.ReasonNobodyInjects, v1alpha1.ReasonNoEligibleNodes,
	v1alpha1.ReasonNoEndpoints, v1alpha1.ReasonNoHealthyBackends, v1alpha1.ReasonNotAllowedInstancePool,
	v1alpha1.ReasonNotAllowedNamespace, v1alpha1.ReasonNotAllowedTargetPort, v1alpha1.ReasonNotFound, v1alpha1.ReasonNotSupported,
	v1alpha1.ReasonPortConflict, v1alpha1.ReasonQuotaExceeded, v1alpha1.ReasonRecreated, v1alpha1.ReasonRetrying,
	v1alpha1.ReasonServiceLimitReached, v1alpha1.ReasonSidecarsMissing, v1alpha1.ReasonStatusOverwritten, v1alpha1.ReasonUnclaimed, v1alpha1.ReasonUnknownZone,
	v1alpha1.ReasonWaitingForLoadBalancer, v1alpha1.ReasonWaitingForNodePort,
}

// quiet are the reasons of what is well or only passes: conditions have them, and
// Events only of the type Normal.
var quiet = []string{
	v1alpha1.ReasonAccepted, v1alpha1.ReasonAdopted, v1alpha1.ReasonBackendsHealthy, v1alpha1.ReasonCreated, v1alpha1.ReasonCreating,
	v1alpha1.ReasonDeleted, v1alpha1.ReasonDeleting, v1alpha1.ReasonDriftCorrected, v1alpha1.ReasonHealthUnknown,
	v1alpha1.ReasonInstancePoolChanged, v1alpha1.ReasonJoined, v1alpha1.ReasonNotJoined, v1alpha1.ReasonPending,
	v1alpha1.ReasonProgrammed, v1alpha1.ReasonReady, v1alpha1.ReasonRetained, v1alpha1.ReasonSidecarsInjected, v1alpha1.ReasonUpdated,
	v1alpha1.ReasonUpdating, v1alpha1.ReasonVerified, v1alpha1.ReasonWaitingForAddress, v1alpha1.ReasonWaitingForOperation,
	v1alpha1.ReasonProbingInstancePool, v1alpha1.ReasonWaitingForPods,
	v1alpha1.ReasonWaitingForServices, v1alpha1.ReasonWaitingForVerification,
}

// handingOver are the reasons why traffic isn't moved to another instance pool yet: the
// Events about that are Normal, whatever holds it up, until a probe has had its turn.
var handingOver = []string{
	v1alpha1.ReasonCloudError, v1alpha1.ReasonForbidden, v1alpha1.ReasonInvalidCredentials, v1alpha1.ReasonNoEligibleNodes,
	v1alpha1.ReasonNoHealthyBackends, v1alpha1.ReasonProbingInstancePool, v1alpha1.ReasonQuotaExceeded, v1alpha1.ReasonRetrying,
	v1alpha1.ReasonUnknownZone, v1alpha1.ReasonWaitingForOperation, v1alpha1.ReasonWaitingForPods,
}

// normals are the reasons of Events of the type Normal, by the kind of their object.
var normals = map[string][]string{
	kindService: append([]string{v1alpha1.ReasonInstancePoolChanged, v1alpha1.ReasonProgrammed}, handingOver...),
	kindLoadBalancer: {
		v1alpha1.ReasonAdopted, v1alpha1.ReasonCreated, v1alpha1.ReasonDeleted, v1alpha1.ReasonDriftCorrected, v1alpha1.ReasonRetained, v1alpha1.ReasonUpdated,
	},
	kindNLBService: append([]string{
		v1alpha1.ReasonBackendsHealthy, v1alpha1.ReasonCreated, v1alpha1.ReasonDeleted, v1alpha1.ReasonDriftCorrected,
		v1alpha1.ReasonInstancePoolChanged, v1alpha1.ReasonSidecarsInjected, v1alpha1.ReasonUpdated,
	}, handingOver...),
	kindNodeIdentity: {v1alpha1.ReasonVerified},
}

// Foresee has the counters of Events at 0 that may come: an increase is seen only of
// what was there before, so the first of a kind would be missed.
func (c *Counters) Foresee(kind, eventType string, reasons ...string) {
	for _, reason := range reasons {
		c.events.WithLabelValues(kind, eventType, reason)
	}
}

// foreseeOwn is Foresee for what every operator may send.
func (c *Counters) foreseeOwn() {
	for _, kind := range []string{kindService, kindLoadBalancer, kindNLBService, kindNodeIdentity, KindNode} {
		c.Foresee(kind, corev1.EventTypeWarning, warnings...)
		c.Foresee(kind, corev1.EventTypeNormal, normals[kind]...)
		for _, cause := range []string{outcome.DroppedRepeated, outcome.DroppedBudget} {
			c.eventsDropped.WithLabelValues(kind, cause)
		}
	}
	c.Foresee(kindNamespace, corev1.EventTypeWarning, v1alpha1.ReasonOrphaned)
}
