package exoscale

import (
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	v3 "github.com/exoscale/egoscale/v3"

	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// Names and states end up in statuses, and a name of Exoscale's has 255 characters: they
// are clipped to what an error may hold, in case somebody else answers.

// convertAll turns a list of the SDK into plain data.
func convertAll[From, To any](list []From, zone string, convert func(From, string) To) []To {
	out := make([]To, 0, len(list))
	for _, item := range list {
		out = append(out, convert(item, zone))
	}
	return out
}

// loadBalancerOf keeps services and health in a stable order, so that two reads
// of the same state are equal.
func loadBalancerOf(lb v3.LoadBalancer, zone string) nlb.LoadBalancer {
	services, unknown := convertAll(lb.Services, zone, serviceOf), servicesLeftOut(lb)
	if unknown {
		services = nil
	}
	slices.SortFunc(services, func(a, b nlb.Service) int { return strings.Compare(a.ID, b.ID) })
	return nlb.LoadBalancer{
		ID:          string(lb.ID),
		Zone:        zone,
		Name:        clip(lb.Name),
		Description: lb.Description,
		Labels:      maps.Clone(map[string]string(lb.Labels)),
		Address:     addressOf(lb.IP),
		State:       clip(string(lb.State)),
		CreatedAt:   lb.CreatedAT,
		Services:    services,

		ServicesUnknown: unknown,
	}
}

func serviceOf(s v3.LoadBalancerService, _ string) nlb.Service {
	out := nlb.Service{
		ID:          string(s.ID),
		Name:        clip(s.Name),
		Description: s.Description,
		Protocol:    nlb.Protocol(s.Protocol),
		Port:        int32(s.Port),
		TargetPort:  int32(s.TargetPort),
		Strategy:    nlb.Strategy(s.Strategy),
		State:       clip(string(s.State)),
		Incomplete:  partsLeftOut(s),
	}
	if s.InstancePool != nil {
		out.InstancePoolID = string(s.InstancePool.ID)
	}
	if s.Healthcheck != nil {
		out.HealthCheck = healthCheckOf(*s.Healthcheck)
	}
	for _, backend := range s.HealthcheckStatus {
		out.Health = append(out.Health, nlb.BackendHealth{
			PublicIP: addressOf(backend.PublicIP),
			Healthy:  backend.Status == v3.LoadBalancerServerStatusStatusSuccess,
		})
	}
	slices.SortFunc(out.Health, func(a, b nlb.BackendHealth) int { return strings.Compare(a.PublicIP, b.PublicIP) })
	return out
}

func healthCheckOf(h v3.LoadBalancerServiceHealthcheck) nlb.HealthCheck {
	return nlb.HealthCheck{
		Mode:          nlb.HealthCheckMode(h.Mode),
		Port:          int32(h.Port),
		Path:          h.URI,
		Interval:      time.Duration(h.Interval) * time.Second,
		Timeout:       time.Duration(h.Timeout) * time.Second,
		Retries:       int32(h.Retries),
		TLSServerName: h.TlsSNI,
	}
}

// healthCheckTo is the whole health check in Exoscale's units. Fractions of a
// second are cut: the API knows seconds only.
func healthCheckTo(h nlb.HealthCheck) *v3.LoadBalancerServiceHealthcheck {
	return &v3.LoadBalancerServiceHealthcheck{
		Mode:     v3.LoadBalancerServiceHealthcheckMode(h.Mode),
		Port:     int64(h.Port),
		URI:      h.Path,
		Interval: int64(h.Interval / time.Second),
		Timeout:  int64(h.Timeout / time.Second),
		Retries:  int64(h.Retries),
		TlsSNI:   h.TLSServerName,
	}
}

func instancePoolOf(p v3.InstancePool, zone string) nlb.InstancePool {
	out := nlb.InstancePool{
		ID:    string(p.ID),
		Name:  clip(p.Name),
		Zone:  zone,
		State: clip(string(p.State)),
		Size:  p.Size,
	}
	for _, instance := range p.Instances {
		out.InstanceIDs = append(out.InstanceIDs, string(instance.ID))
	}
	slices.Sort(out.InstanceIDs)
	if p.Manager != nil && p.Manager.Type == v3.ManagerTypeSKSNodepool {
		out.SKSNodepoolID = string(p.Manager.ID)
	}
	return out
}

func instanceOf(i v3.ListInstancesResponseInstances, zone string) nlb.Instance {
	out := nlb.Instance{
		ID:       string(i.ID),
		Name:     clip(i.Name),
		Zone:     zone,
		State:    clip(string(i.State)),
		PublicIP: addressOf(i.PublicIP),
		IPv6:     i.Ipv6Address,

		CreatedAt: i.CreatedAT,
	}
	if i.Manager != nil && i.Manager.Type == v3.ManagerTypeInstancePool {
		out.InstancePoolID = string(i.Manager.ID)
	}
	if i.InstanceType != nil {
		out.TypeID = string(i.InstanceType.ID)
	}
	for _, network := range i.PrivateNetworks {
		out.PrivateNetworkIDs = append(out.PrivateNetworkIDs, string(network.ID))
	}
	slices.Sort(out.PrivateNetworkIDs)
	return out
}

// wholeInstanceOf keeps of an instance what a list shows of it.
func wholeInstanceOf(i v3.Instance, zone string) nlb.Instance {
	listed := v3.ListInstancesResponseInstances{
		ID: i.ID, Name: i.Name, State: i.State, PublicIP: i.PublicIP, Ipv6Address: i.Ipv6Address,
		Manager: i.Manager, InstanceType: i.InstanceType, CreatedAT: i.CreatedAT,
	}
	for _, network := range i.PrivateNetworks {
		listed.PrivateNetworks = append(listed.PrivateNetworks, v3.ListInstancesResponseInstancesPrivateNetworks{ID: network.ID})
	}
	return instanceOf(listed, zone)
}

func instanceTypeOf(t v3.InstanceType, _ string) nlb.InstanceType {
	return nlb.InstanceType{ID: string(t.ID), Family: string(t.Family), Size: string(t.Size)}
}

func privateNetworkOf(n v3.PrivateNetwork, _ string) nlb.PrivateNetwork {
	out := nlb.PrivateNetwork{ID: string(n.ID), Name: n.Name, Managed: len(n.StartIP) > 0, Leases: map[string]string{}}
	if start, valid := netip.AddrFromSlice(n.StartIP.To4()); valid {
		if ones, _ := net.IPMask(n.Netmask.To4()).Size(); ones > 0 { // a mask that is none has none
			out.Subnet = netip.PrefixFrom(start, ones).Masked()
		}
	}
	for _, lease := range n.Leases {
		out.Leases[string(lease.InstanceID)] = addressOf(lease.IP)
	}
	return out
}

func nodepoolsOf(cluster v3.SKSCluster) []nlb.SKSNodepool {
	out := make([]nlb.SKSNodepool, 0, len(cluster.Nodepools))
	for _, pool := range cluster.Nodepools {
		nodepool := nlb.SKSNodepool{
			ID:          string(pool.ID),
			Name:        clip(pool.Name),
			ClusterID:   string(cluster.ID),
			ClusterName: clip(cluster.Name),
		}
		if pool.InstancePool != nil {
			nodepool.InstancePoolID = string(pool.InstancePool.ID)
		}
		out = append(out, nodepool)
	}
	return out
}

// addressOf is empty for an address that isn't assigned; net.IP would print "<nil>".
func addressOf(ip net.IP) string {
	if len(ip) == 0 {
		return ""
	}
	return ip.String()
}

func loadBalancerNamed(id string) string { return "load balancer " + id }

func serviceNamed(id, loadBalancerID string) string {
	return "service " + id + " of load balancer " + loadBalancerID
}
