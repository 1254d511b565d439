package integration

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/internal/identity"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// identities of the world, as "<condition>/<reason>" of Verified by name.
func (w *world) identities() map[string]string {
	var list v1alpha1.NodeIdentityList
	w.g.Expect(w.client.List(w.t.Context(), &list, client.MatchingLabels{"world": w.ns})).To(Succeed())
	found := map[string]string{}
	for _, object := range list.Items {
		found[object.Name] = "none"
		if verified := meta.FindStatusCondition(object.Status.Conditions, v1alpha1.ConditionVerified); verified != nil {
			found[object.Name] = string(verified.Status) + "/" + verified.Reason
		}
	}
	return found
}

// verified waits until all members of pools are, and the operator has seen it: who
// isn't yet counts for nothing in what is decided among Nodes.
func (w *world) verified(pools ...exosim.InstancePool) {
	w.t.Helper()
	for _, pool := range pools {
		for _, instance := range w.sim.Members(pool.ID) {
			w.g.Eventually(w.identities).Should(HaveKeyWithValue(w.nodeName(instance), "True/Verified"))
		}
	}
	w.settles()
}

func (w *world) identity(name string) v1alpha1.NodeIdentity {
	var object v1alpha1.NodeIdentity
	w.g.Expect(w.client.Get(w.t.Context(), client.ObjectKey{Name: name}, &object)).To(Succeed())
	return object
}

func TestEveryNodeAndEveryMemberOfItsPoolHasANodeIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	first, second := w.sim.Members(w.pool.ID)[0], w.sim.Members(w.pool.ID)[1]
	w.g.Eventually(w.identities).Should(Equal(map[string]string{first.Name: "True/Verified", second.Name: "True/Verified"}))

	w.sim.ScalePool(w.pool.ID, 3)
	third := w.sim.Members(w.pool.ID)[2]
	w.g.Eventually(w.identities).Should(HaveKeyWithValue(third.Name, "Unknown/NotJoined"))
	object := w.identity(third.Name)
	w.g.Expect(object.Spec).To(Equal(v1alpha1.NodeIdentitySpec{InstanceID: third.ID, Zone: exosim.DefaultZone, Hostname: third.Name}))
	w.g.Expect(object.Status.InstancePoolID).To(Equal(w.pool.ID))
	w.g.Expect(object.Status.InstancePoolName).To(Equal("workers"))
	w.g.Expect(object.Status.InstanceType).To(Equal("standard.medium"))
	w.g.Expect(object.Status.InstanceState).To(Equal("running"))

	w.addNode(third, "workers")
	w.g.Eventually(w.identities).Should(HaveKeyWithValue(third.Name, "True/Verified"))
	w.g.Expect(w.identity(third.Name).Status.NodeName).To(Equal(third.Name))

	// Its instance and its Node go.
	w.sim.ScalePool(w.pool.ID, 2)
	w.g.Eventually(w.identities).Should(HaveKeyWithValue(third.Name, "False/NotFound"))
	w.g.Expect(w.client.Delete(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: third.Name}})).To(Succeed())
	w.g.Eventually(w.identities).Should(HaveLen(2))
}

func TestAMemberOfAWatchedPoolIsKnownBeforeAnyNodeJoins(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Nodes: -1, Operator: func(o *app.Options) { o.NodePools = []string{"workers"} }})
	w.sim.ScalePool(w.pool.ID, 1)
	member := w.sim.Members(w.pool.ID)[0]
	w.g.Eventually(w.identities).Should(Equal(map[string]string{member.Name: "Unknown/NotJoined"}))
}

// What a newcomer says of itself takes nothing from who was verified.
func TestANewcomerThatClaimsTheInstanceOfANodeIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	victim := w.sim.Members(w.pool.ID)[0]
	w.g.Eventually(w.identities).Should(HaveKeyWithValue(victim.Name, "True/Verified"))

	mallory := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: w.ns + "-mallory", Labels: map[string]string{"world": w.ns}}, Spec: corev1.NodeSpec{ProviderID: identity.ProviderPrefix + victim.ID}}
	w.create(mallory)
	refused := mallory.Name + "." + victim.ID[:8] + ".refused"
	w.g.Eventually(w.identities).Should(HaveKeyWithValue(refused, "False/InUseByOther"))
	w.g.Expect(w.identities()).To(HaveKeyWithValue(victim.Name, "True/Verified"))
	w.g.Expect(w.identity(victim.Name).Status.NodeName).To(Equal(victim.Name))
	verified := meta.FindStatusCondition(w.identity(refused).Status.Conditions, v1alpha1.ConditionVerified)
	w.g.Expect(verified.Message).To(And(ContainSubstring(mallory.Name), ContainSubstring(victim.ID), ContainSubstring(victim.Name)))

	w.g.Expect(w.client.Delete(t.Context(), mallory)).To(Succeed())
	w.g.Eventually(w.identities).ShouldNot(HaveKey(refused))
}

