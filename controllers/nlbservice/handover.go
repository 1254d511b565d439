package nlbservice

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/identity"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
)

// A pool that the operator chose by the Nodes is left only for a better one. Which it
// is nlb.HandOver decides; what it asks is gathered here.
//
// +kubebuilder:rbac:groups=discovery.k8s.io,resources=endpointslices,verbs=list;watch

const (
	// probeLook is how soon to look again at what a probe service shows.
	probeLook = 5 * time.Second
	// minHealthy is how many instances of the new pool have to pass the health check: one
	// of many could hardly take the traffic of all.
	minHealthy = 2
	// slicesAtOnce bounds what a list of EndpointSlices takes in memory.
	slicesAtOnce = 50
)

// pending is why traffic stays with a pool that is to be left.
type pending struct {
	reason, message string
	warn            bool // it is worth a Warning
}

// choosesPool reports whether the operator chose the pool of an object by the Nodes.
// Where the user names another one, that is done at once.
func choosesPool(object *v1alpha1.NLBService) bool {
	return object.Spec.Target.NodeSelector != nil || object.Annotations[v1alpha1.AnnotationPoolChoice] == v1alpha1.ChoiceNodes
}

// handOver makes the one step that is due before the service moves to the pool that is
// wanted. Without an outcome it moves now. While it doesn't, the object is served as it
// was: the condition HandedOver tells why.
func (r *Reconciler) handOver(ctx context.Context, round *round, want nlb.ServiceAttributes) (*outcome.Outcome, error) {
	if open := r.followProbe(ctx, round, true); open != nil {
		reason := v1alpha1.ReasonProbingInstancePool
		if open.Kind != outcome.KindWaiting {
			reason = open.Reason
		}
		return round.stays(reason, "Traffic stays where it is until a probe service finds the new instance pool healthy: "+open.Message), nil
	}
	over, err := r.handOverState(ctx, round, want)
	if err != nil {
		unknown := outcome.FromCloud("Looking whether traffic may go to another instance pool", err)
		return round.stays(unknown.Reason, unknown.Message), nil
	}
	return r.handOverStep(ctx, round, want, over)
}

func (r *Reconciler) handOverStep(ctx context.Context, round *round, want nlb.ServiceAttributes, over nlb.HandOver) (*outcome.Outcome, error) {
	decision := over.Decide()
	staying := round.stays(decision.Reason, decision.Message)
	var begun *outcome.Outcome
	var err error
	switch decision.Step {
	case nlb.Move:
		round.pending, round.because = nil, over.Why()+", and "+over.Proof()
		return nil, nil
	case nlb.OpenProbe:
		if begun, err = r.openProbe(ctx, round, want); begun != nil && noPlace(*begun) {
			over.Room = nlb.RoomNone
			return r.handOverStep(ctx, round, want, over)
		}
	case nlb.AwaitProbe:
		r.Inventory.Invalidate(r.entry(round).Key)
	case nlb.PauseProbe:
		round.pending.warn = r.pauses.begin(round.object.UID, want)
		begun, err = r.closeProbe(ctx, round)
	case nlb.CloseProbe:
		begun, err = r.closeProbe(ctx, round)
	case nlb.Stay:
		if staying.After = outcome.WaitingNet; over.Local {
			if err := r.followEndpoints(ctx, round.object.Namespace); err != nil {
				log.FromContext(ctx).Info("Endpoints can't be followed, so they are looked at again by the clock", "error", err.Error())
			}
		}
		begun, err = r.closeProbe(ctx, round)
	}
	if begun != nil && begun.Kind != outcome.KindWaiting {
		round.stays(begun.Reason, decision.Message+". "+begun.Message)
	}
	return staying, err
}

// begun reports whether another port of the same Service has moved to a pool.
func begun(object *v1alpha1.NLBService, others []v1alpha1.NLBService, poolID string) bool {
	owner := metav1.GetControllerOf(object)
	return owner != nil && slices.ContainsFunc(others, func(other v1alpha1.NLBService) bool {
		of := metav1.GetControllerOf(&other)
		return of != nil && of.UID == owner.UID && choosesPool(&other) && other.Status.ID != "" && other.Status.InstancePoolID == poolID
	})
}

