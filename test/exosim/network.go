package exosim

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/google/uuid"
)

const kindNetwork = "private-network"

func listPrivateNetworks(r *request) (any, error) {
	networks := slices.Clone(r.state.privateNetworks)
	if networks == nil {
		networks = []*PrivateNetwork{}
	}
	return map[string]any{"private-networks": networks}, nil
}

func getPrivateNetwork(r *request) (any, error) {
	return named(r, r.state.privateNetworks, "private network")
}

// AddPrivateNetwork adds a private network: a managed one if it has a StartIP.
// Instances that are attached to a managed network lease the next free address up
// to its EndIP, unless Leases has one of theirs already.
func (c *Cloud) AddPrivateNetwork(zone string, network PrivateNetwork) PrivateNetwork {
	orDefault(&network.ID, uuid.NewString())
	c.arrange(zone, func(s *zoneState) { s.privateNetworks = with(s.privateNetworks, &network) })
	return network
}

// Attach attaches an instance to a private network, and gives the address that it
// leases there: the one given, else the next free one; none in an unmanaged network.
func (c *Cloud) Attach(network, instance, ip string) string {
	c.arrangeObject(anInstance, instance, func(s *zoneState) {
		if _, found := find(s.privateNetworks, network); !found {
			panic(fmt.Sprintf("exosim: there is no private network %q", network))
		}
		s.attach(network, instance, ip)
	})
	var leased string
	c.lookAt(anInstance, instance, func(z *zone, _ time.Time) {
		found, _ := find(z.state.privateNetworks, network)
		leased = found.leaseOf(instance)
	})
	return leased
}

// Detach detaches an instance from a private network, and ends its lease.
func (c *Cloud) Detach(network, instance string) {
	c.arrangeObject(anInstance, instance, func(s *zoneState) { s.detach(network, instance) })
}

func attachToNetwork(r *request) (any, error) {
	network, instance, ip, err := r.membership(func(body *object) (*string, *string) {
		return body.member(false), body.ip("ip")
	})
	switch {
	case err != nil:
		return nil, err
	case instance.isIn(network.ID):
		return nil, conflict("instance %s is attached to private network %s already", instance.ID, network.ID)
	case network.managed() && ip == "" && network.nextFree() == "":
		return nil, conflict("private network %s has no free address left", network.ID)
	}
	return r.start(change{
		kind: kindNetwork, target: network.ID,
		finish: func(s *zoneState) { s.attach(network.ID, instance.ID, ip) },
	})
}

func detachFromNetwork(r *request) (any, error) {
	network, instance, _, err := r.membership(func(body *object) (*string, *string) { return body.member(true), nil })
	switch {
	case err != nil:
		return nil, err
	case !instance.isIn(network.ID):
		return nil, conflict("instance %s isn't attached to private network %s", instance.ID, network.ID)
	}
	return r.start(change{
		kind: kindNetwork, target: network.ID,
		finish: func(s *zoneState) { s.detach(network.ID, instance.ID) },
	})
}

func updateNetworkIP(r *request) (any, error) {
	network, instance, ip, err := r.membership(func(body *object) (*string, *string) {
		return body.member(false), body.ip("ip")
	})
	switch {
	case err != nil:
		return nil, err
	case !instance.isIn(network.ID):
		return nil, conflict("instance %s isn't attached to private network %s", instance.ID, network.ID)
	}
	return r.start(change{
		kind: kindNetwork, target: network.ID,
		finish: func(s *zoneState) {
			s.endLeases(instance.ID, network.ID)
			s.lease(network.ID, instance.ID, ip)
		},
	})
}

// member takes the instance that a request is about. The document allows all of an
// instance for some, and the SDK then sends fields that mean nothing.
func (o *object) member(whole bool) *string {
	instance, given := o.child("instance", true)
	if !given {
		return nil
	}
	id := instance.id("id", true)
	if whole {
		clear(instance.fields)
	}
	instance.close()
	return id
}

