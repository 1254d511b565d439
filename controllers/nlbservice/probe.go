package nlbservice

import (
	"context"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/journal"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
)

// The probe service of an object is recorded in its status before it is added, and
// until it is proven to be gone. It has a journal of its own: whatever becomes of it
// doesn't hold up the service itself.

// openProbe begins to add the probe service. The outcome is that of the attempt. One
// that may have been added has its port, which is given once: it isn't added twice.
func (r *Reconciler) openProbe(ctx context.Context, round *round, want nlb.ServiceAttributes) (*outcome.Outcome, error) {
	status, uid := &round.object.Status, string(round.object.UID)
	port, lost := nlb.FreeProbePort(uid, round.portsTaken()), (*v1alpha1.Operation)(nil)
	if status.Probe != nil {
		port, lost = status.Probe.Port, status.Probe.Operation
	}
	if port == 0 {
		out := outcome.Blocked(v1alpha1.ReasonPortConflict, "No port for it is free")
		return &out, nil
	}
	add := nlb.ProbeFor(uid, port, want, round.claim.Mark)
	status.Probe = &v1alpha1.ProbeService{Port: port, InstancePoolID: want.InstancePoolID, Since: metav1.NewTime(r.Clock.Now()), Operation: lost}
	seen := exoscale.DerivedName(round.place.zone, round.place.loadBalancerID, uid)
	entry := r.probeEntry(round)
	entry.Wants = add.Fingerprint()
	out, err := r.probes.Start(ctx, entry, v1alpha1.Operation{Action: v1alpha1.ActionCreate, Name: add.Name}, round,
		func(ctx context.Context) (exoscale.Operation, error) { return r.Services.AddService(ctx, seen, add) }, func(exoscale.Operation) {})
	if err == nil && status.Probe.Operation == nil {
		status.Probe = nil // nothing was begun
	}
	return &out, err
}

// closeProbe makes the next step towards no probe service; nil if there is none.
func (r *Reconciler) closeProbe(ctx context.Context, round *round) (*outcome.Outcome, error) {
	if open := r.followProbe(ctx, round, false); open != nil || round.probe == nil {
		return open, nil
	}
	seen, err := r.Inventory.Evidence(ctx, round.place.zone, round.place.loadBalancerID)
	if err != nil {
		out := outcome.FromCloud("Looking at the NLB before removing the probe service", err)
		return &out, nil
	}
	lb, _ := seen.LoadBalancer()
	if !slices.ContainsFunc(lb.Services, func(s nlb.Service) bool { return s.ID == round.probe.ID && round.isProbe(s) }) {
		r.Inventory.Invalidate(r.entry(round).Key)
		out := outcome.Waiting(v1alpha1.ReasonRetrying, "The NLB doesn't hold the probe service any more; looking again").Within(moveNet)
		return &out, nil
	}
	id := round.probe.ID
	out, err := r.probes.Start(ctx, r.probeEntry(round), v1alpha1.Operation{Action: v1alpha1.ActionDelete, Name: round.probe.Name}, round,
		func(ctx context.Context) (exoscale.Operation, error) { return r.Services.DeleteService(ctx, seen, id) }, func(exoscale.Operation) {})
	return &out, err
}

// followProbe leads the record to what the NLB shows: afterwards there are both, the
// probe service and its record, or neither. The outcome is set while that isn't sure.
// again: one whose answer was lost may as well be added once more, so it is no matter.
func (r *Reconciler) followProbe(ctx context.Context, round *round, again bool) *outcome.Outcome {
	status, probe := &round.object.Status, round.probe
	if status.Probe == nil && probe == nil {
		return nil
	}
	if status.Probe == nil { // its record was lost
		status.Probe = &v1alpha1.ProbeService{Port: probe.Port, InstancePoolID: probe.InstancePoolID, Since: metav1.NewTime(r.Clock.Now())}
	}
	entry := r.probeEntry(round)
	out, ended := r.probes.Progress(ctx, entry)
	if out != nil {
		return out
	}
	if op := status.Probe.Operation; op != nil {
		lost := probe == nil && r.probes.Lost(entry)
		differs := ended && (op.Action == v1alpha1.ActionCreate) != (probe != nil)
		if lost && again {
			return nil
		}
		if lost || differs {
			r.Inventory.Invalidate(entry.Key)
			if unseen := r.probes.Unseen(entry); unseen != nil {
				return unseen
			}
		}
		r.probes.Conclude(ctx, entry)
		if ended && op.Action == v1alpha1.ActionDelete && probe == nil {
			status.Probe = nil // Exoscale reported its removal, and a later read doesn't show it
			return nil
		}
	}
	switch {
	case probe == nil:
		return r.forgetProbe(ctx, round)
	case probe.State == nlb.StateDeleting:
		r.Inventory.Invalidate(entry.Key)
		out := outcome.Waiting(v1alpha1.ReasonDeleting, "The probe service is being removed at Exoscale").Within(waitNet)
		return &out
	default:
		return nil
	}
}