// failed reports whether the last probe service found what is wanted unhealthy. What is
// remembered no more after a restart stands in the condition.
func (r *Reconciler) failed(round *round, want nlb.ServiceAttributes) bool {
	if failed, known := r.pauses.failed(round.object.UID, want); known {
		return failed
	}
	was := meta.FindStatusCondition(round.foreign.Said.Status.Conditions, v1alpha1.ConditionHandedOver)
	return was != nil && was.Reason == v1alpha1.ReasonNoHealthyBackends
}

// stays notes why traffic stays where it is, which is no fault: the outcome is Done.
func (round *round) stays(reason, message string) *outcome.Outcome {
	round.pending = &pending{reason: reason, message: message}
	out := outcome.Done()
	out.After = probeLook
	return &out
}

// noPlace reports whether the NLB takes no more services. What else refuses a probe
// service might refuse the service in the new pool, too: then it stays where it is.
func noPlace(out outcome.Outcome) bool { return out.Reason == v1alpha1.ReasonQuotaExceeded }

// handOverState gathers what decides. Its error is the cloud's, or stands for one.
func (r *Reconciler) handOverState(ctx context.Context, round *round, want nlb.ServiceAttributes) (nlb.HandOver, error) {
	object, own := round.object, round.got.Own
	all, trust, err := r.nodes(ctx)
	if err != nil {
		return nlb.HandOver{}, err
	}
	in := identity.Input{Nodes: all, Trust: trust}
	if in.Instances, err = r.Inventory.Instances(ctx, round.place.zone); err != nil {
		return nlb.HandOver{}, err
	}
	if in.Pools, err = r.Inventory.InstancePools(ctx, round.place.zone); err != nil {
		return nlb.HandOver{}, err
	}
	pools := in.PoolsOf()
	unselected := in.State(own.InstancePoolID)
	if by := object.Spec.Target.NodeSelector; by != nil {
		selector, err := metav1.LabelSelectorAsSelector(by)
		if err != nil {
			return nlb.HandOver{}, &exoscale.Error{Class: exoscale.Transient, Message: "spec.target.nodeSelector: " + err.Error()}
		}
		in.Nodes = identity.SelectNodes(all, selector)
	}
	over := nlb.HandOver{
		Old: in.State(own.InstancePoolID), New: in.State(want.InstancePoolID),
		Room:   nlb.RoomForProbe(round.lb.Services, away(round.others, round.lb.Services)),
		Failed: r.failed(round, want), Paused: r.pauses.last(object.UID, want),
		Begun: begun(object, round.others, want.InstancePoolID), MinHealthy: minHealthy,
	}
	over.Deselected = over.Old.Nodes() == 0 && unselected.Nodes() > 0
	if over.Old.Name == "" && object.Status.InstancePoolID == over.Old.ID {
		over.Old.Name = object.Status.InstancePoolName
	}
	if probe := round.probe; probe != nil {
		over.Probe = &nlb.ProbeState{
			Fits: nlb.ProbeFits(*probe, want), Total: len(probe.Health),
			Over: r.Clock.Since(object.Status.Probe.Since.Time) > nlb.ProbeTurn,
		}
		for _, backend := range probe.Health {
			if backend.Healthy {
				over.Probe.Healthy++
			}
		}
	}
	if over.Old.InService > 0 && !over.Begun {
		return over, nil // that decides
	}
	return over, r.countPods(ctx, object, &over, pools)
}

