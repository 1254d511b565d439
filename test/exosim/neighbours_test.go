package exosim_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	v3 "github.com/exoscale/egoscale/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// told is a pool in a line: its state, its size and the states of its members.
func (w *world) told(pool string) string {
	got, _ := w.Pool(pool)
	line := fmt.Sprintf("%s %d:", got.State, got.Size)
	for _, member := range w.Members(pool) {
		line += " " + member.State
	}
	return line
}

func TestAPoolScalesWhenItsOperationEnds(t *testing.T) {
	t.Parallel()
	w, ctx := given(t, slowly), context.Background()
	pool := v3.UUID(w.pool.ID)
	oldest := w.Members(w.pool.ID)[0].ID

	op, err := w.sdk.ScaleInstancePool(ctx, pool, v3.ScaleInstancePoolRequest{Size: 3})
	must(t, op, err)
	if got := w.told(w.pool.ID); got != "scaling-up 3: running running starting" {
		t.Errorf("growing it is %s", got)
	}
	_, err = w.sdk.ScaleInstancePool(ctx, pool, v3.ScaleInstancePoolRequest{Size: 5})
	refusedAs(t, err, v3.ErrConflict, w.pool.ID)
	w.clock.pass(w.opDelay())
	if got := w.told(w.pool.ID); got != "running 3: running running running" {
		t.Errorf("grown it is %s", got)
	}

	op, err = w.sdk.EvictInstancePoolMembers(ctx, pool, v3.EvictInstancePoolMembersRequest{Instances: []v3.UUID{v3.UUID(oldest)}})
	must(t, op, err)
	if got := w.told(w.pool.ID); got != "scaling-down 2: stopping running running" {
		t.Errorf("evicting it is %s", got)
	}
	w.clock.pass(w.opDelay())
	if got := w.told(w.pool.ID); got != "running 2: running running" || w.Members(w.pool.ID)[0].ID == oldest {
		t.Errorf("evicted it is %s", got)
	}
	_, err = w.sdk.EvictInstancePoolMembers(ctx, pool, v3.EvictInstancePoolMembersRequest{Instances: []v3.UUID{v3.UUID(oldest)}})
	refusedAs(t, err, v3.ErrBadRequest, oldest)
}

func TestAPoolWhoseScalingFailsIsAsBefore(t *testing.T) {
	t.Parallel()
	w, ctx := given(t), context.Background()
	w.Fault(exosim.Fault{Kind: exosim.FaultOperationFailure, Reason: "unavailable"})
	for _, size := range []int64{5, 1} {
		op := w.ended(w.sdk.ScaleInstancePool(ctx, v3.UUID(w.pool.ID), v3.ScaleInstancePoolRequest{Size: size}))
		if got := w.told(w.pool.ID); op.State != v3.OperationStateFailure || got != "running 2: running running" {
			t.Errorf("after scaling to %d ended as %s it is %s", size, op.State, got)
		}
	}
}

func TestInstancesCountAgainstTheirQuota(t *testing.T) {
	t.Parallel()
	w := given(t)
	w.SetQuota("", "instance", 3)
	_, err := w.sdk.ScaleInstancePool(context.Background(), v3.UUID(w.pool.ID), v3.ScaleInstancePoolRequest{Size: 4})
	refusedAs(t, err, v3.ErrForbidden, "instance")
	w.done(w.sdk.ScaleInstancePool(context.Background(), v3.UUID(w.pool.ID), v3.ScaleInstancePoolRequest{Size: 3}))
}

