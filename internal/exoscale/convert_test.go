package exoscale

import (
	"net"
	"net/netip"
	"testing"
	"time"

	v3 "github.com/exoscale/egoscale/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

func TestLoadBalancerOf(t *testing.T) {
	made := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	got := loadBalancerOf(v3.LoadBalancer{
		ID: "lb", Name: "web", Description: "d", Labels: v3.Labels{"k": "v"}, IP: net.ParseIP("192.0.2.7"), State: "running", CreatedAT: made,
		Services: []v3.LoadBalancerService{
			{ID: "s2"},
			{
				ID: "s1", Name: "https", Description: "sd", Protocol: "tcp", Port: 443, TargetPort: 30443, Strategy: "source-hash", State: "running",
				InstancePool: &v3.InstancePool{ID: "pool", Name: "workers"},
				Healthcheck:  &v3.LoadBalancerServiceHealthcheck{Mode: "https", Port: 30443, URI: "/healthz", Interval: 10, Timeout: 5, Retries: 2, TlsSNI: "web.example"},
				HealthcheckStatus: []v3.LoadBalancerServerStatus{
					{PublicIP: net.ParseIP("192.0.2.2"), Status: "failure"}, {PublicIP: net.ParseIP("192.0.2.1"), Status: "success"},
				},
			},
		},
	}, "ch-gva-2")
	want := nlb.LoadBalancer{
		ID: "lb", Zone: "ch-gva-2", Name: "web", Description: "d", Labels: map[string]string{"k": "v"}, Address: "192.0.2.7", State: "running", CreatedAt: made,
		Services: []nlb.Service{
			{
				ID: "s1", Name: "https", Description: "sd", InstancePoolID: "pool", Protocol: "tcp", Port: 443, TargetPort: 30443, Strategy: "source-hash", State: "running",
				HealthCheck: nlb.HealthCheck{Mode: "https", Port: 30443, Path: "/healthz", Interval: 10 * time.Second, Timeout: 5 * time.Second, Retries: 2, TLSServerName: "web.example"},
				Health:      []nlb.BackendHealth{{PublicIP: "192.0.2.1", Healthy: true}, {PublicIP: "192.0.2.2"}},
			},
			{ID: "s2", Incomplete: []string{"healthcheck", "instance-pool", "name", "port", "protocol", "strategy", "target-port"}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// An NLB without services has an empty list of them: without a list they aren't known.
func TestServicesThatAreLeftOutAreUnknown(t *testing.T) {
	for name, test := range map[string]struct {
		services []v3.LoadBalancerService
		unknown  bool
	}{
		"none":              {[]v3.LoadBalancerService{}, false},
		"left out":          {nil, true},
		"one without an id": {[]v3.LoadBalancerService{{ID: "s1"}, {Name: "web"}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			got := loadBalancerOf(v3.LoadBalancer{ID: "lb", Services: test.services}, "")
			if got.ServicesUnknown != test.unknown || len(got.Services) > 0 {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// Fault 11 of the CCM: an address that isn't there was published as "<nil>".
func TestAddressOfAnNLBWithoutAddressIsEmpty(t *testing.T) {
	if got := loadBalancerOf(v3.LoadBalancer{}, "").Address; got != "" {
		t.Errorf("the address is %q", got)
	}
}

func TestHealthCheckSurvivesTheWayThereAndBack(t *testing.T) {
	want := nlb.HealthCheck{Mode: nlb.ProbeHTTP, Port: 30080, Path: "/", Interval: 300 * time.Second, Timeout: 60 * time.Second, Retries: 20, TLSServerName: "x"}
	if diff := cmp.Diff(want, healthCheckOf(*healthCheckTo(want))); diff != "" {
		t.Error(diff)
	}
}

func TestMembersOf(t *testing.T) {
	pool := instancePoolOf(v3.InstancePool{
		ID: "pool", Name: "workers", State: "running", Size: 2,
		Instances: []v3.Instance{{ID: "i2"}, {ID: "i1"}},
		Manager:   &v3.Manager{ID: "np", Type: v3.ManagerTypeSKSNodepool},
	}, "z")
	if diff := cmp.Diff(nlb.InstancePool{ID: "pool", Name: "workers", Zone: "z", State: "running", Size: 2, InstanceIDs: []string{"i1", "i2"}, SKSNodepoolID: "np"}, pool); diff != "" {
		t.Error(diff)
	}
	instance := instanceOf(v3.ListInstancesResponseInstances{
		ID: "i1", Name: "workers-1", State: "running", PublicIP: net.ParseIP("192.0.2.1"), Ipv6Address: "2001:db8::1",
		Manager: &v3.Manager{ID: "pool", Type: v3.ManagerTypeInstancePool}, InstanceType: &v3.InstanceType{ID: "type"},
	}, "z")
	if diff := cmp.Diff(nlb.Instance{ID: "i1", Name: "workers-1", Zone: "z", State: "running", PublicIP: "192.0.2.1", IPv6: "2001:db8::1", InstancePoolID: "pool", TypeID: "type"}, instance); diff != "" {
		t.Error(diff)
	}
	alone := instanceOf(v3.ListInstancesResponseInstances{ID: "i2"}, "z")
	if diff := cmp.Diff(nlb.Instance{ID: "i2", Zone: "z"}, alone); diff != "" {
		t.Error(diff)
	}
}

func TestNodepoolsOf(t *testing.T) {
	got := nodepoolsOf(v3.SKSCluster{ID: "c", Name: "prod", Nodepools: []v3.SKSNodepool{
		{ID: "n1", Name: "blue", InstancePool: &v3.InstancePool{ID: "p1"}}, {ID: "n2", Name: "green"},
	}})
	want := []nlb.SKSNodepool{
		{ID: "n1", Name: "blue", ClusterID: "c", ClusterName: "prod", InstancePoolID: "p1"},
		{ID: "n2", Name: "green", ClusterID: "c", ClusterName: "prod"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPrivateNetworkOf(t *testing.T) {
	ip := net.ParseIP
	leases := []v3.PrivateNetworkLease{{InstanceID: "i1", IP: ip("10.0.0.7")}, {InstanceID: "i2"}}
	for name, test := range map[string]struct {
		given v3.PrivateNetwork
		want  nlb.PrivateNetwork
	}{
		"unmanaged": {v3.PrivateNetwork{ID: "n", Name: "vpn"}, nlb.PrivateNetwork{ID: "n", Name: "vpn", Leases: map[string]string{}}},
		"managed": {
			v3.PrivateNetwork{ID: "n", StartIP: ip("10.0.0.2"), EndIP: ip("10.0.0.99"), Netmask: ip("255.255.255.0"), Leases: leases},
			nlb.PrivateNetwork{ID: "n", Managed: true, Subnet: netip.MustParsePrefix("10.0.0.0/24"), Leases: map[string]string{"i1": "10.0.0.7", "i2": ""}},
		},
		"managed, without a netmask": {
			v3.PrivateNetwork{ID: "n", StartIP: ip("10.0.0.2")}, nlb.PrivateNetwork{ID: "n", Managed: true, Leases: map[string]string{}},
		},
		"managed, with a netmask that is none": {
			v3.PrivateNetwork{ID: "n", StartIP: ip("10.0.0.2"), Netmask: ip("255.0.255.0")}, nlb.PrivateNetwork{ID: "n", Managed: true, Leases: map[string]string{}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, privateNetworkOf(test.given, ""), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
				t.Error(diff)
			}
		})
	}
}
