package exosim_test

import (
	"context"
	"errors"
	"testing"
	"time"

	v3 "github.com/exoscale/egoscale/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/exoscale-community/nlb-operator/test/exosim"
)

func TestAnNLBIsCreatingUntilItsOperationEnds(t *testing.T) {
	t.Parallel()
	w := given(t, slowly)
	ctx := context.Background()

	op, err := w.sdk.CreateLoadBalancer(ctx, v3.CreateLoadBalancerRequest{
		Name: "web", Description: "front", Labels: v3.Labels{"env": "prod"},
	})
	op = must(t, op, err)
	if op.State != v3.OperationStatePending || op.Reference.Command != "create-load-balancer" {
		t.Errorf("the create was answered with %+v", op)
	}
	lb, err := w.sdk.GetLoadBalancer(ctx, op.Reference.ID)
	lb = must(t, lb, err)
	if lb.State != v3.LoadBalancerStateCreating || lb.IP != nil {
		t.Errorf("at once it is %s with address %s, want creating without", lb.State, lb.IP)
	}

	w.clock.pass(time.Second)
	w.done(op, nil)
	list, err := w.sdk.ListLoadBalancers(ctx)
	got := must(t, list, err).LoadBalancers
	if len(got) != 1 || got[0].State != v3.LoadBalancerStateRunning || got[0].IP == nil {
		t.Fatalf("the list shows %+v, want one running NLB with an address", got)
	}
	want := v3.LoadBalancer{
		ID: op.Reference.ID, Name: "web", Description: "front", Labels: v3.Labels{"env": "prod"},
		State: v3.LoadBalancerStateRunning, IP: got[0].IP, CreatedAT: got[0].CreatedAT, Services: []v3.LoadBalancerService{},
	}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAServiceLivesFromAddToDelete(t *testing.T) {
	t.Parallel()
	w := given(t, slowly)
	ctx := context.Background()
	lb := exosimNLB(w)

	op, err := w.sdk.AddServiceToLoadBalancer(ctx, lb, w.onPort("http", 80))
	op = must(t, op, err)
	if op.Reference.ID != lb {
		t.Errorf("the operation refers to %s, want the NLB %s", op.Reference.ID, lb)
	}
	service := w.onlyService(lb)
	if service.State != v3.LoadBalancerServiceStateCreating || len(service.HealthcheckStatus) != 0 {
		t.Errorf("at once the service is %s with health %v", service.State, service.HealthcheckStatus)
	}
	w.clock.pass(time.Second)
	service = w.onlyService(lb)
	want := v3.LoadBalancerService{
		ID: service.ID, Name: "http", Description: "a service", State: v3.LoadBalancerServiceStateRunning,
		Port: 80, TargetPort: 30080, Protocol: v3.LoadBalancerServiceProtocolTCP, Strategy: v3.LoadBalancerServiceStrategyRoundRobin,
		InstancePool: &v3.InstancePool{ID: v3.UUID(w.pool.ID)},
		Healthcheck: &v3.LoadBalancerServiceHealthcheck{
			Mode: v3.LoadBalancerServiceHealthcheckModeTCP, Port: 30080, Interval: 10, Timeout: 5, Retries: 2,
		},
		HealthcheckStatus: healthOf(w, v3.LoadBalancerServerStatusStatusSuccess, v3.LoadBalancerServerStatusStatusSuccess),
	}
	if diff := cmp.Diff(want, service); diff != "" {
		t.Errorf("added (-want +got)\n%s", diff)
	}

	_, err = w.sdk.UpdateLoadBalancerService(ctx, lb, service.ID, v3.UpdateLoadBalancerServiceRequest{
		Port: 8080, Strategy: v3.UpdateLoadBalancerServiceRequestStrategySourceHash,
	})
	must(t, "", err)
	if got := w.onlyService(lb); got.State != v3.LoadBalancerServiceStateUpdating || got.Port != 80 {
		t.Errorf("at once the update shows %s and port %d, want updating and 80", got.State, got.Port)
	}
	w.clock.pass(time.Second)
	want.Port, want.Strategy = 8080, v3.LoadBalancerServiceStrategySourceHash
	if diff := cmp.Diff(want, w.onlyService(lb)); diff != "" {
		t.Errorf("updated (-want +got)\n%s", diff)
	}

	_, err = w.sdk.ResetLoadBalancerServiceField(ctx, lb, service.ID, v3.ResetLoadBalancerServiceFieldFieldDescription)
	must(t, "", err)
	w.clock.pass(time.Second)
	got, err := w.sdk.GetLoadBalancerService(ctx, lb, service.ID)
	if got := must(t, got, err); got.Description != "" {
		t.Errorf("the description is still %q", got.Description)
	}

	_, err = w.sdk.DeleteLoadBalancerService(ctx, lb, service.ID)
	must(t, "", err)
	if got := w.onlyService(lb); got.State != v3.LoadBalancerServiceStateDeleting {
		t.Errorf("at once the deleted service is %s", got.State)
	}
	w.clock.pass(time.Second)
	if _, err := w.sdk.GetLoadBalancerService(ctx, lb, service.ID); !errors.Is(err, v3.ErrNotFound) {
		t.Errorf("the deleted service is answered with %v", err)
	}
}

func TestAnNLBIsUpdatedResetAndDeleted(t *testing.T) {
	t.Parallel()
	w := given(t, slowly)
	ctx := context.Background()
	lb := exosimNLB(w)
	before, _ := w.LoadBalancer(lb.String())

	step := func(op *v3.Operation, err error) exosim.LoadBalancer {
		t.Helper()
		must(t, op, err)
		w.clock.pass(time.Second)
		w.done(op, nil)
		got, _ := w.LoadBalancer(lb.String())
		return got
	}
	got := step(w.sdk.UpdateLoadBalancer(ctx, lb, v3.UpdateLoadBalancerRequest{Name: "new", Description: "d", Labels: v3.Labels{"a": "b"}}))
	want := before
	want.Name, want.Description, want.Labels = "new", "d", map[string]string{"a": "b"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("updated (-want +got)\n%s", diff)
	}
	if got = step(w.sdk.UpdateLoadBalancer(ctx, lb, v3.UpdateLoadBalancerRequest{Description: "e"})); got.Name != "new" || got.Labels["a"] != "b" {
		t.Errorf("an update of one field changed others: %+v", got)
	}
	if got = step(w.sdk.ResetLoadBalancerField(ctx, lb, v3.ResetLoadBalancerFieldFieldDescription)); got.Description != "" || len(got.Labels) == 0 {
		t.Errorf("resetting the description left %+v", got)
	}
	if got = step(w.sdk.ResetLoadBalancerField(ctx, lb, v3.ResetLoadBalancerFieldFieldLabels)); len(got.Labels) != 0 {
		t.Errorf("resetting the labels left %+v", got)
	}

	op, err := w.sdk.DeleteLoadBalancer(ctx, lb)
	must(t, op, err)
	if got, _ = w.LoadBalancer(lb.String()); got.State != exosim.StateDeleting {
		t.Errorf("at once the deleted NLB is %s", got.State)
	}
	w.clock.pass(time.Second)
	w.done(op, nil)
	if _, err := w.sdk.GetLoadBalancer(ctx, lb); !errors.Is(err, v3.ErrNotFound) {
		t.Errorf("the deleted NLB is answered with %v", err)
	}
}

// exosimNLB makes an NLB by foreign hands.
func exosimNLB(w *world) v3.UUID {
	return v3.UUID(w.PutLoadBalancer("", exosim.LoadBalancer{Name: "web", Description: "front"}).ID)
}

// onlyService is the one service of an NLB.
func (w *world) onlyService(lb v3.UUID) v3.LoadBalancerService {
	w.t.Helper()
	got, err := w.sdk.GetLoadBalancer(context.Background(), lb)
	got = must(w.t, got, err)
	if len(got.Services) != 1 {
		w.t.Fatalf("the NLB has %d services, want one", len(got.Services))
	}
	return got.Services[0]
}

// healthOf is the health of the pool's instances, in order.
func healthOf(w *world, want ...v3.LoadBalancerServerStatusStatus) []v3.LoadBalancerServerStatus {
	var status []v3.LoadBalancerServerStatus
	for i, instance := range w.Members(w.pool.ID) {
		status = append(status, v3.LoadBalancerServerStatus{PublicIP: ipOf(instance), Status: want[i]})
	}
	return status
}
