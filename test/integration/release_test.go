package integration

import (
	"bytes"
	"testing"

	"github.com/google/uuid"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/release"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// lettingGo is a world whose operator has served a Service, an NLB with a port, and
// a port on somebody else's NLB, and is gone for good.
type lettingGo struct {
	*world
	web    *corev1.Service
	edge   *v1alpha1.NetworkLoadBalancer
	https  *v1alpha1.NLBService
	dns    *v1alpha1.NLBService // on theirs
	theirs exosim.LoadBalancer
	lease  string // the namespace in which the operator held its lease
}

func gone(t *testing.T) *lettingGo {
	t.Helper()
	w := &lettingGo{world: newWorld(t, setup{})}
	w.lease = w.namespace(nil)
	w.theirs = w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "theirs-" + w.ns})
	w.web = w.service("web", nil)
	w.edge, w.https = w.loadBalancer("edge", nil), w.nlbService("https", "edge", 443, nil)
	w.onExternal("shared", w.theirs.ID)
	w.dns = w.nlbService("dns", "shared", 53, nil)
	w.served(w.web)
	w.ready(w.edge, w.https, w.dns)
	w.stop()
	w.sim.ResetCalls()
	return w
}

// releases lets go of the namespace's objects.
func (w *lettingGo) releases(mode release.Mode, edit func(*app.ReleaseOptions)) (said string, err error) {
	w.t.Helper()
	out := &bytes.Buffer{}
	options := app.ReleaseOptions{Options: w.options(), Mode: mode, Namespaces: []string{w.ns}, Timeout: patience, Out: out}
	options.LeaderElectionNamespace = w.lease
	if edit != nil {
		edit(&options)
	}
	err = app.Release(w.t.Context(), w.cluster.Config(), options)
	w.t.Logf("said:\n%s", out)
	return out.String(), err
}

// finalizers are those of ours that are left on the namespace's objects.
func (w *lettingGo) finalizers() []string {
	w.t.Helper()
	var left []string
	for _, list := range []client.ObjectList{&corev1.ServiceList{}, &v1alpha1.NetworkLoadBalancerList{}, &v1alpha1.NLBServiceList{}} {
		w.g.Expect(w.client.List(w.t.Context(), list, client.InNamespace(w.ns))).To(Succeed())
		for _, object := range items(list) {
			for _, finalizer := range object.GetFinalizers() {
				left = append(left, object.GetName()+" "+finalizer)
			}
		}
	}
	return left
}

func items(list client.ObjectList) []client.Object {
	var objects []client.Object
	switch list := list.(type) {
	case *corev1.ServiceList:
		for i := range list.Items {
			objects = append(objects, &list.Items[i])
		}
	case *v1alpha1.NetworkLoadBalancerList:
		for i := range list.Items {
			objects = append(objects, &list.Items[i])
		}
	case *v1alpha1.NLBServiceList:
		for i := range list.Items {
			objects = append(objects, &list.Items[i])
		}
	}
	return objects
}

