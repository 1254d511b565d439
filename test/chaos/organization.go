package main

import (
	"context"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// otherOrganization is whose API key the operator is given by mistake.
const otherOrganization = "another"

// exchangeKey makes the operator's API key one of another organization: it sees
// none of ours any more, and what it makes is over there.
func (r *run) exchangeKey() {
	recorded := map[string]bool{}
	for _, object := range r.seenLoadBalancers() {
		if lb, there := r.cloud.LoadBalancer(object.Status.ID); there && object.Spec.ManagementPolicy != v1alpha1.External {
			recorded[lb.Name] = true
		}
	}
	before := map[string]bool{}
	for _, lb := range r.elsewhere() {
		before[lb.ID] = true
	}
	key := r.cloud.AdminKey()
	r.tell("fault: the API key is exchanged for one of another organization")
	theirs := key
	theirs.Organization = otherOrganization
	r.cloud.AddKey(theirs)
	r.faults = append(r.faults, func() {
		r.tell("fault ends: the API key is ours again")
		r.cloud.AddKey(key)
		for _, lb := range r.elsewhere() {
			r.estate.removed[lb.ID] = true // it was ours for a moment only
			r.mistaken = append(r.mistaken, lb.ID)
			if recorded[lb.Name] && !before[lb.ID] {
				r.estate.madeElsewhere = append(r.estate.madeElsewhere, lb.Name)
			}
		}
	})
}

// confirmMistakes does what the documentation asks of a person once the right key is
// back: of each object whose NLB was made in the other organization it confirms that
// this one isn't there. Otherwise the operator holds still where these are most.
func (r *run) confirmMistakes(ctx context.Context) error {
	for _, seen := range r.seenLoadBalancers() {
		object := &seen
		if !slices.Contains(r.mistaken, object.Status.ID) || object.Annotations[v1alpha1.AnnotationConfirmVanished] == object.Status.ID {
			continue
		}
		r.tell("a person confirms that NLB %s of %s isn't there", object.Status.ID, object.Name)
		before := object.DeepCopy()
		if object.Annotations == nil {
			object.Annotations = map[string]string{}
		}
		object.Annotations[v1alpha1.AnnotationConfirmVanished] = object.Status.ID
		if err := r.client.Patch(ctx, object, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
			return err
		}
	}
	return nil
}

// elsewhere is what the other organization has.
func (r *run) elsewhere() []exosim.LoadBalancer {
	return r.cloud.LoadBalancers(otherOrganization + "/" + exosim.DefaultZone)
}

// nothingElsewhere holds that nothing was made in the other organization for an
// object whose NLB was recorded: all that had vanished was the right key. What was
// made there for an object that had none can't be told from what was meant.
func (v *view) nothingElsewhere() {
	for _, name := range v.estate.madeElsewhere {
		v.say("NLB %s was made in another organization, too", name)
	}
}
