package exoscale

import (
	"context"
	"errors"
	"net/http"

	v3 "github.com/exoscale/egoscale/v3"

	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// Every method of this file starts one operation with one HTTP request, which is
// never sent again by itself. A Transient error says that the change may have
// been made all the same: look before the next try.

// CreateLoadBalancer starts to make an NLB. Its id is the operation's ReferenceID.
// Names are unique in a zone: a second create of the same name is a Conflict.
func (c *Client) CreateLoadBalancer(ctx context.Context, seen ZoneEvidence, want nlb.LoadBalancerAttributes) (Operation, error) {
	target := call{operation: opCreateLoadBalancer, zone: seen.zone}
	if err := seen.creation(target, want); err != nil {
		return Operation{}, err
	}
	return start(ctx, c, target,
		func(ctx context.Context, sdk *v3.Client) (*v3.Operation, error) {
			return sdk.CreateLoadBalancer(ctx, v3.CreateLoadBalancerRequest{
				Name: want.Name, Description: want.Description, Labels: want.Labels,
			})
		})
}

// UpdateLoadBalancer starts the first part of the change that is left to do:
//
//  1. what the change sets, in one update
//  2. else a cleared description, by its reset
//  3. else cleared labels, by theirs
//
// The API can't clear by an update. After the operation, compare again: the next
// change holds what is left. A change of nothing is Invalid.
func (c *Client) UpdateLoadBalancer(ctx context.Context, zone, id string, change nlb.LoadBalancerChange) (Operation, error) {
	target := call{operation: opUpdateLoadBalancer, object: loadBalancerNamed(id), ids: []string{id}, zone: zone}
	if update, some := updateOf(change); some {
		return start(ctx, c, target, func(ctx context.Context, sdk *v3.Client) (*v3.Operation, error) {
			return sdk.UpdateLoadBalancer(ctx, v3.UUID(id), update)
		})
	}
	field, some := resetOf(change)
	if !some {
		return Operation{}, &Error{Class: Invalid, Operation: target.operation, Object: target.object, Zone: zone, Message: "there is nothing to change"}
	}
	target.operation = opResetLoadBalancer
	return start(ctx, c, target, func(ctx context.Context, sdk *v3.Client) (*v3.Operation, error) {
		return sdk.ResetLoadBalancerField(ctx, v3.UUID(id), field)
	})
}

// updateOf is the part of a change that an update can make.
func updateOf(change nlb.LoadBalancerChange) (update v3.UpdateLoadBalancerRequest, some bool) {
	if change.Name != nil {
		update.Name = *change.Name
	}
	if change.Description != nil {
		update.Description = *change.Description
	}
	if change.Labels != nil {
		update.Labels = *change.Labels
	}
	return update, update.Name != "" || update.Description != "" || len(update.Labels) > 0
}

// resetOf is the first part of a change that only a reset can make.
func resetOf(change nlb.LoadBalancerChange) (field v3.ResetLoadBalancerFieldField, some bool) {
	switch {
	case change.Description != nil && *change.Description == "":
		return v3.ResetLoadBalancerFieldFieldDescription, true
	case change.Labels != nil && len(*change.Labels) == 0:
		return v3.ResetLoadBalancerFieldFieldLabels, true
	default:
		return "", false
	}
}

// DeleteLoadBalancer starts to delete the NLB of the evidence. Delete its services
// first: one that holds any is a Conflict.
func (c *Client) DeleteLoadBalancer(ctx context.Context, seen Evidence) (Operation, error) {
	target := call{operation: opDeleteLoadBalancer, object: loadBalancerNamed(seen.id), ids: []string{seen.id}, zone: seen.zone}
	if err := seen.empty(target); err != nil {
		return Operation{}, err
	}
	return start(ctx, c, target,
		func(ctx context.Context, sdk *v3.Client) (*v3.Operation, error) {
			return sdk.DeleteLoadBalancer(ctx, v3.UUID(seen.id))
		})
}

// AddService starts to add a cloud service to an NLB. The answer doesn't tell its
// id: read the NLB after the operation. NotFound may mean the NLB or the pool. The
// evidence is of the NLB, or of the name (DerivedName).
func (c *Client) AddService(ctx context.Context, seen Evidence, want nlb.ServiceAttributes) (Operation, error) {
	target := call{operation: opAddService, object: loadBalancerNamed(seen.id), ids: []string{seen.id}, zone: seen.zone}
	if err := seen.addition(target, want); err != nil {
		return Operation{}, err
	}
	return start(ctx, c, target,
		func(ctx context.Context, sdk *v3.Client) (*v3.Operation, error) {
			return sdk.AddServiceToLoadBalancer(ctx, v3.UUID(seen.id), v3.AddServiceToLoadBalancerRequest{
				Name:         want.Name,
				Description:  want.Description,
				InstancePool: &v3.InstancePool{ID: v3.UUID(want.InstancePoolID)},
				Protocol:     v3.AddServiceToLoadBalancerRequestProtocol(want.Protocol),
				Port:         int64(want.Port),
				TargetPort:   int64(want.TargetPort),
				Strategy:     v3.AddServiceToLoadBalancerRequestStrategy(want.Strategy),
				Healthcheck:  healthCheckTo(want.HealthCheck),
			})
		})
}

// UpdateService starts the first part left to do of the change from got to want:
// an update with the whole of want, or, if all that differs is a description to
// be cleared, its reset. The API can't clear it by an update, so a change that
// needs both takes two rounds. The instance pool can't be changed and isn't sent.
func (c *Client) UpdateService(ctx context.Context, zone, loadBalancerID string, got nlb.Service, want nlb.ServiceAttributes) (Operation, error) {
	target := call{operation: opUpdateService, object: serviceNamed(got.ID, loadBalancerID), ids: []string{loadBalancerID, got.ID}, zone: zone}
	if onlyClearsDescription(got, want) {
		target.operation = opResetService
		return start(ctx, c, target, func(ctx context.Context, sdk *v3.Client) (*v3.Operation, error) {
			return sdk.ResetLoadBalancerServiceField(ctx, v3.UUID(loadBalancerID), v3.UUID(got.ID), v3.ResetLoadBalancerServiceFieldFieldDescription)
		})
	}
	return start(ctx, c, target, func(ctx context.Context, sdk *v3.Client) (*v3.Operation, error) {
		return sdk.UpdateLoadBalancerService(ctx, v3.UUID(loadBalancerID), v3.UUID(got.ID), v3.UpdateLoadBalancerServiceRequest{
			Name:        want.Name,
			Description: want.Description,
			Protocol:    v3.UpdateLoadBalancerServiceRequestProtocol(want.Protocol),
			Port:        int64(want.Port),
			TargetPort:  int64(want.TargetPort),
			Strategy:    v3.UpdateLoadBalancerServiceRequestStrategy(want.Strategy),
			Healthcheck: healthCheckTo(want.HealthCheck),
		})
	})
}

func onlyClearsDescription(got nlb.Service, want nlb.ServiceAttributes) bool {
	if want.Description != "" || got.Description == "" {
		return false
	}
	same := nlb.ServiceAttributes{
		Name:           got.Name,
		InstancePoolID: want.InstancePoolID,
		Protocol:       got.Protocol,
		Port:           got.Port,
		TargetPort:     got.TargetPort,
		Strategy:       got.Strategy,
		HealthCheck:    got.HealthCheck,
	}
	return same == want
}

// DeleteService starts to remove a cloud service from the NLB of the evidence.
func (c *Client) DeleteService(ctx context.Context, seen Evidence, id string) (Operation, error) {
	target := call{operation: opDeleteService, object: serviceNamed(id, seen.id), ids: []string{seen.id, id}, zone: seen.zone}
	if err := seen.serviceOn(target, id); err != nil {
		return Operation{}, err
	}
	return start(ctx, c, target,
		func(ctx context.Context, sdk *v3.Client) (*v3.Operation, error) {
			return sdk.DeleteLoadBalancerService(ctx, v3.UUID(seen.id), v3.UUID(id))
		})
}

// start runs a call that starts an operation. An answer without an operation's
// id is a lost answer: the change may be under way.
func start(ctx context.Context, client *Client, c call, do func(context.Context, *v3.Client) (*v3.Operation, error)) (Operation, error) {
	answer, err := request(ctx, client, c, do)
	if err != nil {
		return Operation{}, err
	}
	if answer.ID == "" {
		c.status = http.StatusOK
		return Operation{}, newError(&c, errors.New("the answer names no operation"))
	}
	return operationOf(*answer), nil
}
