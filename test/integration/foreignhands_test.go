package integration

import (
	"context"
	"net/http"
	"testing"
	"time"

	v3 "github.com/exoscale/egoscale/v3"
	"github.com/exoscale/egoscale/v3/credentials"
	. "github.com/onsi/gomega"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// somebody is another client of the same account: the SDK as it comes, with a key
// of its own.
func (w *world) somebody() *v3.Client {
	w.t.Helper()
	w.sim.AddKey(exosim.Key{Key: "EXOsomebody", Secret: "somebodys-secret"})
	transport := &http.Transport{}
	w.t.Cleanup(transport.CloseIdleConnections)
	sdk, err := v3.NewClient(credentials.NewStaticCredentials("EXOsomebody", "somebodys-secret"),
		v3.ClientOptWithEndpoint(v3.Endpoint(w.sim.Endpoint)), v3.ClientOptWithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		w.t.Fatal(err)
	}
	return sdk
}

// does waits until a change of somebody's is done. Exoscale refuses it while
// another is under way.
func (w *world) does(change func(context.Context) (*v3.Operation, error)) {
	w.t.Helper()
	w.g.Eventually(func() error {
		_, err := change(w.t.Context())
		return err
	}).Should(Succeed())
}

// unhurried lets so much time pass between two lists of the cloud that they can
// be counted: there is one in a sync period.
func unhurried(o *app.Options) { o.SyncPeriod = 4 * time.Second }

// withinASyncPeriod holds that the cloud is repaired by the next list after a
// change of somebody's: the one under way may be from before. fresh is the number
// of lists that the repair takes besides.
func (w *world) withinASyncPeriod(fresh int, change func(context.Context) (*v3.Operation, error), repaired func(Gomega)) {
	w.t.Helper()
	w.sim.ResetCalls()
	w.does(change)
	w.g.Eventually(repaired).Should(Succeed())
	w.g.Expect(w.sim.Calls().Operations["list-load-balancers"]).To(BeNumerically("<=", 2+fresh))
}

func serviceOn(lb exosim.LoadBalancer, port int64) exosim.Service {
	for _, service := range lb.Services {
		if service.Port == port {
			return service
		}
	}
	return exosim.Service{}
}

func TestWhatAnotherClientChangesIsPutRightWithinASyncPeriod(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Operator: unhurried})
	sdk := w.somebody()
	web := w.service("web", twoPorts)
	w.served(web)
	lb, port := &v1alpha1.NetworkLoadBalancer{}, &v1alpha1.NLBService{}
	lb.Namespace, lb.Name, port.Namespace, port.Name = w.ns, "web", w.ns, "web-80-tcp"
	w.ready(lb, port)
	w.settles()
	was := w.onlyNLB()
	id, web80 := v3.UUID(was.ID), serviceOn(was, 80)

	t.Log("the NLB")
	w.withinASyncPeriod(0, func(ctx context.Context) (*v3.Operation, error) {
		return sdk.UpdateLoadBalancer(ctx, id, v3.UpdateLoadBalancerRequest{
			Name: "renamed", Description: "somebody was here", Labels: v3.Labels{"only": "this"},
		})
	}, func(g Gomega) {
		is := w.onlyNLB()
		g.Expect(is.Name).To(Equal(was.Name))
		g.Expect(is.Description).To(BeEmpty())
		g.Expect(is.Labels).To(And(HaveKeyWithValue(v1alpha1.CloudLabelOwnerUID, nlb.LabelValue(string(lb.UID))), HaveKeyWithValue("only", "this")))
	})
	w.tells(lb, "Normal DriftCorrected", was.ID)

	t.Log("a service")
	w.withinASyncPeriod(0, func(ctx context.Context) (*v3.Operation, error) {
		return sdk.UpdateLoadBalancerService(ctx, id, v3.UUID(web80.ID), v3.UpdateLoadBalancerServiceRequest{
			Name: "by-hand", TargetPort: 1, Strategy: v3.UpdateLoadBalancerServiceRequestStrategySourceHash,
			Healthcheck: &v3.LoadBalancerServiceHealthcheck{
				Mode: v3.LoadBalancerServiceHealthcheckModeHTTP, Port: 1, URI: "/x", Interval: 20, Timeout: 3, Retries: 5,
			},
		})
	}, func(g Gomega) {
		is := serviceOn(w.onlyNLB(), 80)
		g.Expect(is.HealthCheck.Mode).To(Equal("tcp"))
		is.HealthCheck.URI = "" // Exoscale can't clear it
		g.Expect(is).To(Equal(web80))
	})
	w.tells(port, "Normal DriftCorrected")

	t.Log("a service that is gone")
	w.withinASyncPeriod(0, func(ctx context.Context) (*v3.Operation, error) {
		return sdk.DeleteLoadBalancerService(ctx, id, v3.UUID(web80.ID))
	}, func(g Gomega) {
		is := serviceOn(w.onlyNLB(), 80)
		g.Expect(is.TargetPort).To(Equal(web80.TargetPort))
		g.Expect(is.ID).NotTo(Equal(web80.ID))
	})
	w.tells(port, "Warning Recreated")
	w.served(web)
	w.g.Expect(addressOf(web)).To(Equal(was.IP))
	w.g.Expect(serviceOn(w.onlyNLB(), 443)).To(Equal(serviceOn(was, 443)), "the other port went on")
}

func TestAnNLBThatAnotherClientDeletesIsMadeAnewWithinASyncPeriod(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Operator: unhurried})
	sdk := w.somebody()
	lb := w.loadBalancer("edge", nil)
	w.ready(lb)
	w.settles()
	was := w.onlyNLB()
	w.withinASyncPeriod(1, func(ctx context.Context) (*v3.Operation, error) { // one to be sure before the create
		return sdk.DeleteLoadBalancer(ctx, v3.UUID(was.ID))
	}, func(g Gomega) {
		all := w.sim.LoadBalancers("")
		g.Expect(all).To(HaveLen(1))
		g.Expect(all[0].ID).NotTo(Equal(was.ID))
	})
	is := w.onlyNLB()
	w.g.Eventually(func() string { w.state(lb, v1alpha1.ConditionReady); return lb.Status.Address }).Should(Equal(is.IP))
	w.ready(lb)
	w.tells(lb, "Warning Recreated", was.ID, was.IP)
	w.tells(lb, "Warning AddressChanged", was.IP, is.IP)
}

// The portal takes the services off before it deletes an NLB.
func TestAServiceWhoseNLBIsDeletedByHandTellsOfItsNewAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	web := w.service("web", twoPorts)
	w.served(web)
	was := w.onlyNLB()
	w.sim.DeleteLoadBalancer(was.ID)
	w.g.Eventually(w.ports).Should(HaveLen(2))
	is := w.onlyNLB()
	w.g.Expect(is.IP).NotTo(Equal(was.IP))
	w.g.Eventually(func() string { w.says(web, ""); return addressOf(web) }).Should(Equal(is.IP))
	w.served(web)
	w.tells(web, "Warning Address", was.IP) // withdrawn or, if nobody looked in between, changed
	lb := &v1alpha1.NetworkLoadBalancer{}
	lb.Namespace, lb.Name = w.ns, "web"
	w.ready(lb)
	w.g.Expect(w.events(lb)).NotTo(ContainElement(ContainSubstring("AddressChanged")), "one fact is one Event")
}
