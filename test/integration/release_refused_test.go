package integration

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/internal/release"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

func TestNothingIsLetGoWhileTheOperatorRuns(t *testing.T) {
	t.Parallel()
	w := gone(t)
	w.leads()
	_, err := w.releases(release.Retain, nil)
	w.g.Expect(err).To(MatchError(And(HavePrefix("the operator runs: "), ContainSubstring("--stop-operator"),
		ContainSubstring("kubectl --namespace "+w.lease+" scale deployment"))))
	w.g.Expect(w.finalizers()).To(HaveLen(7))
	w.g.Expect(w.writes()).To(BeEmpty())
}

func TestTheOperatorIsStoppedIfAsked(t *testing.T) {
	t.Parallel()
	w := gone(t)
	deployment := w.deployment("operator-" + w.ns)
	name := deployment.Name // the object is read again while it is let go
	stopped := w.leads()
	var said string
	ended := make(chan error, 1)
	go func() {
		var err error
		said, err = w.releases(release.Retain, func(o *app.ReleaseOptions) { o.StopOperator = name })
		ended <- err
	}()
	w.g.Eventually(func(g Gomega) int32 {
		g.Expect(w.client.Get(t.Context(), client.ObjectKeyFromObject(deployment), deployment)).To(Succeed())
		return *deployment.Spec.Replicas
	}).Should(BeZero())
	w.g.Consistently(ended).ShouldNot(Receive(), "it waits for the lease")
	stopped() // as the kubelet does
	w.g.Expect(<-ended).NotTo(HaveOccurred())
	w.g.Expect(said).To(HavePrefix("Deployment " + deployment.Name + " in namespace " + w.lease + " is scaled to 0.\n"))
	w.g.Expect(w.finalizers()).To(BeEmpty())
}

func TestAnOperatorThatDiedHoldsNothingUp(t *testing.T) {
	t.Parallel()
	w := gone(t)
	w.leads()() // it gave its lease back
	w.dies()    // and this one didn't
	_, err := w.releases(release.WithoutCloud, nil)
	w.g.Expect(err).NotTo(HaveOccurred())
	w.g.Expect(w.finalizers()).To(BeEmpty())
}

func TestTheNamespaceOfTheOperatorMayBeGoing(t *testing.T) {
	t.Parallel()
	w := gone(t)
	w.lease = w.ns
	w.remove(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.ns}})
	said, err := w.releases(release.WithoutCloud, nil)
	w.g.Expect(err).NotTo(HaveOccurred())
	w.g.Expect(said).To(HavePrefix("Namespace " + w.ns + ", where the operator ran, is gone or going, and it with it.\n"))
	w.gone(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.ns}})
}

func TestAnNLBWithServicesOfOthersIsntDeleted(t *testing.T) {
	t.Parallel()
	w := gone(t)
	foreign := notOurs(w.world, "smtp", 25)
	foreign.ID = uuid.NewString()
	w.sim.MutateLoadBalancer(w.edge.Status.ID, func(lb *exosim.LoadBalancer) { lb.Services = append(lb.Services, foreign) })
	_, err := w.releases(release.DeleteCloud, nil)
	w.g.Expect(err).To(MatchError(And(HavePrefix("1 object is still held:\nNetworkLoadBalancer "+w.ns+"/edge: "),
		ContainSubstring(`services that this operator didn't make: "smtp" (25/TCP)`), HaveSuffix("or let go of it by --retain"))))
	w.g.Expect(w.finalizers()).To(ConsistOf("edge " + v1alpha1.LoadBalancerFinalizer))
	lb, _ := w.sim.LoadBalancer(w.edge.Status.ID)
	w.g.Expect(lb.Services).To(ConsistOf(HaveField("Name", "smtp")))

	_, err = w.releases(release.Retain, nil)
	w.g.Expect(err).NotTo(HaveOccurred())
	w.g.Expect(w.finalizers()).To(BeEmpty())
	lb, _ = w.sim.LoadBalancer(w.edge.Status.ID)
	w.g.Expect(lb.Labels).To(HaveKeyWithValue(v1alpha1.CloudLabelOwnerUID, v1alpha1.OwnerUIDRetained))
}