func TestANamespaceThatHangsIsFreedAndItsCloudDeleted(t *testing.T) {
	t.Parallel()
	w := gone(t)
	foreign := notOurs(w.world, "smtp", 25)
	foreign.ID = uuid.NewString()
	w.sim.MutateLoadBalancer(w.theirs.ID, func(lb *exosim.LoadBalancer) { lb.Services = append(lb.Services, foreign) })
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.ns}}
	w.remove(namespace)
	w.g.Eventually(func(g Gomega) {
		g.Expect(w.client.Get(t.Context(), client.ObjectKeyFromObject(namespace), namespace)).To(Succeed())
		g.Expect(namespace.Status.Conditions).To(ContainElement(And(
			HaveField("Type", corev1.NamespaceFinalizersRemaining), HaveField("Status", corev1.ConditionTrue))), "it hangs")
	}).Should(Succeed())

	said, err := w.releases(release.DeleteCloud, nil)
	w.g.Expect(err).NotTo(HaveOccurred())
	w.g.Expect(said).To(ContainSubstring("NetworkLoadBalancer " + w.ns + "/edge is free: NLB " + w.edge.Status.ID + " (" + w.edge.Status.Address + ") is deleted, and its address is lost.\n"))
	w.g.Expect(said).To(ContainSubstring("is free: NLB " + w.theirs.ID + " (" + w.theirs.IP + ") stays, since it is External.\n"))
	w.g.Expect(said).To(ContainSubstring("Service " + w.ns + "/web is free: it can go now.\n"))

	w.gone(namespace)
	left := w.onlyNLB()
	w.g.Expect(left.ID).To(Equal(w.theirs.ID))
	w.g.Expect(left.Labels).To(BeEmpty(), "it isn't ours to mark")
	w.g.Expect(left.Services).To(ConsistOf(HaveField("Name", "smtp")), "ours is off it, theirs stays")
	w.g.Expect(w.writes()).To(ConsistOf(
		"delete-load-balancer-service", "delete-load-balancer-service", "delete-load-balancer-service",
		"delete-load-balancer", "delete-load-balancer"), "and nothing else was sent")
}

func TestWhatStaysInTheClusterForgetsWhatWasDeleted(t *testing.T) {
	t.Parallel()
	w := gone(t)
	said, err := w.releases(release.DeleteCloud, nil)
	w.g.Expect(err).NotTo(HaveOccurred())
	w.g.Expect(said).To(ContainSubstring("it stays, without an address any more: " + addressOf(w.web)))
	w.g.Expect(w.finalizers()).To(BeEmpty())
	w.g.Expect(w.client.Get(t.Context(), client.ObjectKeyFromObject(w.web), w.web)).To(Succeed())
	w.g.Expect(addressOf(w.web)).To(BeEmpty())
	w.g.Expect(w.web.Annotations).NotTo(HaveKey(v1alpha1.AnnotationID))
	w.g.Expect(w.web.Status.Conditions).To(BeEmpty())
	w.g.Expect(w.client.Get(t.Context(), client.ObjectKeyFromObject(w.edge), w.edge)).To(Succeed())
	w.g.Expect(w.edge.Status).To(Equal(v1alpha1.NetworkLoadBalancerStatus{ObservedGeneration: -1}))

	w.start() // an operator is installed again
	w.served(w.web)
	w.ready(w.edge, w.https, w.dns)
	w.g.Expect(w.sim.LoadBalancers("")).To(HaveLen(3))
}

func TestRetainedNLBsAreClaimedAgain(t *testing.T) {
	t.Parallel()
	w := gone(t)
	web, edge := addressOf(w.web), w.edge.Status.Address
	const reset = "reset-load-balancer-service-field"
	said, err := w.releases(release.Retain, nil)
	w.g.Expect(err).NotTo(HaveOccurred())
	w.g.Expect(said).To(ContainSubstring("stays, marked as retained.\n"))
	w.g.Expect(w.finalizers()).To(BeEmpty())
	w.g.Expect(w.writes()).To(ConsistOf("update-load-balancer", "update-load-balancer", reset, reset, reset), "the labels of the two that are ours, and the marks of three services taken off")
	for _, lb := range w.sim.LoadBalancers("") {
		if lb.ID == w.theirs.ID {
			w.g.Expect(lb.Labels).To(BeEmpty())
			continue
		}
		w.g.Expect(lb.Labels).To(HaveKeyWithValue(v1alpha1.CloudLabelOwnerUID, v1alpha1.OwnerUIDRetained))
		w.g.Expect(lb.Labels).To(HaveKey(v1alpha1.CloudLabelOwner))
	}
	w.g.Expect(w.client.Get(t.Context(), client.ObjectKeyFromObject(w.web), w.web)).To(Succeed())
	w.g.Expect(addressOf(w.web)).To(Equal(web), "it goes on working")

	w.sim.ResetCalls()
	again, err := w.releases(release.Retain, nil)
	w.g.Expect(err).NotTo(HaveOccurred())
	w.g.Expect(again).NotTo(ContainSubstring("is free"))
	w.g.Expect(w.writes()).To(BeEmpty(), "once is enough")

	w.start()
	w.served(w.web)
	w.ready(w.edge, w.https, w.dns)
	w.g.Eventually(w.writes).Should(ConsistOf("update-load-balancer", "update-load-balancer"), "they bear their owners' UIDs again")
	w.settles()
	w.served(w.web)
	w.ready(w.edge)
	w.g.Expect(addressOf(w.web)).To(Equal(web))
	w.g.Expect(w.edge.Status.Address).To(Equal(edge))
	w.g.Expect(w.writes()).To(HaveLen(2))
}

