package nlbservice

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/brief"
	"github.com/exoscale-community/nlb-operator/internal/identity"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
)

// describe writes what the round found, and what it came to, into the status.
func (r *Reconciler) describe(ctx context.Context, round *round, out outcome.Outcome) {
	object := round.object
	status := &object.Status
	if !round.unsearched {
		status.ObservedGeneration = object.Generation
	}
	r.describeSidecars(ctx, round) // of which the health tells, too
	if round.lb != nil {
		describeService(status, round)
		if round.got.Own != nil {
			describeHealth(object, round.got.Own.Health, r.identify(ctx, object, round.place.zone))
		}
	}
	if round.unseen != "" {
		describeUnseen(round)
	}
	out.Describe(&status.Conditions, object.Generation)
	describeKept(round)
	describeHandOver(round)
	if round.decided && round.pending == nil {
		r.pauses.forget(object.UID)
	}
	noteSidecars(round)
	if !round.serviceTells {
		noteHealth(round)
		round.notices.Stalled(round.foreign.Said.Status.Conditions, status.Conditions)
	}
}

// describeUnseen withdraws what was told of a service that can't be seen now. What is
// known to be gone leaves nothing; otherwise the backends stay as they were seen last.
func describeUnseen(round *round) {
	status, through := &round.object.Status, round.place.through
	gone := through != nil && through.Status.ID != status.LoadBalancerID &&
		through.Status.Lost != nil && through.Status.Lost.ID == status.LoadBalancerID
	switch {
	case gone:
		status.Address, status.State, status.Health = "", "", ""
		status.Backends, status.HealthyBackends, status.TotalBackends = nil, 0, 0
	case status.Health != "":
		status.Health = "unknown"
	}
	if meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionBackendsHealthy) == nil {
		return
	}
	outcome.SetCondition(&status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionBackendsHealthy, ObservedGeneration: round.object.Generation,
		Status: metav1.ConditionUnknown, Reason: v1alpha1.ReasonHealthUnknown, Message: "The health checks can't be seen. " + round.unseen,
	})
}

func describeService(status *v1alpha1.NLBServiceStatus, round *round) {
	status.LoadBalancerID, status.Zone, status.Address = round.lb.ID, round.lb.Zone, round.lb.Address
	own := round.got.Own
	if own == nil && status.ID != "" && round.absence.Cleared() != nil {
		return // nothing proves that it is gone
	}
	if own == nil {
		status.ID, status.Name, status.State = "", "", ""
		// The id of the pool stays, as the port does: by these the service comes back as
		// it was, if it takes more than one attempt (see admitted and admitsPort).
		if status.ReplacedAt == nil {
			status.InstancePoolName = ""
		}
		status.Backends, status.HealthyBackends, status.TotalBackends, status.Health = nil, 0, 0, ""
		meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionBackendsHealthy)
		return
	}
	status.ID, status.Name, status.State = own.ID, own.Name, own.State
	// One that came out in error is replaced once more, by the pool it had before.
	failed := own.State == nlb.StateError && status.ReplacedAt != nil
	if status.InstancePoolID != own.InstancePoolID && !failed {
		status.InstancePoolID, status.InstancePoolName = own.InstancePoolID, ""
	}
	if round.pool.ID == own.InstancePoolID {
		status.InstancePoolName = round.pool.Name
	}
}

// backendIdentity is which instance and which Node answer at a public address.
type backendIdentity struct{ instanceID, nodeName string }

// identify maps public addresses to instances and Nodes. While these can't be read
// it is as it was told last: an outage is no reason to write every object.
func (r *Reconciler) identify(ctx context.Context, object *v1alpha1.NLBService, zone string) map[string]backendIdentity {
	instances, err := r.Inventory.Instances(ctx, zone)
	if err != nil {
		return toldLast(object)
	}
	nodes, trust, err := r.nodes(ctx)
	if err != nil {
		return toldLast(object)
	}
	names, byIP := identity.NodeNames(trust.Trusted(nodes)), map[string]backendIdentity{}
	for _, instance := range instances {
		if instance.PublicIP != "" {
			byIP[instance.PublicIP] = backendIdentity{instance.ID, names[instance.ID]}
		}
	}
	return byIP
}

