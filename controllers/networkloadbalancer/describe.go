package networkloadbalancer

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
)

// describe writes what the round found, and what it came to, into the status.
func describe(round *round, out outcome.Outcome) {
	object := round.object
	status := &object.Status
	if !unsearched(round, out) {
		status.ObservedGeneration = object.Generation
	}
	if round.got != nil {
		describeNLB(round)
	}
	out.Describe(&status.Conditions, object.Generation)

	if !round.serviceTells {
		round.notices.Stalled(round.foreign.Said.Status.Conditions, status.Conditions)
	}
}

// unsearched reports whether an object that has lost its status may still have an NLB.
// That is so if the object is invalid, because the operator doesn't look then, if
// Exoscale couldn't be asked, or if there was only one look, and it found none. The
// object then counts as never described (see neverStarted).
// An object that had no finalizer before this round is new, and has no NLB.
func unsearched(round *round, out outcome.Outcome) bool {
	before := round.Before
	if before.Status.ObservedGeneration > 0 || !controllerutil.ContainsFinalizer(before, v1alpha1.LoadBalancerFinalizer) ||
		out.Reason == v1alpha1.ReasonUnknownZone {
		return false
	}
	return round.got == nil || round.want.Deleting && round.got.NLB == nil && round.absence.Cleared() != nil
}

// noteAddress tells of another address, also where there was none for a while: an
// NLB that has vanished is made anew. A Service tells of its own.
func noteAddress(round *round) {
	status, before := round.object.Status, round.foreign.Said.Status.Address
	now, lost := round.foreign.Now.Status.Address, round.Before.Status.Lost
	if writer := round.foreign.Writer; writer != "" {
		round.notices.Overwritten("Observe", writer, now)
	}
	if before == "" && lost != nil {
		before = lost.Address
	}
	switch {
	case round.serviceTells:
	case now == "" && status.ID == "" && status.Lost != nil && round.Before.Status.ID != "" && before != "":
		round.notices.Warning(v1alpha1.ReasonAddressWithdrawn, "Observe", "NLB %s is gone from Exoscale, and with it its address %s, which isn't published any more", status.Lost.ID, before)
	case now != "" && before != "" && before != now:
		round.notices.Warning(v1alpha1.ReasonAddressChanged, "Observe", "The address of the NLB changed from %s to %s", before, now)
	}
}

func describeNLB(round *round) {
	status, got := &round.object.Status, round.got
	lb := got.NLB
	if lb == nil || got.Proof == nlb.ProofNone || got.Proof == nlb.ProofConsent && status.ID != lb.ID { // handed over, and not taken
		if status.Operation == nil { // else it is being made
			status.Address, status.State = "", ""
			status.ServiceCount, status.ForeignServices = 0, 0
			if lb == nil && round.absence.Cleared() == nil {
				status.ID = "" // it was seen to be gone: nothing more to look for
			}
		}
		return
	}
	if lb.Address != "" {
		status.Lost = nil
	}
	status.ID, status.Zone, status.Name = lb.ID, lb.Zone, lb.Name
	status.Address, status.State = lb.Address, lb.State
	status.ServiceCount = int32(len(lb.Services))
	status.ForeignServices = int32(len(got.Services.Foreign))
	if got.Proof == nlb.ProofExternal {
		status.AppliedLabelKeys, status.Adopted = nil, false
	}
	if got.Proof == nlb.ProofLabels && status.Operation == nil {
		status.AppliedLabelKeys = stillThere(status.AppliedLabelKeys, lb.Labels, round.want.WantedLabelKeys())
	}
}

// stillThere are the keys that we have written and that are on the NLB, or are
// wanted there: what is neither needs no removal any more.
func stillThere(applied []string, got map[string]string, want []string) []string {
	keys := slices.Clone(want)
	for _, key := range applied {
		if _, is := got[key]; is {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// noteDone tells of an operation that has succeeded.
func noteDone(round *round, op v1alpha1.Operation) {
	status, action := round.object.Status, string(op.Action)
	switch op.Action {
	case v1alpha1.ActionCreate:
		if lb := round.got.NLB; lb != nil {
			round.notices.Normal(v1alpha1.ReasonCreated, action, "Created NLB %s (%q) with address %s", lb.ID, op.Name, lb.Address)
		}
	case v1alpha1.ActionAdopt:
		round.notices.Normal(v1alpha1.ReasonAdopted, action, "Took NLB %s (%q) over; its address %s did not change", status.ID, op.Name, status.Address)
	case v1alpha1.ActionUpdate:
		round.notices.Normal(v1alpha1.ReasonUpdated, action, "Changed NLB %s to match the spec", status.ID)
	case v1alpha1.ActionRelease:
		round.notices.Normal(v1alpha1.ReasonRetained, action, "Left NLB %s with its address %s at Exoscale, as deletionPolicy Retain asks", status.ID, status.Address)
	case v1alpha1.ActionDelete:
		round.notices.Normal(v1alpha1.ReasonDeleted, action, "Deleted %q at Exoscale", op.Name)
	}
}

// noteCause tells why a step is taken that the user didn't ask for just now.
func noteCause(round *round, move nlb.LoadBalancerMove) {
	before := round.Before.Status
	switch {
	case move.Action == nlb.Create && before.ID != "" && before.Address != "":
		round.notices.Warning(v1alpha1.ReasonRecreated, string(move.Action),
			"NLB %s, with address %s, has vanished from Exoscale; a new one is made, with another address", before.ID, before.Address)
	case (move.Action == nlb.Update || move.Action == nlb.Adopt && relabels(round)) && before.ObservedGeneration == round.object.Generation &&
		meta.IsStatusConditionTrue(before.Conditions, v1alpha1.ConditionProgrammed):
		round.notices.Normal(v1alpha1.ReasonDriftCorrected, string(move.Action), "NLB %s was changed at Exoscale; putting right its %s", before.ID, move.Change.Fields())
	}
}