// forgetProbe drops the record of a probe service that two looks don't show.
func (r *Reconciler) forgetProbe(ctx context.Context, round *round) *outcome.Outcome {
	_, absence, err := r.Inventory.Without(ctx, round.place.zone, round.place.loadBalancerID, round.isProbe)
	if err == nil && absence.Cleared() != nil {
		r.Inventory.Invalidate(r.entry(round).Key)
		err = &exoscale.Error{Class: exoscale.Transient, Zone: round.place.zone, Message: "Exoscale shows it and doesn't, in turn"}
	}
	if err != nil {
		out := outcome.FromCloud("Looking whether the probe service is gone", err)
		return &out
	}
	round.object.Status.Probe = nil
	return nil
}

// withoutProbe ends a round in which no probe service is wanted. What keeps one from
// being removed doesn't change what the round came to, and is told in HandedOver.
func (r *Reconciler) withoutProbe(ctx context.Context, round *round, out outcome.Outcome, err error) (outcome.Outcome, error) {
	if err != nil || round.probe == nil && round.object.Status.Probe == nil {
		return out, err
	}
	closing, err := r.closeProbe(ctx, round)
	if closing == nil || err != nil {
		return out, err
	}
	if closing.Kind != outcome.KindWaiting {
		round.pending = &pending{reason: closing.Reason, message: "The probe service can't be removed. " + closing.Message}
	}
	if out.After == 0 || out.After > waitNet {
		out.After = waitNet
	}
	return out, nil
}

// isProbe reports whether a service is the object's probe service.
func (round *round) isProbe(service nlb.Service) bool {
	return nlb.ProbeIsOurs(service, round.claim, string(round.object.UID))
}

// portsTaken are the ports that services on the NLB have, or are to have.
func (round *round) portsTaken() map[int32]bool {
	taken := map[int32]bool{round.object.Spec.Port: true}
	for _, service := range round.lb.Services {
		taken[service.Port] = true
	}
	for i := range round.others {
		other := &round.others[i]
		taken[other.Spec.Port] = true
		if probe := other.Status.Probe; probe != nil {
			taken[probe.Port] = true
		}
	}
	return taken
}

// probeEntry is the place of the object's probe service in its journal.
func (r *Reconciler) probeEntry(round *round) journal.Entry {
	entry := r.entry(round)
	entry.Operation = &round.object.Status.Probe.Operation
	entry.Doing = func(action v1alpha1.OperationAction) string {
		if action == v1alpha1.ActionDelete {
			return "Removing the probe service"
		}
		return "Adding the probe service"
	}
	return entry
}

// pauses remembers the probe services that found nothing healthy in their turn. It is
// memory only: after a restart the next turn begins at once.
type pauses struct {
	clock clock.PassiveClock

	mu    sync.Mutex
	since map[types.UID]pause
}

type pause struct {
	poolID string
	check  nlb.HealthCheck
	until  time.Time
}

func newPauses(c clock.PassiveClock) *pauses {
	return &pauses{clock: c, since: map[types.UID]pause{}}
}

// begin reports whether it is the first one for what is wanted.
func (p *pauses) begin(uid types.UID, want nlb.ServiceAttributes) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	was, is := p.since[uid]
	p.since[uid] = pause{poolID: want.InstancePoolID, check: want.HealthCheck, until: p.clock.Now().Add(nlb.ProbePause)}
	return !is || was.poolID != want.InstancePoolID || was.check != want.HealthCheck
}

// failed reports whether the last probe service found what is wanted unhealthy, and
// whether anything is remembered.
func (p *pauses) failed(uid types.UID, want nlb.ServiceAttributes) (failed, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	was, is := p.since[uid]
	return is && was.poolID == want.InstancePoolID && was.check == want.HealthCheck, is
}

// last reports whether one lasts for what is wanted.
func (p *pauses) last(uid types.UID, want nlb.ServiceAttributes) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	was, is := p.since[uid]
	return is && was.poolID == want.InstancePoolID && was.check == want.HealthCheck && p.clock.Now().Before(was.until)
}

func (p *pauses) forget(uid types.UID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.since, uid)
}
