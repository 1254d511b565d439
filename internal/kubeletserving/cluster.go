package kubeletserving

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// Names and addresses of the cluster itself are no node's, even if a NodeIdentity
// has them: in a private network that Exoscale doesn't manage, a node's address is
// what the node says. A certificate for such a name or address would let a node
// pass for the API server, since the same CA may stand behind both.

// Cluster is what has addresses in a cluster besides the instances.
type Cluster struct {
	Services []corev1.Service
	// APIServer are the endpoints of Service default/kubernetes.
	APIServer     []discoveryv1.EndpointSlice
	LoadBalancers []v1alpha1.NetworkLoadBalancer
	// Nodes count by their Pod CIDRs.
	Nodes []corev1.Node
}

// clusterNames are those of the API server in its cluster, and of every host.
var clusterNames = []string{"kubernetes", "kubernetes.default", "localhost"}

// clusterDomains hold the names of Services. Clusters may have another domain than
// cluster.local; that one isn't known here.
var clusterDomains = []string{".svc", ".svc.cluster.local", ".localhost"}

func namesOfCluster(e evidence) string {
	if e.asked == nil {
		return ""
	}
	var found []string
	for _, asked := range e.asked.DNSNames {
		name := strings.TrimSuffix(strings.ToLower(asked), ".")
		if slices.Contains(clusterNames, name) || slices.ContainsFunc(clusterDomains, func(domain string) bool { return strings.HasSuffix(name, domain) }) {
			found = append(found, asked)
		}
	}
	if len(found) == 0 {
		return ""
	}
	return fmt.Sprintf("DNS names %s stand for the API server, a Service or any host in the cluster, and never for a node; give the node another name", listed(found))
}

// addressesOfCluster finds those that are no node's, whatever else is known of it.
func addressesOfCluster(e evidence) string {
	if e.asked == nil {
		return ""
	}
	var found []string
	for _, asked := range e.asked.IPAddresses {
		if ofAnyHost(asked) {
			found = append(found, asked.String())
		}
	}
	for _, address := range e.own() {
		if service := e.cluster.serviceAt(address); service != "" {
			found = append(found, fmt.Sprintf("%s of Service %s", address, service))
		}
	}
	if len(found) == 0 {
		return ""
	}
	return fmt.Sprintf("IP addresses %s stand for a Service or for any host, and never for a node; give the node another address", listed(found))
}

// addressesInUse finds those that something else in the cluster has. It may be the
// node all the same: those of a control plane are the endpoints of the API server, and
// an external address of a Service may be a node's. That takes more than its word.
func addressesInUse(e evidence) string {
	var found, addresses []string
	for _, address := range e.own() {
		pin, unproven := e.unproven(address)
		if !unproven || pin != nil && (pin.Source != v1alpha1.PinnedAtFirstUse || pin.Certified) {
			continue
		}
		if user := e.cluster.userOf(address); user != "" {
			found, addresses = append(found, fmt.Sprintf("%s, which is %s", address, user)), append(addresses, address.String())
		}
	}
	if len(found) == 0 {
		return ""
	}
	return fmt.Sprintf("Exoscale shows no lease of IP addresses %s; if it is the node's nevertheless, as the API server's is that of a control plane's node, say so: %s",
		listed(found), pinning(e.identity, addresses))
}

// ofAnyHost: such an address means another host to everybody who uses it.
func ofAnyHost(address net.IP) bool {
	return address.IsLoopback() || address.IsUnspecified() || address.IsMulticast() || address.IsLinkLocalUnicast() || address.Equal(net.IPv4bcast)
}

// serviceAt is the Service, as namespace/name, that has an address as its cluster IP.
func (c Cluster) serviceAt(address netip.Addr) string {
	for i := range c.Services {
		// None for a headless Service.
		if contains(c.Services[i].Spec.ClusterIPs, address) {
			return c.Services[i].Namespace + "/" + c.Services[i].Name
		}
	}
	return ""
}

// userOf says what has an address, other than as a cluster IP; empty: nothing known.
func (c Cluster) userOf(address netip.Addr) string {
	for i := range c.APIServer {
		for _, endpoint := range c.APIServer[i].Endpoints {
			if contains(endpoint.Addresses, address) {
				return "an endpoint of Service default/kubernetes, the API server"
			}
		}
	}
	for i := range c.Services {
		service := &c.Services[i]
		name := service.Namespace + "/" + service.Name
		if contains(service.Spec.ExternalIPs, address) {
			return "an external IP of Service " + name
		}
		for _, ingress := range service.Status.LoadBalancer.Ingress {
			if is(ingress.IP, address) {
				return "the load balancer's of Service " + name
			}
		}
	}
	for i := range c.LoadBalancers {
		if is(c.LoadBalancers[i].Status.Address, address) {
			return "that of NetworkLoadBalancer " + c.LoadBalancers[i].Namespace + "/" + c.LoadBalancers[i].Name
		}
	}
	for i := range c.Nodes {
		for _, text := range append([]string{c.Nodes[i].Spec.PodCIDR}, c.Nodes[i].Spec.PodCIDRs...) {
			if cidr, err := netip.ParsePrefix(text); err == nil && cidr.Contains(address) {
				return fmt.Sprintf("in %s, where the Pods of Node %s are", cidr, c.Nodes[i].Name)
			}
		}
	}
	return ""
}

func contains(texts []string, address netip.Addr) bool {
	return slices.ContainsFunc(texts, func(text string) bool { return is(text, address) })
}

func is(text string, address netip.Addr) bool {
	parsed, err := netip.ParseAddr(text)
	return err == nil && parsed.Unmap() == address
}