func TestANodepoolHasItsPool(t *testing.T) {
	t.Parallel()
	w, ctx := given(t), context.Background()
	cluster := w.AddCluster("", exosim.SKSCluster{Name: "k8s", Nodepools: []exosim.SKSNodepool{{
		Name: "default", InstancePool: exosim.Ref{ID: w.pool.ID},
	}}})
	id, nodepool := v3.UUID(cluster.ID), v3.UUID(cluster.Nodepools[0].ID)

	_, err := w.sdk.ScaleInstancePool(ctx, v3.UUID(w.pool.ID), v3.ScaleInstancePoolRequest{Size: 3})
	refusedAs(t, err, v3.ErrConflict, "is managed by sks-nodepool "+nodepool.String())
	w.done(w.sdk.ScaleSKSNodepool(ctx, id, nodepool, v3.ScaleSKSNodepoolRequest{Size: 3}))
	w.done(w.sdk.EvictSKSNodepoolMembers(ctx, id, nodepool, v3.EvictSKSNodepoolMembersRequest{
		Instances: []v3.UUID{v3.UUID(w.Members(w.pool.ID)[0].ID)},
	}))
	got, err := w.sdk.GetSKSNodepool(ctx, id, nodepool)
	if must(t, got, err).Size != 2 || w.told(w.pool.ID) != "running 2: running running" {
		t.Errorf("the nodepool has size %d, the pool is %s", got.Size, w.told(w.pool.ID))
	}

	const nobody = v3.UUID("11111111-1111-4111-8111-111111111111")
	_, err = w.sdk.GetSKSNodepool(ctx, id, nobody)
	refusedAs(t, err, v3.ErrNotFound, "has no nodepool "+nobody.String())
	_, err = w.sdk.ScaleSKSNodepool(ctx, nobody, nodepool, v3.ScaleSKSNodepoolRequest{Size: 3})
	refusedAs(t, err, v3.ErrNotFound, "SKS cluster")
}

func TestInstancesAreFoundByWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	w, ctx := given(t), context.Background()
	alone := w.AddInstance("", exosim.Instance{Name: "alone", Labels: map[string]string{"role": "bastion", "env": "demo"}, IPv6Address: "2001:db8::7"})
	members := w.Members(w.pool.ID)
	for name, c := range map[string]struct {
		ask  []v3.ListInstancesOpt
		want []string
	}{
		"everything":    {nil, []string{members[0].Name, members[1].Name, "alone"}},
		"by pool":       {[]v3.ListInstancesOpt{v3.ListInstancesWithManagerID(v3.UUID(w.pool.ID))}, []string{members[0].Name, members[1].Name}},
		"by address":    {[]v3.ListInstancesOpt{v3.ListInstancesWithIPAddress(alone.PublicIP)}, []string{"alone"}},
		"by IPv6":       {[]v3.ListInstancesOpt{v3.ListInstancesWithIPAddress("2001:db8::7")}, []string{"alone"}},
		"by labels":     {[]v3.ListInstancesOpt{v3.ListInstancesWithLabels(`{"role":"bastion","env":"demo"}`)}, []string{"alone"}},
		"by a label":    {[]v3.ListInstancesOpt{v3.ListInstancesWithLabels("role=bastion")}, []string{"alone"}},
		"another value": {[]v3.ListInstancesOpt{v3.ListInstancesWithLabels("role=other")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := w.sdk.ListInstances(ctx, c.ask...)
			var names []string
			for _, instance := range must(t, got, err).Instances {
				names = append(names, instance.Name)
			}
			if diff := cmp.Diff(c.want, names); diff != "" {
				t.Errorf("instances (-want +got)\n%s", diff)
			}
		})
	}
	for _, labels := range []string{"role", `{"role": 1}`} {
		_, err := w.sdk.ListInstances(ctx, v3.ListInstancesWithLabels(labels))
		refusedAs(t, err, v3.ErrBadRequest, "labels: must be")
	}
}

func TestAnInstanceIsRenamedNamedStoppedAndStarted(t *testing.T) {
	t.Parallel()
	w, ctx := given(t), context.Background()
	added := w.AddInstance("", exosim.Instance{Name: "old", Labels: map[string]string{"a": "b"}})
	id := v3.UUID(added.ID)
	w.done(w.sdk.UpdateInstance(ctx, id, v3.UpdateInstanceRequest{Name: "new", UserData: "eA=="}))
	got, err := w.sdk.GetInstance(ctx, id)
	if must(t, got, err).Name != "new" || got.UserData != "eA==" || len(got.Labels) != 0 {
		t.Errorf("updated without labels, for which the SDK sends null, it is %+v", got)
	}

	w.done(w.sdk.UpdateReverseDNSInstance(ctx, id, v3.UpdateReverseDNSInstanceRequest{DomainName: "node.example.org"}))
	record, err := w.sdk.GetReverseDNSInstance(ctx, id)
	if name := must(t, record, err).DomainName; !strings.HasPrefix(string(name), "node.example.org") {
		t.Errorf("its name is %s", name)
	}
	w.done(w.sdk.DeleteReverseDNSInstance(ctx, id))
	_, err = w.sdk.GetReverseDNSInstance(ctx, id)
	refusedAs(t, err, v3.ErrNotFound)

	w.done(w.sdk.StopInstance(ctx, id))
	_, err = w.sdk.StopInstance(ctx, id)
	refusedAs(t, err, v3.ErrConflict, "is stopped, not running")
	w.done(w.sdk.StartInstance(ctx, id, v3.StartInstanceRequest{}))
	_, err = w.sdk.StartInstance(ctx, id, v3.StartInstanceRequest{})
	refusedAs(t, err, v3.ErrConflict, "is running, not stopped")
}

