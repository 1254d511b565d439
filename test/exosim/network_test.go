package exosim_test

import (
	"context"
	"net"
	"testing"

	v3 "github.com/exoscale/egoscale/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// leases of a private network, as the SDK sees them: addresses by instance.
func (w *world) leases(network string) map[string]string {
	w.t.Helper()
	got, err := w.sdk.GetPrivateNetwork(context.Background(), v3.UUID(network))
	leases := map[string]string{}
	for _, lease := range must(w.t, got, err).Leases {
		leases[lease.InstanceID.String()] = lease.IP.String()
	}
	return leases
}

// expect compares the leases of a network with those given, by instance.
func (w *world) expect(network, when string, want map[string]string) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.leases(network)); diff != "" {
		w.t.Errorf("leases %s (-want +got)\n%s", when, diff)
	}
}

func storage() exosim.PrivateNetwork {
	return exosim.PrivateNetwork{Name: "storage", StartIP: "10.0.0.10", EndIP: "10.0.0.12", Netmask: "255.255.255.0"}
}

func TestMembersOfAPoolLeaseAddressesOfItsManagedNetworks(t *testing.T) {
	t.Parallel()
	w, ctx := given(t, slowly), context.Background()
	managed, unmanaged := w.AddPrivateNetwork("", storage()), w.AddPrivateNetwork("", exosim.PrivateNetwork{Name: "vpn"})
	pool := w.AddPool("", exosim.InstancePool{Name: "db", Size: 1, PrivateNetworks: []exosim.Ref{{ID: managed.ID}, {ID: unmanaged.ID}}})
	first := w.Members(pool.ID)[0]
	w.expect(managed.ID, "of the first member", map[string]string{first.ID: "10.0.0.10"})
	w.expect(unmanaged.ID, "of an unmanaged network", map[string]string{})

	op, err := w.sdk.ScaleInstancePool(ctx, v3.UUID(pool.ID), v3.ScaleInstancePoolRequest{Size: 2})
	must(t, op, err)
	second := w.Members(pool.ID)[1]
	w.expect(managed.ID, "while the second one boots", map[string]string{first.ID: "10.0.0.10", second.ID: "10.0.0.11"})
	w.clock.pass(w.opDelay())
	list, err := w.sdk.ListInstances(ctx, v3.ListInstancesWithManagerID(v3.UUID(pool.ID)))
	for _, member := range must(t, list, err).Instances {
		if len(member.PrivateNetworks) != 2 {
			t.Errorf("%s is in %+v", member.Name, member.PrivateNetworks)
		}
	}

	fresh := w.ReplaceInstance(first.ID)
	w.expect(managed.ID, "of who replaces the first", map[string]string{second.ID: "10.0.0.11", fresh.ID: "10.0.0.10"})
	w.DeletePool(pool.ID)
	w.expect(managed.ID, "after the pool is gone", map[string]string{})
}

func TestAnInstanceIsAttachedAndDetached(t *testing.T) {
	t.Parallel()
	w, ctx := given(t), context.Background()
	managed, unmanaged := w.AddPrivateNetwork("", storage()), w.AddPrivateNetwork("", exosim.PrivateNetwork{Name: "vpn"})
	network, vpn := v3.UUID(managed.ID), v3.UUID(unmanaged.ID)
	first, second := v3.UUID(w.Members(w.pool.ID)[0].ID), v3.UUID(w.Members(w.pool.ID)[1].ID)
	attach := func(to, instance v3.UUID, ip string) (*v3.Operation, error) {
		return w.sdk.AttachInstanceToPrivateNetwork(ctx, to, v3.AttachInstanceToPrivateNetworkRequest{
			Instance: &v3.AttachInstanceToPrivateNetworkRequestInstance{ID: instance}, IP: net.ParseIP(ip),
		})
	}
	update := func(to, instance v3.UUID, ip string) (*v3.Operation, error) {
		return w.sdk.UpdatePrivateNetworkInstanceIP(ctx, to, v3.UpdatePrivateNetworkInstanceIPRequest{
			Instance: &v3.UpdatePrivateNetworkInstanceIPRequestInstance{ID: instance}, IP: net.ParseIP(ip),
		})
	}
	detach := func(from, instance v3.UUID) (*v3.Operation, error) {
		return w.sdk.DetachInstanceFromPrivateNetwork(ctx, from, v3.DetachInstanceFromPrivateNetworkRequest{Instance: &v3.Instance{ID: instance}})
	}

	w.done(attach(network, first, ""))
	w.done(attach(network, second, "10.0.0.12"))
	w.done(attach(vpn, first, ""))
	w.expect(managed.ID, "after two were attached", map[string]string{first.String(): "10.0.0.10", second.String(): "10.0.0.12"})
	got, err := w.sdk.GetInstance(ctx, first)
	if networks := must(t, got, err).PrivateNetworks; len(networks) != 2 {
		t.Errorf("it is in %+v", networks)
	}
	w.done(update(network, first, "10.0.0.77"))
	w.expect(managed.ID, "after an update", map[string]string{first.String(): "10.0.0.77", second.String(): "10.0.0.12"})

	_, err = attach(network, first, "")
	refusedAs(t, err, v3.ErrConflict, "already")
	_, err = update(network, first, "10.0.0.12")
	refusedAs(t, err, v3.ErrConflict, "is leased to another instance")
	_, err = attach(vpn, second, "10.9.0.1")
	refusedAs(t, err, v3.ErrBadRequest, "isn't managed")
	_, err = attach(network, v3.UUID(managed.ID), "")
	refusedAs(t, err, v3.ErrNotFound, "instance")
	_, err = detach(vpn, second)
	refusedAs(t, err, v3.ErrConflict, "isn't attached")
	_, err = update(vpn, second, "")
	refusedAs(t, err, v3.ErrConflict, "isn't attached")

	w.done(detach(network, first))
	w.expect(managed.ID, "after one was detached", map[string]string{second.String(): "10.0.0.12"})
	if ip := w.Attach(managed.ID, first.String(), ""); ip != "10.0.0.10" {
		t.Errorf("attached by the test it has %q", ip)
	}
	w.Detach(managed.ID, first.String())
	w.expect(managed.ID, "after the test has detached it", map[string]string{second.String(): "10.0.0.12"})
}

func TestAManagedNetworkRunsOutOfAddresses(t *testing.T) {
	t.Parallel()
	w := given(t)
	managed := w.AddPrivateNetwork("", storage())
	pool := w.AddPool("", exosim.InstancePool{Name: "db", Size: 4, PrivateNetworks: []exosim.Ref{{ID: managed.ID}}})
	if got := len(w.leases(managed.ID)); got != 3 {
		t.Errorf("%d of 4 have an address of a network of 3", got)
	}
	_, err := w.sdk.AttachInstanceToPrivateNetwork(context.Background(), v3.UUID(managed.ID), v3.AttachInstanceToPrivateNetworkRequest{
		Instance: &v3.AttachInstanceToPrivateNetworkRequestInstance{ID: v3.UUID(w.Members(w.pool.ID)[0].ID)},
	})
	refusedAs(t, err, v3.ErrConflict, "no free address")
	w.DeleteInstance(w.Members(pool.ID)[0].ID)
	if ip := w.Attach(managed.ID, w.Members(w.pool.ID)[0].ID, ""); ip != "10.0.0.10" {
		t.Errorf("the address that is free is %q", ip)
	}
}