func TestANodeThatIsNoInstanceOfTheZoneIsRefusedOnlyIfItSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	const elsewhere = "0badc0de-0000-4000-8000-000000000001"
	stranger := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: w.ns + "-stranger", Labels: map[string]string{"world": w.ns}}, Spec: corev1.NodeSpec{ProviderID: identity.ProviderPrefix + elsewhere}}
	w.create(stranger)
	bare := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: w.ns + "-bare", Labels: map[string]string{"world": w.ns}}}
	w.create(bare)
	before := bare.DeepCopy()
	bare.Status.NodeInfo.SystemUUID = "0badc0de-0000-4000-8000-000000000002"
	w.g.Expect(w.client.Status().Patch(t.Context(), bare, client.MergeFrom(before))).To(Succeed())
	w.g.Eventually(w.identities).Should(HaveKeyWithValue(stranger.Name+".0badc0de.refused", "False/NotFound"))
	w.settles()
	for name := range w.identities() {
		w.g.Expect(strings.HasPrefix(name, bare.Name)).To(BeFalse(), "a machine elsewhere is nothing to say of")
	}
}

func TestANodeUnderAnotherNameThanItsInstanceIsSaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Nodes: -1})
	w.sim.ScalePool(w.pool.ID, 1)
	member := w.sim.Members(w.pool.ID)[0]
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: w.ns + "-localhost", Labels: map[string]string{"world": w.ns}}, Spec: corev1.NodeSpec{ProviderID: identity.ProviderPrefix + member.ID}}
	w.create(node)
	w.g.Eventually(w.identities).Should(Equal(map[string]string{member.Name: "False/NameMismatch"}))

	w.sim.MutateInstance(member.ID, func(i *exosim.Instance) { i.Name = node.Name })
	w.g.Eventually(w.identities).Should(Equal(map[string]string{member.Name: "True/Verified"}), "renaming the instance puts it right")
	w.g.Expect(w.identity(member.Name).Spec.Hostname).To(Equal(node.Name))
}

func TestConvergedNodeIdentitiesAreNotWrittenAnyMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	member := w.sim.Members(w.pool.ID)[0]
	w.g.Eventually(w.identities).Should(HaveKeyWithValue(member.Name, "True/Verified"))
	version := w.identity(member.Name).ResourceVersion
	w.sim.ResetCalls()
	w.g.Eventually(func() int { return w.sim.Calls().Operations["list-instances"] }).Should(BeNumerically(">=", 3))
	w.g.Expect(w.identity(member.Name).ResourceVersion).To(Equal(version))
}

// The victim's pool isn't found by what an impostor says.
func TestANodeThatIsRefusedLeadsNoTrafficToItsPool(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Nodes: 1})
	other := w.sim.AddPool("", exosim.InstancePool{Name: "others", Size: 1, InstancePrefix: w.ns + "-others"})
	victim := w.sim.Members(other.ID)[0]
	impostor := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: w.ns + "-impostor", Labels: map[string]string{"world": w.ns, "role": "ingress"}},
		Spec:       corev1.NodeSpec{ProviderID: identity.ProviderPrefix + victim.ID},
	}
	w.create(impostor)
	w.g.Eventually(w.identities).Should(HaveKeyWithValue(victim.Name, "False/NameMismatch"))

	web := w.service("web", nil)
	w.served(web)
	w.g.Expect(w.sim.LoadBalancers("")[0].Services[0].InstancePool.ID).To(Equal(w.pool.ID), "one pool is left, so it isn't ambiguous")
	w.loadBalancer("edge", nil)
	chosen := w.nlbService("chosen", "edge", 80, func(spec *v1alpha1.NLBServiceSpec) {
		spec.Target = v1alpha1.Target{NodeSelector: selector("role", "ingress")}
	})
	w.becomes(chosen, v1alpha1.ConditionAccepted, "False/"+v1alpha1.ReasonNoEligibleNodes)

	w.sim.MutateInstance(victim.ID, func(i *exosim.Instance) { i.Name = impostor.Name })
	w.ready(chosen)
}