func TestTheTestMovesTheCloudAtWill(t *testing.T) {
	t.Parallel()
	w := given(t)
	alone := w.AddInstance("", exosim.Instance{Manager: &exosim.Manager{ID: w.pool.ID}})
	if got := w.told(w.pool.ID); got != "running 3: running running running" {
		t.Errorf("with a member added it is %s", got)
	}
	w.MutateInstance(alone.ID, func(i *exosim.Instance) { i.State = "error" })
	w.MutatePool(w.pool.ID, func(p *exosim.InstancePool) { p.State = exosim.StateUpdating })
	if got := w.told(w.pool.ID); got != "updating 3: running running error" {
		t.Errorf("moved it is %s", got)
	}
	if got := w.ScalePool(w.pool.ID, 1); got.Size != 1 {
		t.Errorf("scaled it has %d", got.Size)
	}
	lb := w.PutLoadBalancer("", exosim.LoadBalancer{Name: "web", Services: []exosim.Service{{
		Name: "http", Port: 80, InstancePool: exosim.PoolRef{ID: w.pool.ID},
	}}})
	member := w.Members(w.pool.ID)[0].ID
	w.SetServiceHealth(lb.Services[0].ID, member, false)
	if got, _ := w.LoadBalancer(lb.ID); got.Services[0].HealthStatus[0].Status != exosim.HealthFailure || got.Services[0].HealthCheck.Port != 80 {
		t.Errorf("the NLB is %+v", got)
	}
	w.DeletePool(w.pool.ID)
	if _, found := w.Pool(w.pool.ID); found || len(w.Zone("").Instances) != 0 {
		t.Error("the pool, or an instance of it, is still there")
	}
	if got, _ := w.LoadBalancer(lb.ID); len(got.Services[0].HealthStatus) != 0 {
		t.Errorf("without its pool the service has backends %v", got.Services[0].HealthStatus)
	}
}

func TestAMistakeOfTheTestIsAPanic(t *testing.T) {
	t.Parallel()
	w := given(t)
	for want, mistake := range map[string]func(){
		`there is no instance pool "x"`:    func() { w.ScalePool("x", 1) },
		`there is no instance pool "x" in`: func() { w.AddInstance("", exosim.Instance{Manager: &exosim.Manager{ID: "x"}}) },
		`there is no instance pool "y"`:    func() { w.Members("y") },
		`there is no instance "x"`:         func() { w.StopInstance("x") },
		`there is no instance "` + w.AddInstance("", exosim.Instance{}).ID + `" of an instance pool`: func() { w.ReplaceInstance(w.Zone("").Instances[2].ID) },
		`there is no private network "x"`: func() { w.Attach("x", w.Members(w.pool.ID)[0].ID, "") },
		`there is no load balancer "x"`:   func() { w.DeleteLoadBalancer("x") },
		`there is no quota of "gpu"`:      func() { w.SetQuota("", "gpu", 1) },
		`there is no zone "mars-1"`:       func() { w.AddPool("mars-1", exosim.InstancePool{}) },
		`"x" for nodepool "n"`: func() {
			w.AddCluster("", exosim.SKSCluster{Nodepools: []exosim.SKSNodepool{{Name: "n", InstancePool: exosim.Ref{ID: "x"}}}})
		},
		`fault: there is no zone "mars-1"`: func() { w.Fault(exosim.Fault{Kind: exosim.FaultStatus, Zone: "mars-1"}) },
	} {
		t.Run(want, func(t *testing.T) {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.HasPrefix(got, "exosim: ") || !strings.Contains(got, want) {
					t.Errorf("it panics with %s", got)
				}
			}()
			mistake()
		})
	}
}