func TestADeletionPolicyOfRetainIsKept(t *testing.T) {
	t.Parallel()
	w := gone(t)
	change(w.world, w.edge, func(lb *v1alpha1.NetworkLoadBalancer) { lb.Spec.DeletionPolicy = v1alpha1.DeletionRetain })
	said, err := w.releases(release.DeleteCloud, nil)
	w.g.Expect(err).NotTo(HaveOccurred())
	w.g.Expect(said).To(ContainSubstring("/edge is free: NLB " + w.edge.Status.ID + " (" + w.edge.Status.Address + ") stays, marked as retained.\n"))
	lb, there := w.sim.LoadBalancer(w.edge.Status.ID)
	w.g.Expect(there).To(BeTrue())
	w.g.Expect(lb.Services).To(BeEmpty(), "as when an NLBService is deleted")
	w.g.Expect(w.client.Get(t.Context(), client.ObjectKeyFromObject(w.edge), w.edge)).To(Succeed())
	w.g.Expect(w.edge.Status.ID).To(Equal(lb.ID), "it still stands for it")
}

func TestAnotherClusterIDIsNoReasonToLeaveNLBsBehind(t *testing.T) {
	t.Parallel()
	w := gone(t)
	for _, mode := range []release.Mode{release.Retain, release.DeleteCloud} {
		_, err := w.releases(mode, func(o *app.ReleaseOptions) { o.ClusterID = "another" })
		w.g.Expect(err).To(MatchError(ContainSubstring("say --cluster-id=" + string(w.clusterUID()))))
		w.g.Expect(w.finalizers()).To(ContainElement("edge " + v1alpha1.LoadBalancerFinalizer))
		w.g.Expect(w.sim.LoadBalancers("")).To(HaveLen(3))
	}
}

func TestAnNLBOnWhichOtherNamespacesStandIsKept(t *testing.T) {
	t.Parallel()
	w := gone(t)
	change(w.world, w.edge, func(lb *v1alpha1.NetworkLoadBalancer) {
		lb.Spec.AllowedNamespaces = &v1alpha1.AllowedNamespaces{From: v1alpha1.NamespacesFromAll}
	})
	other := w.namespace(nil)
	w.edit = func(o *app.Options) { o.WatchNamespaces = append(o.WatchNamespaces, other) }
	w.start()
	guest := w.guest(other, "edge", 2443)
	w.ready(guest)
	w.stop()

	_, err := w.releases(release.DeleteCloud, nil)
	w.g.Expect(err).To(MatchError(ContainSubstring("edge: its NLB holds services of NLBServices that aren't meant by --namespace: " + other + "/" + guest.Name)))
	w.g.Expect(w.finalizers()).To(ConsistOf("edge " + v1alpha1.LoadBalancerFinalizer))

	_, err = w.releases(release.DeleteCloud, func(o *app.ReleaseOptions) { o.Namespaces = append(o.Namespaces, other) })
	w.g.Expect(err).NotTo(HaveOccurred())
	w.g.Expect(w.onlyNLB().ID).To(Equal(w.theirs.ID))
}

func TestWhatTheKeyMayNotDoIsSaidAndTheRestIsDone(t *testing.T) {
	t.Parallel()
	w := gone(t)
	remove := w.sim.Fault(exosim.Fault{Operation: "delete-load-balancer", Kind: exosim.FaultStatus, Status: 403})
	_, err := w.releases(release.DeleteCloud, nil)
	w.g.Expect(err).To(MatchError(And(HavePrefix("3 objects are still held:\n"), ContainSubstring("delete-load-balancer of"), ContainSubstring("HTTP 403"),
		ContainSubstring("Service "+w.ns+"/web: its objects go first: NetworkLoadBalancer "+w.ns+"/web"))))
	w.g.Expect(w.ports()).To(BeEmpty())
	w.g.Expect(strings.Count(strings.Join(w.writes(), " "), "delete-load-balancer-service")).To(Equal(3))
	remove()
	_, err = w.releases(release.DeleteCloud, nil)
	w.g.Expect(err).NotTo(HaveOccurred())
	w.g.Expect(w.onlyNLB().ID).To(Equal(w.theirs.ID))
}