// membership is the network that the path names, and the instance and the address
// that the body does.
func (r *request) membership(take func(*object) (instance, ip *string)) (*PrivateNetwork, *Instance, string, error) {
	var id, ip *string
	if err := r.read(func(body *object) { id, ip = take(body) }); err != nil {
		return nil, nil, "", err
	}
	network, err := named(r, r.state.privateNetworks, "private network")
	if err != nil {
		return nil, nil, "", err
	}
	instance, found := find(r.state.instances, value(id))
	switch {
	case !found:
		return nil, nil, "", notFound("instance", value(id))
	case ip != nil && !network.managed():
		return nil, nil, "", refuse(http.StatusBadRequest, "ip: private network %s isn't managed, so it leases no addresses", network.ID)
	case ip != nil && !network.isFree(*ip, instance.ID):
		return nil, nil, "", conflict("%s of private network %s is leased to another instance", *ip, network.ID)
	}
	return network, instance, value(ip), r.refuseIfBusy(kindNetwork, network.ID)
}

func (i *Instance) isIn(network string) bool {
	return slices.ContainsFunc(i.PrivateNetworks, func(n InstancePrivateNetwork) bool { return n.ID == network })
}

func (n *PrivateNetwork) managed() bool { return n.StartIP != "" }

func (n *PrivateNetwork) leaseOf(instance string) string {
	for _, lease := range n.Leases {
		if lease.InstanceID == instance {
			return lease.IP
		}
	}
	return ""
}

func (n *PrivateNetwork) isFree(ip, instance string) bool {
	return !slices.ContainsFunc(n.Leases, func(l Lease) bool { return l.IP == ip && l.InstanceID != instance })
}

// nextFree is the first address of the range that nobody has; empty if there is none.
func (n *PrivateNetwork) nextFree() string {
	ip, err := netip.ParseAddr(n.StartIP)
	last, lastErr := netip.ParseAddr(n.EndIP)
	if err != nil || lastErr != nil {
		return ""
	}
	for ; ip.IsValid() && !last.Less(ip); ip = ip.Next() {
		if n.isFree(ip.String(), "") {
			return ip.String()
		}
	}
	return ""
}

func (s *zoneState) attach(network, instance, ip string) {
	s.editInstance(instance, func(i *Instance) {
		if !i.isIn(network) {
			i.PrivateNetworks = append(i.PrivateNetworks, InstancePrivateNetwork{ID: network})
		}
	})
	s.lease(network, instance, ip)
}

func (s *zoneState) detach(network, instance string) {
	s.editInstance(instance, func(i *Instance) {
		i.PrivateNetworks = slices.DeleteFunc(i.PrivateNetworks, func(n InstancePrivateNetwork) bool { return n.ID == network })
	})
	s.endLeases(instance, network)
}

// lease gives an instance an address of a managed network, if it has none there:
// the one given, else the next free one.
func (s *zoneState) lease(network, instance, ip string) {
	s.editNetwork(network, func(n *PrivateNetwork) {
		if ip == "" {
			ip = n.nextFree()
		}
		if n.managed() && ip != "" && n.leaseOf(instance) == "" {
			n.Leases = append(n.Leases, Lease{IP: ip, InstanceID: instance})
		}
	})
}

// endLeases ends those of an instance, in one network or, if none is given, in all.
func (s *zoneState) endLeases(instance, network string) {
	for _, n := range s.privateNetworks {
		if (network == "" || n.ID == network) && n.leaseOf(instance) != "" {
			s.editNetwork(n.ID, func(n *PrivateNetwork) {
				n.Leases = slices.DeleteFunc(n.Leases, func(l Lease) bool { return l.InstanceID == instance })
			})
		}
	}
}

func (s *zoneState) editNetwork(id string, edit func(*PrivateNetwork)) {
	s.privateNetworks = edited(s.privateNetworks, id, edit)
}
