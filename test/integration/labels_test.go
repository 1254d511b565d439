package integration

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// digitCluster is a cluster id that Exoscale's rule for labels doesn't allow as it is.
const digitCluster = "3f9b3f5e-6a0a-4b3c-9a52-0d7c2a1f1001"

func inDigitCluster(o *app.Options) { o.ClusterID = digitCluster }

// unencoded are the labels of ownership as operators before wrote them.
func unencoded(lb *v1alpha1.NetworkLoadBalancer) map[string]string {
	return map[string]string{
		v1alpha1.FormerCloudLabelCluster:  digitCluster,
		v1alpha1.FormerCloudLabelOwner:    lb.Namespace + "/" + lb.Name,
		v1alpha1.FormerCloudLabelOwnerUID: string(lb.UID),
	}
}

// The labels of the longest name are hashed; they prove the ownership all the same.
func TestNLBsOfAllNamesAreMadeUnderExoscalesRuleForLabels(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Operator: inDigitCluster})
	long := w.loadBalancer(strings.Repeat("1.a", 84), func(spec *v1alpha1.NetworkLoadBalancerSpec) { spec.Name = "long" })
	edge := w.loadBalancer("edge", nil)
	w.ready(long, edge)
	was := w.sim.LoadBalancers("")
	w.g.Expect(was).To(HaveLen(2))
	w.stop()
	w.loseStatuses(emptied["emptied"])
	w.sim.ResetCalls()
	w.start()
	w.ready(long, edge)
	w.g.Expect(w.sim.LoadBalancers("")).To(Equal(was), "they are found again by their labels")
	w.g.Expect(w.writes()).To(BeEmpty())
	w.remove(long)
	w.remove(edge)
	w.gone(long)
	w.gone(edge)
	w.g.Expect(w.sim.LoadBalancers("")).To(BeEmpty())
}

// Operators before wrote them where Exoscale took them.
func TestLabelsThatAreNotEncodedStayUntilOthersHaveToBeWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Operator: inDigitCluster})
	edge := w.loadBalancer("edge", nil)
	web := w.nlbService("web", "edge", 80, nil)
	w.ready(edge, web)
	encoded := map[string]string{
		v1alpha1.CloudLabelCluster: nlb.LabelValue(digitCluster), v1alpha1.CloudLabelOwner: nlb.LabelValue(w.ns + "/edge"),
		v1alpha1.CloudLabelOwnerUID: nlb.LabelValue(string(edge.UID)),
	}
	ownership := func() map[string]string {
		labels := w.onlyNLB().Labels
		delete(labels, v1alpha1.CloudLabelMarks)
		return labels
	}
	w.g.Expect(ownership()).To(Equal(encoded))
	w.stop()
	w.sim.MutateLoadBalancer(edge.Status.ID, func(lb *exosim.LoadBalancer) { lb.Labels = unencoded(edge) })
	w.loseStatuses(emptied["removed"])
	w.sim.ResetCalls()

	t.Log("a new operator knows them")
	w.start()
	w.ready(edge, web)
	w.settles()
	w.g.Expect(w.writes()).To(BeEmpty())
	w.g.Expect(w.onlyNLB().Labels).To(Equal(unencoded(edge)))

	t.Log("a change of the spec encodes them")
	change(w, edge, func(lb *v1alpha1.NetworkLoadBalancer) { lb.Spec.Description = "the edge" })
	w.g.Eventually(func() string { return w.onlyNLB().Description }).Should(Equal("the edge"))
	w.ready(edge)
	w.g.Expect(ownership()).To(Equal(encoded))
	w.g.Expect(w.writes()).To(Equal([]string{"update-load-balancer"}))

	t.Log("and so does a deletion that retains the NLB")
	change(w, edge, func(lb *v1alpha1.NetworkLoadBalancer) { lb.Spec.DeletionPolicy = v1alpha1.DeletionRetain })
	w.ready(edge)
	w.sim.MutateLoadBalancer(edge.Status.ID, func(lb *exosim.LoadBalancer) { lb.Labels = unencoded(edge) })
	w.remove(web)
	w.gone(web)
	w.remove(edge)
	w.gone(edge)
	encoded[v1alpha1.CloudLabelOwnerUID] = v1alpha1.OwnerUIDRetained
	w.g.Expect(ownership()).To(Equal(encoded))
}

func TestWhatOperatorsBeforeRetainedIsClaimedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Operator: inDigitCluster, Stopped: true})
	edge := w.loadBalancer("edge", nil)
	labels := unencoded(edge)
	labels[v1alpha1.FormerCloudLabelOwnerUID] = v1alpha1.OwnerUIDRetained
	made := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: w.ns + "-edge-" + string(edge.UID), Labels: labels})
	w.start()
	w.ready(edge)
	w.g.Expect(edge.Status.ID).To(Equal(made.ID))
	w.g.Expect(w.onlyNLB().Labels).To(And(
		HaveKeyWithValue(v1alpha1.CloudLabelOwnerUID, nlb.LabelValue(string(edge.UID))), Not(HaveKey(v1alpha1.FormerCloudLabelOwnerUID))))
	w.g.Expect(w.writes()).To(Equal([]string{"update-load-balancer"}))
}

