package main

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
	"github.com/exoscale-community/nlb-operator/test/world"
)

// grownTo is the size of the pool in the end.
const grownTo = 5

// poolGrows shows a NodeIdentity from its instance to its Node.
func (d *demo) poolGrows(ctx context.Context) error {
	before := d.cloud.Members(d.pool.ID)
	d.begin("The pool is scaled from %d to %d: the operator knows the new members before their Nodes join", len(before), grownTo)
	d.cloud.ScalePool(d.pool.ID, grownTo)
	fresh := slices.DeleteFunc(d.cloud.Members(d.pool.ID), func(i exosim.Instance) bool {
		return slices.ContainsFunc(before, func(old exosim.Instance) bool { return old.ID == i.ID })
	})
	if err := d.waitFor(ctx, d.together(d.identified(v1alpha1.ReasonNotJoined, fresh), d.healthy(notJoined))); err != nil {
		return err
	}
	d.say("")
	if err := d.kubectl(ctx, "get", "nodeid"); err != nil {
		return err
	}
	d.say("")
	d.say("They boot, and their kubelets register them under the names of their instances.")
	if err := d.join(ctx, fresh); err != nil {
		return err
	}
	if err := d.waitFor(ctx, d.together(d.identified(v1alpha1.ReasonVerified, fresh), d.healthy(grown))); err != nil {
		return err
	}
	d.say("")
	if err := d.kubectl(ctx, "get", "nodeid"); err != nil {
		return err
	}
	d.say("")
	answered, err := d.sendRequests(ctx)
	if err == nil && len(answered) != grownTo {
		return fmt.Errorf("of %d nodes only %v answer", grownTo, answered)
	}
	return err
}

// join lets instances answer, and makes their Nodes.
func (d *demo) join(ctx context.Context, instances []exosim.Instance) error {
	for _, instance := range instances {
		if err := d.nodes.start(instance); err != nil {
			return fmt.Errorf("listening for node %s: %w", instance.Name, err)
		}
	}
	return world.JoinNodes(ctx, d.client, instances)
}

// identified looks at the NodeIdentities of instances: done is one of which
// Verified has the reason.
func (d *demo) identified(reason string, instances []exosim.Instance) func(context.Context) ([]line, error) {
	return func(ctx context.Context) ([]line, error) {
		list := &v1alpha1.NodeIdentityList{}
		if err := d.client.List(ctx, list); err != nil {
			return nil, err
		}
		lines := make([]line, len(instances))
		for i, instance := range instances {
			lines[i] = line{about: "nodeid/" + instance.Name, what: "isn't there yet"}
			for _, identity := range list.Items {
				if identity.Spec.InstanceID == instance.ID {
					lines[i].what, lines[i].why = verdict(identity.Status.Conditions)
					lines[i].done = lines[i].what == reason
				}
			}
		}
		return lines, nil
	}
}

func verdict(conditions []metav1.Condition) (what, why string) {
	condition := meta.FindStatusCondition(conditions, v1alpha1.ConditionVerified)
	if condition == nil {
		return "is new", ""
	}
	return condition.Reason, condition.Message
}

// together looks at several things at once.
func (d *demo) together(looks ...func(context.Context) ([]line, error)) func(context.Context) ([]line, error) {
	return func(ctx context.Context) ([]line, error) {
		var all []line
		for _, look := range looks {
			lines, err := look(ctx)
			if err != nil {
				return nil, err
			}
			all = append(all, lines...)
		}
		return all, nil
	}
}
