package exosim_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	v3 "github.com/exoscale/egoscale/v3"

	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// refusedAs checks that a call was refused with the error class and all words.
func refusedAs(t *testing.T, err, want error, words ...string) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
	for _, word := range words {
		if !strings.Contains(said(err), word) {
			t.Errorf("%q doesn't say %q", said(err), word)
		}
	}
}

func TestNamesOfNLBsAreUniqueInTheirZone(t *testing.T) {
	t.Parallel()
	w := given(t, func(o *exosim.Options) { o.Zones = []string{"ch-gva-2", "ch-dk-2"} })
	ctx := context.Background()
	web, other := w.nlb("web"), w.nlb("other")

	_, err := w.sdk.CreateLoadBalancer(ctx, v3.CreateLoadBalancerRequest{Name: "web"})
	refusedAs(t, err, v3.ErrConflict, `a load balancer named "web" already exists: `+web.String())
	_, err = w.sdk.UpdateLoadBalancer(ctx, other, v3.UpdateLoadBalancerRequest{Name: "web"})
	refusedAs(t, err, v3.ErrConflict, "already exists")
	w.done(w.sdk.UpdateLoadBalancer(ctx, web, v3.UpdateLoadBalancerRequest{Name: "web", Description: "itself"}))

	w.PutLoadBalancer("ch-dk-2", exosim.LoadBalancer{Name: "web"})
	w.PutLoadBalancer("ch-dk-2", exosim.LoadBalancer{Name: "far"})
	w.nlb("far")
}

func TestAnNLBTakesOneChangeAtATime(t *testing.T) {
	t.Parallel()
	w := given(t, slowly)
	ctx := context.Background()
	lb := exosimNLB(w)
	op, err := w.sdk.AddServiceToLoadBalancer(ctx, lb, w.onPort("http", 80))
	must(t, op, err)
	service := w.onlyService(lb).ID

	for name, change := range map[string]func() (*v3.Operation, error){
		"add": func() (*v3.Operation, error) {
			return w.sdk.AddServiceToLoadBalancer(ctx, lb, w.onPort("https", 443))
		},
		"update": func() (*v3.Operation, error) {
			return w.sdk.UpdateLoadBalancer(ctx, lb, v3.UpdateLoadBalancerRequest{Description: "x"})
		},
		"reset": func() (*v3.Operation, error) {
			return w.sdk.ResetLoadBalancerField(ctx, lb, v3.ResetLoadBalancerFieldFieldLabels)
		},
		"delete": func() (*v3.Operation, error) { return w.sdk.DeleteLoadBalancer(ctx, lb) },
		"update service": func() (*v3.Operation, error) {
			return w.sdk.UpdateLoadBalancerService(ctx, lb, service, v3.UpdateLoadBalancerServiceRequest{Port: 81})
		},
		"reset service": func() (*v3.Operation, error) {
			return w.sdk.ResetLoadBalancerServiceField(ctx, lb, service, v3.ResetLoadBalancerServiceFieldFieldDescription)
		},
		"delete service": func() (*v3.Operation, error) { return w.sdk.DeleteLoadBalancerService(ctx, lb, service) },
	} {
		_, err := change()
		if !errors.Is(err, v3.ErrConflict) || !strings.Contains(said(err), "is busy: operation "+op.ID.String()) {
			t.Errorf("%s, while the NLB is busy, is answered with %v", name, err)
		}
	}
	w.beginNLB("others aren't concerned")
	if got := w.PendingOperations(); len(got) != 2 {
		t.Errorf("%d operations are pending, want the two that were accepted", len(got))
	}
	w.clock.pass(time.Second)
	w.done(op, nil)
	_, err = w.sdk.UpdateLoadBalancer(ctx, lb, v3.UpdateLoadBalancerRequest{Description: "x"})
	must(t, "", err)
}