func toldLast(object *v1alpha1.NLBService) map[string]backendIdentity {
	told := make(map[string]backendIdentity, len(object.Status.Backends))
	for _, backend := range object.Status.Backends {
		told[backend.PublicIP] = backendIdentity{backend.InstanceID, backend.NodeName}
	}
	return told
}

// describeHealth writes the backends with the result of their last health check.
func describeHealth(object *v1alpha1.NLBService, health []nlb.BackendHealth, known map[string]backendIdentity) {
	status := &object.Status
	status.Backends, status.HealthyBackends = nil, 0
	for _, backend := range health {
		who := known[backend.PublicIP]
		status.Backends = append(status.Backends, v1alpha1.Backend{
			PublicIP: backend.PublicIP, InstanceID: who.instanceID, NodeName: who.nodeName, Healthy: backend.Healthy,
		})
	}
	slices.SortFunc(status.Backends, byAddress)
	status.Backends = slices.CompactFunc(status.Backends, func(a, b v1alpha1.Backend) bool { return a.PublicIP == b.PublicIP })
	for _, backend := range status.Backends {
		if backend.Healthy {
			status.HealthyBackends++
		}
	}
	status.TotalBackends = int32(len(status.Backends)) //nolint:gosec // a pool has far fewer instances
	failed := failing(status.Backends)
	status.Backends = shown(status.Backends)
	status.Health = fmt.Sprintf("%d/%d", status.HealthyBackends, status.TotalBackends)

	condition := metav1.Condition{Type: v1alpha1.ConditionBackendsHealthy, ObservedGeneration: object.Generation}
	switch {
	case status.TotalBackends == 0:
		condition.Status, condition.Reason = metav1.ConditionUnknown, v1alpha1.ReasonHealthUnknown
		condition.Message = "Exoscale has not reported a health check of any backend yet" + why(object)
	case status.HealthyBackends == 0:
		condition.Status, condition.Reason, condition.Message = metav1.ConditionFalse, v1alpha1.ReasonNoHealthyBackends, whatToCheck(object)
	default:
		condition.Status, condition.Reason = metav1.ConditionTrue, v1alpha1.ReasonBackendsHealthy
		condition.Message = fmt.Sprintf("%s backends are healthy%s%s", status.Health, failed, why(object))
	}
	outcome.SetCondition(&status.Conditions, condition)
}

// mostBackends is how many backends the status lists: an object has to stay far below
// what etcd takes.
const mostBackends = 250

// shown are the backends that the status lists, those that fail before the others.
func shown(all []v1alpha1.Backend) []v1alpha1.Backend {
	if len(all) <= mostBackends {
		return all
	}
	slices.SortStableFunc(all, func(a, b v1alpha1.Backend) int {
		switch {
		case a.Healthy == b.Healthy:
			return 0
		case b.Healthy:
			return -1
		default:
			return 1
		}
	})
	few := slices.Clone(all[:mostBackends])
	slices.SortFunc(few, byAddress)
	return few
}

func byAddress(a, b v1alpha1.Backend) int { return cmp.Compare(a.PublicIP, b.PublicIP) }

