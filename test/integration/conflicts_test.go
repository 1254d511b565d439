package integration

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// anotherCluster is one more operator, with an id and a namespace of its own, on
// the same cloud.
func (w *world) anotherCluster(id string) *world {
	w.t.Helper()
	other := *w
	other.ns = w.namespace(nil)
	other.edit = func(o *app.Options) { o.ClusterID, o.NodeLabels = id, w.options().NodeLabels }
	other.start()
	return &other
}

// onExternal makes a NetworkLoadBalancer for an NLB that is only attached to.
func (w *world) onExternal(name, id string) *v1alpha1.NetworkLoadBalancer {
	w.t.Helper()
	return w.loadBalancer(name, func(spec *v1alpha1.NetworkLoadBalancerSpec) {
		spec.ManagementPolicy, spec.ID = v1alpha1.External, id
	})
}

// conflicts waits until an NLBService says who holds its port.
func (w *world) conflicts(object *v1alpha1.NLBService, texts ...string) {
	w.t.Helper()
	w.becomes(object, v1alpha1.ConditionReady, "False/PortConflict")
	for _, text := range texts {
		w.g.Expect(w.message(object, v1alpha1.ConditionReady)).To(ContainSubstring(text))
	}
	w.tells(object, append([]string{"Warning PortConflict"}, texts...)...)
}

func TestAPortOfAForeignServiceIsTakenOverOnceItIsFree(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	terraform := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "terraform", Services: []exosim.Service{notOurs(w, "theirs", 443)}})
	lb := w.onExternal("edge", terraform.ID)
	web := w.nlbService("web", "edge", 443, func(spec *v1alpha1.NLBServiceSpec) { spec.TargetPort = 31443 })
	w.ready(lb)
	w.conflicts(web, "443/TCP", terraform.ID, `"theirs"`, terraform.Services[0].ID)
	w.g.Expect(w.writes()).To(BeEmpty())
	w.sim.MutateLoadBalancer(terraform.ID, func(lb *exosim.LoadBalancer) { lb.Services = nil })
	w.ready(web)
	w.g.Expect(w.ports()).To(Equal([]string{"443/tcp→31443"}))
	w.g.Expect(w.writes()).To(Equal([]string{"add-service-to-load-balancer"}))
}

func TestAPortOfAnotherNamespaceIsTakenOverOnceItIsFree(t *testing.T) {
	t.Parallel()
	w, other := guestsMayCome(t, slowly)
	lb := w.loadBalancer("edge", func(spec *v1alpha1.NetworkLoadBalancerSpec) {
		spec.AllowedNamespaces = &v1alpha1.AllowedNamespaces{From: v1alpha1.NamespacesFromAll}
	})
	guest := w.guest(other, "edge", 80)
	w.ready(lb, guest)
	w.aged(guest)
	was := w.writes()
	host := w.nlbService("host", "edge", 80, func(spec *v1alpha1.NLBServiceSpec) { spec.TargetPort = 31080 })
	w.conflicts(host, "80/TCP", lb.Status.ID, other+"/guest")
	w.ready(guest)
	w.g.Expect(w.writes()).To(Equal(was))
	w.remove(guest)
	w.soonReady(host)
	w.g.Expect(w.ports()).To(Equal([]string{"80/tcp→31080"}))
}

func TestAPortOfAnotherClusterIsTakenOverOnceItIsFree(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Operator: func(o *app.Options) { o.ClusterID = "blue" }})
	terraform := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "terraform"})
	other := w.anotherCluster("green")
	ours, theirs := w.onExternal("edge", terraform.ID), other.onExternal("edge", terraform.ID)
	theirWeb, theirAPI := other.nlbService("web", "edge", 443, nil), other.nlbService("api", "edge", 444, nil)
	other.ready(theirs, theirWeb, theirAPI)
	web := w.nlbService("web", "edge", 443, func(spec *v1alpha1.NLBServiceSpec) { spec.TargetPort = 31443 })
	w.ready(ours)
	w.conflicts(web, "443/TCP", terraform.ID, theirWeb.Status.Name, theirWeb.Status.ID)
	// Of another cluster only lists tell: an add may be tried, and is refused.
	w.g.Expect(w.accepted()).To(HaveLen(2), "what the other cluster added")
	w.settles()
	other.settles()
	w.g.Expect(w.accepted()).To(HaveLen(2))
	other.remove(theirWeb)
	w.ready(web)
	other.ready(theirAPI)
	w.g.Expect(w.ports()).To(Equal([]string{"443/tcp→31443", "444/tcp→30444"}))
	w.remove(web)
	w.gone(web)
	w.remove(ours)
	w.gone(ours)
	w.g.Expect(w.ports()).To(Equal([]string{"444/tcp→30444"}))
}

func TestAnNLBOfAnotherClusterIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Operator: func(o *app.Options) { o.ClusterID = "blue" }})
	theirs := w.loadBalancer("edge", func(spec *v1alpha1.NetworkLoadBalancerSpec) { spec.Name = "shared-name" })
	port := w.nlbService("port", "edge", 443, nil)
	w.ready(theirs, port)
	was, writes := w.onlyNLB(), len(w.writes())
	other := w.anotherCluster("green")
	byID := other.loadBalancer("edge", func(spec *v1alpha1.NetworkLoadBalancerSpec) {
		spec.ID, spec.DeletionPolicy = theirs.Status.ID, v1alpha1.DeletionDelete
	})
	byName := other.loadBalancer("named", func(spec *v1alpha1.NetworkLoadBalancerSpec) { spec.Name = "shared-name" })
	external := other.onExternal("external", theirs.Status.ID)
	for _, object := range []*v1alpha1.NetworkLoadBalancer{byID, byName, external} {
		other.becomes(object, v1alpha1.ConditionReady, "False/InUseByOther")
		other.g.Expect(other.message(object, v1alpha1.ConditionReady)).To(ContainSubstring(theirs.Status.ID))
	}
	for _, object := range []*v1alpha1.NetworkLoadBalancer{byID, external} {
		other.g.Expect(other.message(object, v1alpha1.ConditionReady)).To(And(ContainSubstring("cluster blue"), ContainSubstring(w.ns+"/edge")))
	}
	for _, object := range []*v1alpha1.NetworkLoadBalancer{byID, byName, external} {
		other.remove(object)
		other.gone(object)
	}
	w.g.Expect(w.onlyNLB()).To(Equal(was))
	w.g.Expect(w.writes()).To(HaveLen(writes))
}

// The labels are gone, and the account consents to another object: the one that
// has held the NLB all the time goes first, though it is younger.
func TestOfTwoThatClaimOneIDTheHolderGoesFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Operator: func(o *app.Options) { o.ClusterID = "blue" }})
	consents := func(name string) map[string]string {
		return map[string]string{v1alpha1.CloudLabelAdopt: nlb.LabelValue("blue/" + w.ns + "/" + name)}
	}
	made := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "by-hand", Labels: consents("holder")})
	claim := func(spec *v1alpha1.NetworkLoadBalancerSpec) { spec.ID = made.ID }
	older := w.loadBalancer("older", claim)
	w.becomes(older, v1alpha1.ConditionReady, "False/InUseByOther")
	w.aged(older)
	holder := w.loadBalancer("holder", claim)
	w.ready(holder)

	heal := w.sim.Fault(exosim.Fault{Operation: "update-load-balancer", Kind: exosim.FaultStatus, Status: 503})
	w.sim.MutateLoadBalancer(made.ID, func(lb *exosim.LoadBalancer) { lb.Labels = consents("older") })
	change(w, older, func(lb *v1alpha1.NetworkLoadBalancer) { lb.Spec.Description = "look again" })
	w.becomes(older, v1alpha1.ConditionReady, "False/InUseByOther")
	w.g.Eventually(func() string {
		w.becomes(older, v1alpha1.ConditionReady, "False/InUseByOther")
		return w.message(older, v1alpha1.ConditionReady)
	}).Should(ContainSubstring("is held by NetworkLoadBalancer " + w.ns + "/holder"))
	heal()
	w.g.Eventually(func() map[string]string { return w.onlyNLB().Labels }).Should(And(
		HaveKeyWithValue(v1alpha1.CloudLabelOwner, nlb.LabelValue(w.ns+"/holder")), HaveKeyWithValue(v1alpha1.CloudLabelAdopt, consents("older")[v1alpha1.CloudLabelAdopt])))
	w.ready(holder)
	w.becomes(older, v1alpha1.ConditionReady, "False/InUseByOther")

	w.remove(holder) // what was adopted is retained, and the consent stands
	w.gone(holder)
	w.ready(older)
	w.g.Expect(older.Status.Address).To(Equal(made.IP))
	w.g.Expect(w.onlyNLB().Labels).To(HaveKeyWithValue(v1alpha1.CloudLabelOwnerUID, nlb.LabelValue(string(older.UID))))
}