// countPods counts the ready endpoints on the Nodes of both pools, if an instance
// serves only the Pods that are on it.
func (r *Reconciler) countPods(ctx context.Context, object *v1alpha1.NLBService, over *nlb.HandOver, poolOf map[string]string) error {
	service, err := r.localService(ctx, object)
	if err != nil || service == nil {
		return err
	}
	over.Local = true
	list, counted := &discoveryv1.EndpointSliceList{}, map[types.UID]bool{}
	for {
		err := r.APIReader.List(ctx, list, client.InNamespace(object.Namespace), client.MatchingLabels{discoveryv1.LabelServiceName: service.Name},
			client.Limit(slicesAtOnce), client.Continue(list.Continue))
		if err != nil {
			return &exoscale.Error{Class: exoscale.Transient, Message: fmt.Sprintf("listing the EndpointSlices of Service %s: %s", service.Name, err)}
		}
		for i := range list.Items {
			for _, endpoint := range list.Items[i].Endpoints {
				if endpoint.NodeName == nil || endpoint.Conditions.Ready != nil && !*endpoint.Conditions.Ready {
					continue
				}
				if pod := endpoint.TargetRef; pod != nil && pod.UID != "" {
					if counted[pod.UID] { // in a slice for each family of addresses
						continue
					}
					counted[pod.UID] = true
				}
				switch poolOf[*endpoint.NodeName] {
				case "":
				case over.Old.ID:
					over.Old.Pods++
				case over.New.ID:
					over.New.Pods++
				}
			}
		}
		if list.Continue == "" {
			return nil
		}
	}
}

// localService is the Service that an object was made for if its traffic goes only to
// Pods on the instance that gets it; else nil.
func (r *Reconciler) localService(ctx context.Context, object *v1alpha1.NLBService) (*corev1.Service, error) {
	owner := metav1.GetControllerOf(object)
	if owner == nil || owner.Kind != "Service" || owner.APIVersion != "v1" {
		return nil, nil
	}
	service := &corev1.Service{}
	err := client.IgnoreNotFound(r.Client.Get(ctx, types.NamespacedName{Namespace: object.Namespace, Name: owner.Name}, service))
	if err != nil {
		return nil, &exoscale.Error{Class: exoscale.Transient, Message: fmt.Sprintf("reading Service %s: %s", owner.Name, err)}
	}
	if service.UID != owner.UID || service.Spec.ExternalTrafficPolicy != corev1.ServiceExternalTrafficPolicyLocal {
		return nil, nil
	}
	return service, nil
}

// describeHandOver writes why traffic stays into the condition HandedOver, which stands
// only while traffic is to go elsewhere, and tells of it when it begins. A Service tells
// its own.
func describeHandOver(round *round) {
	conditions := &round.object.Status.Conditions
	was := meta.FindStatusCondition(round.foreign.Said.Status.Conditions, v1alpha1.ConditionHandedOver)
	switch {
	case round.unseen != "" && was != nil && round.object.Status.State != "": // not known to be gone
		outcome.SetCondition(conditions, metav1.Condition{
			Type: v1alpha1.ConditionHandedOver, Status: metav1.ConditionUnknown, Reason: was.Reason, Message: "It can't be seen whether traffic may go elsewhere. " + round.unseen,
			ObservedGeneration: round.object.Generation,
		})
		return
	case !round.decided && round.unseen == "":
		return
	case round.pending == nil:
		meta.RemoveStatusCondition(conditions, v1alpha1.ConditionHandedOver)
		return
	}
	now := round.pending
	outcome.SetCondition(conditions, metav1.Condition{
		Type: v1alpha1.ConditionHandedOver, Status: metav1.ConditionFalse, Reason: now.reason, Message: now.message,
		ObservedGeneration: round.object.Generation,
	})
	switch {
	case round.serviceTells:
	case now.warn:
		round.notices.Warning(now.reason, "HandOver", "%s", now.message)
	case was == nil:
		round.notices.Normal(now.reason, "HandOver", "%s", now.message)
	}
}

// handingOver reports whether an object's traffic is to go to another pool.
func handingOver(object *v1alpha1.NLBService) bool {
	return meta.FindStatusCondition(object.Status.Conditions, v1alpha1.ConditionHandedOver) != nil
}
