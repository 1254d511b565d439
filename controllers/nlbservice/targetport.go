package nlbservice

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
)

// admitsPort tells why a service may not forward to the targetPort of a spec; nil if
// it may. On every instance of a pool there is more than Services: SSH, etcd, the
// kubelet.
//
//	targetPort                            │ why it may
//	──────────────────────────────────────┼──────────────────────────────────────────
//	named by --allowed-target-ports       │ whoever runs the operator said so
//	a nodePort of the Service that        │ the API server has given it to that
//	controls the object                   │ Service: nothing else is there
//	receives the service's traffic        │ what runs isn't cut off; it is told
//	already                               │
//	any other                             │ it may not: NotAllowedTargetPort
//
// The port of a health check isn't looked at: a probe brings nobody's traffic there.
func (r *Reconciler) admitsPort(ctx context.Context, round *round) (*outcome.Outcome, error) {
	port, status := round.object.Spec.TargetPort, &round.object.Status
	if own := round.got.Own; own != nil {
		status.TargetPort = own.TargetPort // before anything is begun that takes it away
	}
	if r.AllowedTargetPorts.Contain(port) {
		return nil, nil
	}
	if allocated, err := r.allocated(ctx, round.object, port); err != nil || allocated {
		return nil, err
	}
	if leadsToPort(round, port) {
		round.keeps(v1alpha1.ReasonNotAllowedTargetPort,
			"Traffic still goes to port %d of the instances, as before, though a new object might not forward to it; have whoever runs the operator add it to --allowed-target-ports (now %s), or choose another targetPort",
			port, r.AllowedTargetPorts)
		return nil, nil
	}
	round.portRefused = true
	return unresolved(v1alpha1.ReasonNotAllowedTargetPort, "%s", nlb.TargetPortNotAllowed(port, r.AllowedTargetPorts)), nil
}

// leadsToPort tells whether a port receives the object's traffic, or is the one that
// is to receive it again. One that is being replaced since before that was recorded
// comes back as well.
func leadsToPort(round *round, port int32) bool {
	status, own := round.object.Status, round.got.Own
	return own != nil && own.TargetPort == port || status.TargetPort == port ||
		status.TargetPort == 0 && status.ReplacedAt != nil
}

// allocated tells whether the API server has given a port to the Service that
// controls the object. The reference is anybody's to write, and proves nothing: the
// Service has to be there, and to have the port.
func (r *Reconciler) allocated(ctx context.Context, object *v1alpha1.NLBService, port int32) (bool, error) {
	owner := metav1.GetControllerOf(object)
	if owner == nil || owner.Kind != "Service" || owner.APIVersion != "v1" {
		return false, nil
	}
	service := &corev1.Service{}
	if err := r.Client.Get(ctx, types.NamespacedName{Namespace: object.Namespace, Name: owner.Name}, service); err != nil {
		if client.IgnoreNotFound(err) == nil {
			return false, nil
		}
		return false, fmt.Errorf("reading Service %s, for which the object was made: %w", owner.Name, err)
	}
	return service.UID == owner.UID && nlb.AllocatedTo(service, port), nil
}

// wanted is what the cloud is to hold for an object. A service that is away to be
// replaced comes back with the port that it had, if the spec names a refused one by now.
func wanted(round *round, instancePoolID string) nlb.ServiceAttributes {
	object := round.object
	if round.portRefused {
		object = object.DeepCopy()
		object.Spec.TargetPort = object.Status.TargetPort
	}
	return nlb.WantedService(object, instancePoolID)
}