// failing names the backends that don't pass their health check.
func failing(backends []v1alpha1.Backend) string {
	var names []string
	for _, backend := range backends {
		if !backend.Healthy {
			names = append(names, strings.TrimSpace(backend.NodeName+" "+backend.PublicIP))
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "; failing: " + brief.List(names)
}

// whatToCheck is the way out when no backend passes its health check.
func whatToCheck(object *v1alpha1.NLBService) string {
	want := nlb.WantedService(object, "")
	check := want.HealthCheck
	probe := "a TCP connection to"
	if check.Mode != nlb.ProbeTCP {
		probe = fmt.Sprintf("an %s GET of %s to answer 2XX on", strings.ToUpper(string(check.Mode)), check.Path)
	}
	return fmt.Sprintf("None of %d backends passes its health check, which expects %s port %d%s. Check that the nodes' security group admits "+
		"port %d for the public security group public-nlb-healthcheck-sources and port %s for the clients, and that %s",
		object.Status.TotalBackends, probe, check.Port, why(object), check.Port, nlb.PortText(want.TargetPort, want.Protocol), answers(object))
}

// noteHealth tells when the last backend has failed, and when one is there again.
func noteHealth(round *round) {
	before := meta.FindStatusCondition(round.foreign.Said.Status.Conditions, v1alpha1.ConditionBackendsHealthy)
	now := meta.FindStatusCondition(round.object.Status.Conditions, v1alpha1.ConditionBackendsHealthy)
	switch {
	case now == nil:
	case now.Status == metav1.ConditionFalse && (before == nil || before.Status != metav1.ConditionFalse):
		round.notices.Warning(now.Reason, "CheckHealth", "%s", now.Message)
	case now.Status == metav1.ConditionTrue && before != nil && before.Status == metav1.ConditionFalse:
		round.notices.Normal(now.Reason, "CheckHealth", "%s", now.Message)
	}
}

// noteDone tells of an operation that has succeeded.
func noteDone(round *round, op v1alpha1.Operation) {
	port := nlb.PortText(round.object.Spec.Port, nlb.WantedService(round.object, "").Protocol)
	action, lb := string(op.Action), round.place.loadBalancerID
	switch {
	case round.object.Status.ReplacedAt != nil: // noteReplaced tells
	case op.Action == v1alpha1.ActionCreate:
		round.notices.Normal(v1alpha1.ReasonCreated, action, "Added service %q for port %s to NLB %s", op.Name, port, lb)
	case op.Action == v1alpha1.ActionUpdate:
		round.notices.Normal(v1alpha1.ReasonUpdated, action, "Changed service %q of NLB %s to match the spec", op.Name, lb)
	case op.Action == v1alpha1.ActionDelete:
		round.notices.Normal(v1alpha1.ReasonDeleted, action, "Removed service %q (port %s) from NLB %s", op.Name, port, lb)
	}
}

// noteCause tells why a step is taken that the user didn't ask for just now.
func noteCause(round *round, move nlb.ServiceMove) {
	before, action, lb := round.Before.Status, string(move.Action), round.place.loadBalancerID
	drifted := before.ObservedGeneration == round.object.Generation && meta.IsStatusConditionTrue(before.Conditions, v1alpha1.ConditionProgrammed)
	switch {
	case move.Action == nlb.Create && before.ID != "" && before.LoadBalancerID == lb && before.ReplacedAt == nil:
		round.notices.Warning(v1alpha1.ReasonRecreated, action, "Service %q has vanished from NLB %s; it is added anew", before.Name, lb)
	case move.Action == nlb.Update && drifted:
		round.notices.Normal(v1alpha1.ReasonDriftCorrected, action, "Service %q of NLB %s was changed at Exoscale; putting it right", before.Name, lb)
	}
}

// noteReplaced tells, once, that a replaced service is there again, and how long
// it was not.
func noteReplaced(round *round, now time.Time) {
	status, own := &round.object.Status, round.got.Own
	if status.ReplacedAt == nil || own == nil {
		return
	}
	gap, change := now.Sub(status.ReplacedAt.Time).Round(time.Second), status.Replacing
	status.ReplacedAt, status.Replacing = nil, nil
	to := own.InstancePoolID
	switch {
	case change == nil:
	case change.FromInstancePoolID == to:
		to += " again"
	default:
		to += " instead of " + change.FromInstancePoolID + ", since " + change.Because
	}
	round.toService.Normal(v1alpha1.ReasonInstancePoolChanged, "Replace"+nlb.PortText(own.Port, own.Protocol),
		"Service %q of NLB %s forwards to instance pool %s; it was away for %s at most, and port %s without service so long",
		own.Name, round.place.loadBalancerID, to, gap, nlb.PortText(own.Port, own.Protocol))
}