// Exoscale takes all labels of a request, or none: consent that isn't encoded has
// to be, once labels are written.
func TestConsentIsAcceptedEncodedAndAsItIs(t *testing.T) {
	t.Parallel()
	for form, write := range map[string]func(string) string{
		"encoded": nlb.LabelValue, "as it is": func(text string) string { return text },
	} {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{Operator: inDigitCluster})
			consent := digitCluster + "/" + w.ns + "/edge"
			made := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "by-hand"})
			edge := w.loadBalancer("edge", func(spec *v1alpha1.NetworkLoadBalancerSpec) { spec.ID = made.ID })
			w.becomes(edge, v1alpha1.ConditionReady, "False/InUseByOther")
			w.g.Expect(w.message(edge, v1alpha1.ConditionReady)).To(ContainSubstring(v1alpha1.CloudLabelAdopt + "=" + nlb.LabelValue(consent) + " "))
			w.sim.MutateLoadBalancer(made.ID, func(lb *exosim.LoadBalancer) {
				lb.Labels = map[string]string{v1alpha1.CloudLabelAdopt: write(consent), "team": "net"}
			})
			w.ready(edge)
			w.g.Expect(w.onlyNLB().Labels).To(And(
				HaveKeyWithValue(v1alpha1.CloudLabelOwner, nlb.LabelValue(w.ns+"/edge")),
				HaveKeyWithValue(v1alpha1.CloudLabelAdopt, nlb.LabelValue(consent)), HaveKeyWithValue("team", "net")))
			w.g.Expect(w.writes()).To(Equal([]string{"update-load-balancer"}))
		})
	}
}

func TestALabelThatExoscaleDoesNotAllowIsRefusedInASentence(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	team := func(value string) func(*v1alpha1.NetworkLoadBalancer) {
		return func(lb *v1alpha1.NetworkLoadBalancer) { lb.Spec.Labels = map[string]string{"team": value} }
	}
	edge := w.loadBalancer("edge", func(spec *v1alpha1.NetworkLoadBalancerSpec) { spec.Labels = map[string]string{"team": "net/eu"} })
	w.becomes(edge, v1alpha1.ConditionAccepted, "False/Invalid")
	w.g.Expect(w.message(edge, v1alpha1.ConditionReady)).To(And(ContainSubstring(`the value "net/eu" of "team": it holds '/'`), ContainSubstring("at most 128 letters, digits and * + ! - _ ?")))
	w.tells(edge, "Warning Invalid", "net/eu")
	w.g.Expect(w.writes()).To(BeEmpty(), "Exoscale isn't asked")

	change(w, edge, team("net-eu"))
	web := w.nlbService("web", "edge", 80, nil)
	w.ready(edge, web)
	was := w.onlyNLB()
	w.sim.ResetCalls()

	t.Log("what is served goes on")
	change(w, edge, team("1st"))
	w.becomes(edge, v1alpha1.ConditionReady, "False/Invalid")
	w.g.Expect(w.message(edge, v1alpha1.ConditionReady)).To(ContainSubstring(`the value "1st" of "team": it begins with a digit`))
	w.g.Expect(w.onlyNLB()).To(Equal(was))
	w.g.Expect(w.writes()).To(BeEmpty())
	change(w, web, func(s *v1alpha1.NLBService) { s.Spec.TargetPort = 30081 })
	w.g.Eventually(w.ports).Should(Equal([]string{"80/tcp→30081"}))
	w.ready(web)
	w.becomes(edge, v1alpha1.ConditionReady, "False/Invalid")
	w.remove(web)
	w.remove(edge)
	w.gone(web)
	w.gone(edge)
}

// The documentation may say more than holds: where Exoscale has taken a label it
// isn't refused afterwards.
func TestALabelThatIsOnTheNLBIsAllowedWhateverItHolds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Cloud: exosim.Options{LaxLabels: true}})
	edge := w.loadBalancer("edge", nil)
	w.ready(edge)
	w.sim.MutateLoadBalancer(edge.Status.ID, func(lb *exosim.LoadBalancer) { lb.Labels["team"] = "net/eu" })
	change(w, edge, func(lb *v1alpha1.NetworkLoadBalancer) {
		lb.Spec.Labels, lb.Spec.Description = map[string]string{"team": "net/eu"}, "the edge"
	})
	w.g.Eventually(func() string { return w.onlyNLB().Description }).Should(Equal("the edge"))
	w.ready(edge)
	was := w.onlyNLB()

	t.Log("it is put back with the NLB")
	w.sim.DeleteLoadBalancer(was.ID)
	w.g.Eventually(func() []exosim.LoadBalancer { return w.sim.LoadBalancers("") }).Should(HaveLen(1))
	w.ready(edge)
	w.g.Expect(w.onlyNLB().Labels).To(Equal(was.Labels))
}
