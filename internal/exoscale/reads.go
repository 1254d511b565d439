package exoscale

import (
	"context"
	"errors"

	v3 "github.com/exoscale/egoscale/v3"

	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// The operations of Exoscale's API that are used, by operationId. An IAM role
// for the operator allows exactly these (list-zones needs no key).
const (
	opListZones         = "list-zones"
	opListLoadBalancers = "list-load-balancers"
	opGetLoadBalancer   = "get-load-balancer"
	opListInstances     = "list-instances"
	opListInstancePools = "list-instance-pools"
	opGetInstance       = "get-instance"
	opListInstanceTypes = "list-instance-types"
	opListNetworks      = "list-private-networks"
	opListSKSClusters   = "list-sks-clusters"
	opGetOperation      = "get-operation"
	opGetQuota          = "get-quota"

	opCreateLoadBalancer = "create-load-balancer"
	opUpdateLoadBalancer = "update-load-balancer"
	opResetLoadBalancer  = "reset-load-balancer-field"
	opDeleteLoadBalancer = "delete-load-balancer"
	opAddService         = "add-service-to-load-balancer"
	opUpdateService      = "update-load-balancer-service"
	opResetService       = "reset-load-balancer-service-field"
	opDeleteService      = "delete-load-balancer-service"
)

// allOperations are all of them.
var allOperations = []string{
	opListZones, opListLoadBalancers, opGetLoadBalancer, opListInstances, opListInstancePools, opGetInstance, opListInstanceTypes,
	opListNetworks, opListSKSClusters, opGetOperation, opGetQuota,
	opCreateLoadBalancer, opUpdateLoadBalancer, opResetLoadBalancer, opDeleteLoadBalancer,
	opAddService, opUpdateService, opResetService, opDeleteService,
}

// LoadBalancers lists all NLBs of a zone, complete with services and health.
func (c *Client) LoadBalancers(ctx context.Context, zone string) ([]nlb.LoadBalancer, error) {
	list, err := listed(ctx, c, call{operation: opListLoadBalancers, zone: zone},
		func(ctx context.Context, sdk *v3.Client) (*v3.ListLoadBalancersResponse, error) {
			return sdk.ListLoadBalancers(ctx)
		},
		func(a *v3.ListLoadBalancersResponse) []v3.LoadBalancer { return a.LoadBalancers }, func(x v3.LoadBalancer) v3.UUID { return x.ID })
	if err != nil {
		return nil, err
	}
	return convertAll(list, c.zoneName(zone), loadBalancerOf), nil
}

// LoadBalancer reads one NLB.
func (c *Client) LoadBalancer(ctx context.Context, zone, id string) (nlb.LoadBalancer, error) {
	answer, err := identified(ctx, c, call{operation: opGetLoadBalancer, object: loadBalancerNamed(id), ids: []string{id}, zone: zone},
		func(ctx context.Context, sdk *v3.Client) (*v3.LoadBalancer, error) {
			return sdk.GetLoadBalancer(ctx, v3.UUID(id))
		}, func(lb *v3.LoadBalancer) v3.UUID { return lb.ID })
	if err != nil {
		return nlb.LoadBalancer{}, err
	}
	return loadBalancerOf(*answer, c.zoneName(zone)), nil
}

// InstancePools lists all instance pools of a zone.
func (c *Client) InstancePools(ctx context.Context, zone string) ([]nlb.InstancePool, error) {
	list, err := listed(ctx, c, call{operation: opListInstancePools, zone: zone},
		func(ctx context.Context, sdk *v3.Client) (*v3.ListInstancePoolsResponse, error) {
			return sdk.ListInstancePools(ctx)
		},
		func(a *v3.ListInstancePoolsResponse) []v3.InstancePool { return a.InstancePools }, func(x v3.InstancePool) v3.UUID { return x.ID })
	if err != nil {
		return nil, err
	}
	return convertAll(list, c.zoneName(zone), instancePoolOf), nil
}

// Instances lists all instances of a zone.
func (c *Client) Instances(ctx context.Context, zone string) ([]nlb.Instance, error) {
	list, err := listed(ctx, c, call{operation: opListInstances, zone: zone},
		func(ctx context.Context, sdk *v3.Client) (*v3.ListInstancesResponse, error) {
			return sdk.ListInstances(ctx)
		},
		func(a *v3.ListInstancesResponse) []v3.ListInstancesResponseInstances { return a.Instances }, func(x v3.ListInstancesResponseInstances) v3.UUID { return x.ID })
	if err != nil {
		return nil, err
	}
	return convertAll(list, c.zoneName(zone), instanceOf), nil
}

// Instance reads one instance.
func (c *Client) Instance(ctx context.Context, zone, id string) (nlb.Instance, error) {
	answer, err := identified(ctx, c, call{operation: opGetInstance, object: "instance " + id, ids: []string{id}, zone: zone},
		func(ctx context.Context, sdk *v3.Client) (*v3.Instance, error) {
			return sdk.GetInstance(ctx, v3.UUID(id))
		}, func(i *v3.Instance) v3.UUID { return i.ID })
	if err != nil {
		return nlb.Instance{}, err
	}
	return wholeInstanceOf(*answer, c.zoneName(zone)), nil
}

// InstanceTypes lists the types of instances that a zone offers.
func (c *Client) InstanceTypes(ctx context.Context, zone string) ([]nlb.InstanceType, error) {
	list, err := listed(ctx, c, call{operation: opListInstanceTypes, zone: zone},
		func(ctx context.Context, sdk *v3.Client) (*v3.ListInstanceTypesResponse, error) {
			return sdk.ListInstanceTypes(ctx)
		},
		func(a *v3.ListInstanceTypesResponse) []v3.InstanceType { return a.InstanceTypes }, func(x v3.InstanceType) v3.UUID { return x.ID })
	if err != nil {
		return nil, err
	}
	return convertAll(list, c.zoneName(zone), instanceTypeOf), nil
}

// PrivateNetworks lists all private networks of a zone, with their leases.
func (c *Client) PrivateNetworks(ctx context.Context, zone string) ([]nlb.PrivateNetwork, error) {
	list, err := listed(ctx, c, call{operation: opListNetworks, zone: zone},
		func(ctx context.Context, sdk *v3.Client) (*v3.ListPrivateNetworksResponse, error) {
			return sdk.ListPrivateNetworks(ctx)
		},
		func(a *v3.ListPrivateNetworksResponse) []v3.PrivateNetwork { return a.PrivateNetworks }, func(x v3.PrivateNetwork) v3.UUID { return x.ID })
	if err != nil {
		return nil, err
	}
	return convertAll(list, c.zoneName(zone), privateNetworkOf), nil
}

// SKSNodepools lists the nodepools of all SKS clusters of a zone, with one call.
func (c *Client) SKSNodepools(ctx context.Context, zone string) ([]nlb.SKSNodepool, error) {
	list, err := listed(ctx, c, call{operation: opListSKSClusters, zone: zone},
		func(ctx context.Context, sdk *v3.Client) (*v3.ListSKSClustersResponse, error) {
			return sdk.ListSKSClusters(ctx)
		},
		func(a *v3.ListSKSClustersResponse) []v3.SKSCluster { return a.SKSClusters }, func(x v3.SKSCluster) v3.UUID { return x.ID })
	if err != nil {
		return nil, err
	}
	var pools []nlb.SKSNodepool
	for _, cluster := range list {
		pools = append(pools, nodepoolsOf(cluster)...)
	}
	return pools, nil
}

// Quota reads how many of a resource the organisation has in a zone, and may have.
func (c *Client) Quota(ctx context.Context, zone, resource string) (Quota, error) {
	answer, err := request(ctx, c, call{operation: opGetQuota, object: "quota " + resource, zone: zone},
		func(ctx context.Context, sdk *v3.Client) (*v3.Quota, error) {
			answer, err := sdk.GetQuota(ctx, resource)
			if err == nil && *answer == (v3.Quota{}) {
				return nil, errors.New("the answer tells no quota")
			}
			return answer, err
		})
	if err != nil {
		return Quota{}, err
	}
	return Quota{Usage: answer.Usage, Limit: answer.Limit}, nil
}

// GetOperation reads how far an operation is.
func (c *Client) GetOperation(ctx context.Context, zone, id string) (Operation, error) {
	answer, err := identified(ctx, c, call{operation: opGetOperation, object: "operation " + id, ids: []string{id}, zone: zone},
		func(ctx context.Context, sdk *v3.Client) (*v3.Operation, error) {
			return stated(sdk.GetOperation(ctx, v3.UUID(id)))
		}, func(op *v3.Operation) v3.UUID { return op.ID })
	if err != nil {
		return Operation{}, err
	}
	return operationOf(*answer), nil
}

func (c *Client) zoneName(zone string) string {
	if zone == "" {
		return c.opts.Zone
	}
	return zone
}
