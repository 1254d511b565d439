package kubeletserving

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Names and addresses of the cluster itself are no node's, even if a NodeIdentity
// has them: in a private network that Exoscale doesn't manage, a node's address is
// what the node says. A certificate for such a name or address would let a node
// pass for the API server, since the same CA may stand behind both.

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

func addressesOfCluster(e evidence) string {
	if e.asked == nil {
		return ""
	}
	var found []string
	for _, asked := range e.asked.IPAddresses {
		address, _ := netip.AddrFromSlice(asked)
		address = address.Unmap()
		if service, is := e.clusterIPs[address]; is {
			found = append(found, fmt.Sprintf("%s of Service %s", address, service))
		} else if ofAnyHost(asked) {
			found = append(found, address.String())
		}
	}
	if len(found) == 0 {
		return ""
	}
	return fmt.Sprintf("IP addresses %s stand for a Service or for any host, and never for a node; give the node another address", listed(found))
}

// ofAnyHost: such an address means another host to everybody who uses it.
func ofAnyHost(address net.IP) bool {
	return address.IsLoopback() || address.IsUnspecified() || address.IsMulticast() || address.IsLinkLocalUnicast() || address.Equal(net.IPv4bcast)
}

// ClusterIPs are the addresses of Services within the cluster, with the Services'
// names as namespace/name.
func ClusterIPs(services []corev1.Service) map[netip.Addr]string {
	addresses := map[netip.Addr]string{}
	for i := range services {
		for _, text := range services[i].Spec.ClusterIPs {
			// None for a headless Service.
			if address, err := netip.ParseAddr(text); err == nil {
				addresses[address.Unmap()] = services[i].Namespace + "/" + services[i].Name
			}
		}
	}
	return addresses
}