func TestLettingGoSurvivesABadCloud(t *testing.T) {
	t.Parallel()
	w := gone(t)
	for _, fault := range []exosim.Fault{
		{Operation: "delete-load-balancer", Kind: exosim.FaultResetAfter, Nth: 1},
		{Operation: "delete-load-balancer-service", Kind: exosim.FaultResetBefore, Nth: 1},
		{Operation: "delete-load-balancer-service", Kind: exosim.FaultOperationFailure, Nth: 2, Reason: "busy"},
		{Operation: "get-operation", Kind: exosim.FaultStatus, Status: 503, Nth: 1, Count: 2},
		{Operation: "list-load-balancers", Kind: exosim.FaultStatus, Status: 503, Nth: 2, Count: 1},
	} {
		w.sim.Fault(fault)
	}
	_, err := w.releases(release.DeleteCloud, nil)
	w.g.Expect(err).NotTo(HaveOccurred())
	w.g.Expect(w.finalizers()).To(BeEmpty())
	w.g.Expect(w.onlyNLB().ID).To(Equal(w.theirs.ID))
}

func TestWhatWasBegunLastIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := gone(t)
	w.sim.SetOperationDelay(time.Hour)
	w.start()
	late := w.loadBalancer("late", nil)
	w.g.Eventually(func(g Gomega) {
		g.Expect(w.client.Get(t.Context(), client.ObjectKeyFromObject(late), late)).To(Succeed())
		g.Expect(late.Status.Operation).NotTo(BeNil())
		g.Expect(late.Status.Operation.ID).NotTo(BeEmpty())
	}).Should(Succeed())
	w.stop()
	_, err := w.releases(release.DeleteCloud, func(o *app.ReleaseOptions) { o.Timeout = 10 * time.Second })
	w.g.Expect(err).To(MatchError(And(HavePrefix("--timeout, 10s, has passed\n"), ContainSubstring("late"))))
	w.g.Expect(w.finalizers()).To(ContainElement("late " + v1alpha1.LoadBalancerFinalizer))
	w.sim.SetOperationDelay(0)
}

// leads runs an operator that holds the lease, until the test ends or stopped is called.
func (w *lettingGo) leads() (stopped func()) {
	w.t.Helper()
	w.edit = func(o *app.Options) {
		o.LeaderElect, o.LeaderElectionNamespace = true, w.lease
	}
	w.start()
	w.g.Eventually(func() string { return w.holder() }).ShouldNot(BeEmpty())
	stopped, w.edit = w.stop, nil
	return stopped
}

// dies leaves the lease as an operator does that had no time to give it back.
func (w *lettingGo) dies() {
	w.t.Helper()
	lease := w.leaseNow()
	holder, now := "operator-that-died", metav1.NowMicro()
	lease.Spec.HolderIdentity, lease.Spec.RenewTime = &holder, &now
	w.g.Expect(w.client.Update(w.t.Context(), lease)).To(Succeed())
}

func (w *lettingGo) leaseNow() *coordinationv1.Lease {
	lease := &coordinationv1.Lease{}
	w.g.Expect(client.IgnoreNotFound(w.client.Get(w.t.Context(), client.ObjectKey{Namespace: w.lease, Name: app.Name}, lease))).To(Succeed())
	return lease
}

func (w *lettingGo) holder() string {
	return ptr.Deref(w.leaseNow().Spec.HolderIdentity, "")
}

func (w *lettingGo) deployment(name string) *appsv1.Deployment {
	w.t.Helper()
	one, labels := int32(1), map[string]string{"app": name}
	deployment := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.lease, Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &one, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "manager", Image: "manager"}}},
			},
		},
	}
	w.create(deployment)
	return deployment
}
