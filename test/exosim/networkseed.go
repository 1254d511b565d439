package exosim

import "slices"

func readNetwork(o *object, given *givenOnce) PrivateNetwork {
	network := PrivateNetwork{
		ID:          given.id(o),
		Name:        value(o.text("name", true, 1, 255)),
		Description: value(o.text("description", false, 0, 255)),
		StartIP:     value(o.ip("start-ip")), EndIP: value(o.ip("end-ip")), Netmask: value(o.ip("netmask")),
		Labels: o.labels(anyLabel),
	}
	for _, l := range o.list("leases") {
		network.Leases = append(network.Leases, Lease{IP: value(l.ip("ip")), InstanceID: value(l.id("instance-id", true))})
		l.close()
	}
	o.close()
	return network
}

// readNetworkNames reads the names or ids of private networks and gives their ids.
func readNetworkNames(o *object, networks []PrivateNetwork) []Ref {
	var refs []Ref
	for _, given := range o.texts("private-networks", false) {
		i := slices.IndexFunc(networks, func(n PrivateNetwork) bool { return n.Name == given || n.ID == given })
		if i < 0 {
			o.fault("private-networks", "the zone has no private network of name or id %q", given)
			continue
		}
		refs = append(refs, Ref{ID: networks[i].ID})
	}
	return refs
}