func TestWithoutACloudOnlyFinalizersGo(t *testing.T) {
	t.Parallel()
	w := gone(t)
	said, err := w.releases(release.WithoutCloud, func(o *app.ReleaseOptions) { o.Credentials = exoscale.StaticCredentials("", "") })
	w.g.Expect(err).NotTo(HaveOccurred())
	w.g.Expect(w.finalizers()).To(BeEmpty())
	w.g.Expect(said).To(ContainSubstring("NLB " + w.edge.Status.ID + " (" + w.edge.Status.Address + ") in zone ch-gva-2 stays, if it is there, without a mark.\n"))
	w.g.Expect(said).To(ContainSubstring(`(443/TCP) stays on NLB ` + w.edge.Status.ID))
	w.g.Expect(w.sim.Calls().Operations).To(BeEmpty(), "nobody is asked")
	w.g.Expect(w.sim.LoadBalancers("")).To(HaveLen(3))
}

func TestTheCloudIsAskedOnlyWithAKey(t *testing.T) {
	t.Parallel()
	w := gone(t)
	for _, mode := range []release.Mode{release.Retain, release.DeleteCloud} {
		_, err := w.releases(mode, func(o *app.ReleaseOptions) { o.Credentials = exoscale.StaticCredentials("", "") })
		w.g.Expect(err).To(MatchError(And(ContainSubstring("no API credentials are set"), ContainSubstring("--retain --without-cloud"))))
	}
	_, err := w.releases(release.DeleteCloud, func(o *app.ReleaseOptions) { o.Credentials = exoscale.StaticCredentials(w.sim.Key, "wrong") })
	w.g.Expect(err).To(MatchError(And(HavePrefix("7 objects are still held"), ContainSubstring("HTTP 401"))))
	w.g.Expect(w.finalizers()).To(HaveLen(7))
	w.g.Expect(w.writes()).To(BeEmpty())
}

func TestADryRunChangesNothing(t *testing.T) {
	t.Parallel()
	w := gone(t)
	before := w.versions()
	for _, mode := range []release.Mode{release.Retain, release.DeleteCloud, release.WithoutCloud} {
		said, err := w.releases(mode, func(o *app.ReleaseOptions) { o.DryRun = true })
		w.g.Expect(err).NotTo(HaveOccurred())
		w.g.Expect(said).To(ContainSubstring("NetworkLoadBalancer " + w.ns + "/edge: NLB " + w.edge.Status.ID))
		w.g.Expect(said).To(ContainSubstring("Service " + w.ns + "/web: it stays"))
	}
	w.g.Expect(w.versions()).To(Equal(before))
	w.g.Expect(w.writes()).To(BeEmpty())
	said, err := w.releases(release.DeleteCloud, func(o *app.ReleaseOptions) { o.DryRun = true })
	w.g.Expect(err).NotTo(HaveOccurred())
	w.g.Expect(said).To(ContainSubstring("is deleted, and its address is lost.\n"))
}