// beginNLB begins to make an NLB.
func (w *world) beginNLB(name string) v3.UUID {
	w.t.Helper()
	op, err := w.sdk.CreateLoadBalancer(context.Background(), v3.CreateLoadBalancerRequest{Name: name})
	return must(w.t, op, err).Reference.ID
}

func TestSeveralChangesAtATimeCanBeAllowed(t *testing.T) {
	t.Parallel()
	w := given(t, slowly, func(o *exosim.Options) { o.AllowConcurrentChanges = true })
	ctx := context.Background()
	lb := exosimNLB(w)
	for port := int64(1); port <= 3; port++ {
		op, err := w.sdk.AddServiceToLoadBalancer(ctx, lb, w.onPort(fmt.Sprint("port-", port), port))
		must(t, op, err)
	}
	w.clock.pass(time.Second)
	got, _ := w.LoadBalancer(lb.String())
	for _, service := range got.Services {
		if service.State != exosim.StateRunning {
			t.Errorf("service %s is %s", service.Name, service.State)
		}
	}
	if len(got.Services) != 3 {
		t.Errorf("there are %d services, want 3", len(got.Services))
	}
}

func TestWhatIsBeingDeletedTakesNoChange(t *testing.T) {
	t.Parallel()
	w := given(t, func(o *exosim.Options) { o.AllowConcurrentChanges = true; slowly(o) })
	ctx := context.Background()
	lb := exosimNLB(w)
	w.MutateLoadBalancer(lb.String(), func(l *exosim.LoadBalancer) {
		l.Services = []exosim.Service{{ID: w.pool.ID, Name: "old", State: exosim.StateDeleting, Protocol: "tcp", Port: 1}}
	})
	_, err := w.sdk.DeleteLoadBalancerService(ctx, lb, v3.UUID(w.pool.ID))
	refusedAs(t, err, v3.ErrConflict, "is being deleted")
	w.MutateLoadBalancer(lb.String(), func(l *exosim.LoadBalancer) { l.Services = nil })
	_, err = w.sdk.DeleteLoadBalancer(ctx, lb)
	must(t, "", err)
	_, err = w.sdk.UpdateLoadBalancer(ctx, lb, v3.UpdateLoadBalancerRequest{Description: "x"})
	refusedAs(t, err, v3.ErrConflict, "is being deleted")
}

func TestAnNLBHasUpToTenServices(t *testing.T) {
	t.Parallel()
	w := given(t)
	lb := w.nlb("web")
	for port := int64(1); port <= 10; port++ {
		w.service(lb, fmt.Sprint("port-", port), port)
	}
	_, err := w.sdk.AddServiceToLoadBalancer(context.Background(), lb, w.onPort("one-more", 11))
	refusedAs(t, err, v3.ErrConflict, "already has 10 services")
}

func TestNamesAndPortsOfServicesAreUniqueOnTheirNLB(t *testing.T) {
	t.Parallel()
	w := given(t)
	ctx := context.Background()
	lb := w.nlb("web")
	http := w.service(lb, "http", 80)
	https := w.service(lb, "https", 443)

	_, err := w.sdk.AddServiceToLoadBalancer(ctx, lb, w.onPort("http", 81))
	refusedAs(t, err, v3.ErrConflict, `already has a service named "http": `+http.String())
	_, err = w.sdk.AddServiceToLoadBalancer(ctx, lb, w.onPort("again", 80))
	refusedAs(t, err, v3.ErrConflict, "port 80/tcp", `is used by service "http"`)
	_, err = w.sdk.UpdateLoadBalancerService(ctx, lb, https, v3.UpdateLoadBalancerServiceRequest{Port: 80})
	refusedAs(t, err, v3.ErrConflict, "port 80/tcp")

	udp := w.onPort("http-udp", 80)
	udp.Protocol = v3.AddServiceToLoadBalancerRequestProtocolUDP
	w.done(w.sdk.AddServiceToLoadBalancer(ctx, lb, udp))
	_, err = w.sdk.UpdateLoadBalancerService(ctx, lb, http, v3.UpdateLoadBalancerServiceRequest{Protocol: "udp"})
	refusedAs(t, err, v3.ErrConflict, "port 80/udp")
	w.service(w.nlb("other"), "http", 80)
}

func TestAnNLBWithServicesIsntDeletedUnlessThatCascades(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := given(t)
	lb := w.nlb("web")
	w.service(lb, "http", 80)
	_, err := w.sdk.DeleteLoadBalancer(ctx, lb)
	refusedAs(t, err, v3.ErrConflict, "still has services (1)")

	w = given(t, func(o *exosim.Options) { o.CascadeDelete = true })
	lb = w.nlb("web")
	w.service(lb, "http", 80)
	w.done(w.sdk.DeleteLoadBalancer(ctx, lb))
}

func TestAPoolInUseIsntDeleted(t *testing.T) {
	t.Parallel()
	w := given(t)
	ctx := context.Background()
	lb := w.nlb("web")
	service := w.service(lb, "http", 80)
	pool := v3.UUID(w.pool.ID)
	_, err := w.sdk.DeleteInstancePool(ctx, pool)
	refusedAs(t, err, v3.ErrConflict, `is the target of load balancer "web" (`+lb.String()+")")

	w.done(w.sdk.DeleteLoadBalancerService(ctx, lb, service))
	w.done(w.sdk.DeleteInstancePool(ctx, pool))
	if _, found := w.Pool(w.pool.ID); found || len(w.Zone("").Instances) != 0 {
		t.Error("the pool is still there, or its instances are")
	}
	_, err = w.sdk.AddServiceToLoadBalancer(ctx, lb, w.onPort("http", 80))
	refusedAs(t, err, v3.ErrNotFound, "instance pool "+w.pool.ID+" not found")
}

func TestAQuotaEndsWhatCanBeMade(t *testing.T) {
	t.Parallel()
	w := given(t)
	ctx := context.Background()
	quota := func(resource string) v3.Quota {
		t.Helper()
		got, err := w.sdk.GetQuota(ctx, resource)
		return *must(t, got, err)
	}
	if got := quota("network-load-balancer"); got.Limit != -1 || got.Usage != 0 {
		t.Errorf("at first the quota is %+v, want unlimited and unused", got)
	}
	w.SetQuota("", "network-load-balancer", 1)
	lb := w.nlb("web")
	if got := quota("network-load-balancer"); got.Limit != 1 || got.Usage != 1 {
		t.Errorf("the quota is %+v, want 1 of 1", got)
	}
	_, err := w.sdk.CreateLoadBalancer(ctx, v3.CreateLoadBalancerRequest{Name: "more"})
	refusedAs(t, err, v3.ErrForbidden, "quota exceeded: 1 of 1 network-load-balancer")
	w.done(w.sdk.DeleteLoadBalancer(ctx, lb))
	w.nlb("more")

	w.SetQuota("", "instance", 3)
	_, err = w.sdk.ScaleInstancePool(ctx, v3.UUID(w.pool.ID), v3.ScaleInstancePoolRequest{Size: 4})
	refusedAs(t, err, v3.ErrForbidden, "quota exceeded: 2 of 3 instance")
	w.done(w.sdk.ScaleInstancePool(ctx, v3.UUID(w.pool.ID), v3.ScaleInstancePoolRequest{Size: 3}))
}

func TestAnNLBCanStayWithoutAddress(t *testing.T) {
	t.Parallel()
	w := given(t)
	w.SetAddressless(true)
	lb, err := w.sdk.GetLoadBalancer(context.Background(), w.nlb("web"))
	if lb = must(t, lb, err); lb.IP != nil || lb.State != v3.LoadBalancerStateRunning {
		t.Errorf("it is %s with address %s", lb.State, lb.IP)
	}
	w.SetAddressless(false)
	if got, _ := w.LoadBalancer(w.nlb("other").String()); got.IP == "" {
		t.Error("the other NLB has no address either")
	}
}
