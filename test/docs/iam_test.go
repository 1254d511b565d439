package docs

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/internal/nodegone"
	"github.com/exoscale-community/nlb-operator/test/exosim"
	"github.com/exoscale-community/nlb-operator/test/world"
)

// keyIsEnough leads an NLB, and a Node, through all that can happen to one, with a
// key that has the policy of config/iam. Every operation of the policy has to be of use.
func (w given) keyIsEnough(t *testing.T) {
	g := NewWithT(t)
	ctx, ns := t.Context(), "iam"
	allowed := allowedOperations(t)
	key := exosim.Key{Key: "EXOlimited", Secret: "limited-secret", Operations: allowed}
	w.cloud.AddKey(key)
	w.cloud.ResetCalls()
	g.Expect(w.create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}})).To(Succeed())
	w.operate(t, ns, key, func(o *app.Options) {
		o.NodeDeletion, o.NodeDeletionMaxShare = true, 100
		o.NodeDeletionLimits = nodegone.Limits{MinAge: 1, Grace: 1}
	})
	w.losesANode(ctx, g)

	edge := &v1alpha1.NetworkLoadBalancer{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "edge"},
		Spec:       v1alpha1.NetworkLoadBalancerSpec{Description: "first"},
	}
	https := &v1alpha1.NLBService{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "edge-https"},
		Spec: v1alpha1.NLBServiceSpec{
			LoadBalancerRef: v1alpha1.LoadBalancerReference{Name: "edge"},
			Port:            443, TargetPort: 30443, Description: "first",
			Target: v1alpha1.Target{SKSNodepool: &v1alpha1.SKSNodepoolReference{Cluster: "production", Nodepool: "ingress"}},
		},
	}
	w.settled(ctx, g, edge, https, func(g Gomega) { g.Expect(w.create(ctx, edge, https)).To(Succeed()) })
	w.settled(ctx, g, edge, https, func(g Gomega) {
		edge.Spec.Description, https.Spec.Description = "second", "second"
		g.Expect(w.client.Update(ctx, edge)).To(Succeed())
		g.Expect(w.client.Update(ctx, https)).To(Succeed())
	})
	w.settled(ctx, g, edge, https, func(g Gomega) { // the API clears by operations of their own
		edge.Spec.Description, https.Spec.Description = "", ""
		g.Expect(w.client.Update(ctx, edge)).To(Succeed())
		g.Expect(w.client.Update(ctx, https)).To(Succeed())
	})
	w.leavesAService(ctx, g, https)
	for _, object := range []client.Object{https, edge} {
		g.Expect(w.client.Delete(ctx, object)).To(Succeed())
	}
	for _, object := range []client.Object{https, edge} {
		g.Eventually(func() error { return w.client.Get(ctx, client.ObjectKeyFromObject(object), object) }, patience).
			Should(MatchError(ContainSubstring("not found")))
	}
	g.Expect(w.cloud.LoadBalancers("")).To(BeEmpty())

	calls := w.cloud.Calls().Operations
	for _, operation := range allowed {
		g.Expect(calls).To(HaveKey(operation), "the policy allows an operation that the operator doesn't use")
	}
	for operation := range calls {
		g.Expect(allowed).To(ContainElement(operation), "the policy doesn't allow an operation that the operator uses")
	}
}

// leavesAService hands a service back, without the operator's mark, which clears its
// description. Then somebody else removes it.
func (w given) leavesAService(ctx context.Context, g Gomega, beside *v1alpha1.NLBService) {
	left := &v1alpha1.NLBService{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: beside.Namespace, Name: "left", Annotations: map[string]string{v1alpha1.AnnotationDeletionPolicy: string(v1alpha1.DeletionRetain)},
		},
		Spec: *beside.Spec.DeepCopy(),
	}
	left.Spec.Port, left.Spec.Description = 444, ""
	g.Expect(w.client.Create(ctx, left)).To(Succeed())
	g.Eventually(func(g Gomega) {
		g.Expect(w.client.Get(ctx, client.ObjectKeyFromObject(left), left)).To(Succeed())
		g.Expect(meta.IsStatusConditionTrue(left.Status.Conditions, v1alpha1.ConditionReady)).To(BeTrue())
	}, patience).Should(Succeed())
	id := left.Status.LoadBalancerID
	g.Expect(w.client.Delete(ctx, left)).To(Succeed())
	g.Eventually(func() error { return w.client.Get(ctx, client.ObjectKeyFromObject(left), left) }, patience).
		Should(MatchError(ContainSubstring("not found")))
	w.cloud.MutateLoadBalancer(id, func(lb *exosim.LoadBalancer) {
		lb.Services = slices.DeleteFunc(lb.Services, func(s exosim.Service) bool { return s.Port == 444 })
	})
}

// losesANode waits until a Node is removed whose instance is gone.
func (w given) losesANode(ctx context.Context, g Gomega) {
	const name = "worker-4"
	lost := w.cloud.AddInstance("", exosim.Instance{Name: name, Manager: &exosim.Manager{ID: w.pool.ID}})
	g.Expect(world.JoinNodes(ctx, w.client, []exosim.Instance{lost})).To(Succeed())
	g.Eventually(func(g Gomega) {
		known := &v1alpha1.NodeIdentity{}
		g.Expect(w.client.Get(ctx, client.ObjectKey{Name: name}, known)).To(Succeed())
		g.Expect(meta.IsStatusConditionTrue(known.Status.Conditions, v1alpha1.ConditionVerified)).To(BeTrue())
	}, patience).Should(Succeed())
	w.cloud.DeleteInstance(lost.ID)
	g.Expect(world.SetReady(ctx, w.client, name, false)).To(Succeed())
	g.Eventually(func() error { return w.client.Get(ctx, client.ObjectKey{Name: name}, &corev1.Node{}) }, patience).
		Should(MatchError(ContainSubstring("not found")))
}

// settled changes the two objects, and waits until the cloud follows.
func (w given) settled(ctx context.Context, g Gomega, edge *v1alpha1.NetworkLoadBalancer, https *v1alpha1.NLBService, change func(Gomega)) {
	g.Eventually(func(g Gomega) {
		for _, object := range []client.Object{edge, https} {
			if object.GetUID() != "" {
				g.Expect(w.client.Get(ctx, client.ObjectKeyFromObject(object), object)).To(Succeed())
			}
		}
		change(g)
	}, patience).Should(Succeed())
	g.Eventually(func(g Gomega) {
		for _, object := range []client.Object{edge, https} {
			g.Expect(w.client.Get(ctx, client.ObjectKeyFromObject(object), object)).To(Succeed())
		}
		for _, is := range []struct {
			conditions  []metav1.Condition
			generations [2]int64
		}{
			{edge.Status.Conditions, [2]int64{edge.Generation, edge.Status.ObservedGeneration}},
			{https.Status.Conditions, [2]int64{https.Generation, https.Status.ObservedGeneration}},
		} {
			g.Expect(is.generations[0]).To(Equal(is.generations[1]))
			g.Expect(meta.IsStatusConditionTrue(is.conditions, v1alpha1.ConditionReady)).To(BeTrue(), "%v", is.conditions)
		}
	}, patience).Should(Succeed())
}

// policyFile holds the policy of the operator's IAM role. The README hands it to exo.
const policyFile = "config/iam/policy.json"

func policyText(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, policyFile))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestThePolicyIsTheSameEverywhere(t *testing.T) {
	if diff := cmp.Diff([]string{policyText(t)}, page(t, installPage).In("json")); diff != "" {
		t.Errorf("%s has to show %s, as its only block of JSON: -want +got\n%s", installPage, policyFile, diff)
	}
	command := "exo iam role create nlb-operator --policy - < " + policyFile + "\n"
	if !slices.ContainsFunc(page(t, readme).In("sh"), func(block string) bool { return strings.Contains(block, command) }) {
		t.Errorf("the README doesn't run %q any more", command)
	}
}

// allowedOperations are those of the policy.
func allowedOperations(t *testing.T) []string {
	t.Helper()
	var policy struct {
		Default  string `json:"default-service-strategy"`
		Services map[string]struct {
			Type  string
			Rules []struct{ Action, Expression string }
		}
	}
	if err := json.Unmarshal([]byte(policyText(t)), &policy); err != nil {
		t.Fatal(err)
	}
	compute := policy.Services["compute"]
	if policy.Default != "deny" || len(policy.Services) != 1 || compute.Type != "rules" {
		t.Fatalf("the policy allows more than some operations: %+v", policy)
	}
	var operations []string
	for _, rule := range compute.Rules {
		if rule.Action != "allow" || !regexp.MustCompile(`^operation in \['[a-z', -]+'\]$`).MatchString(rule.Expression) {
			t.Fatalf("a rule of another form than this test knows: %+v", rule)
		}
		for _, name := range regexp.MustCompile(`'([a-z-]+)'`).FindAllStringSubmatch(rule.Expression, -1) {
			operations = append(operations, name[1])
		}
	}
	if slices.Sort(operations); len(slices.Compact(slices.Clone(operations))) != len(operations) {
		t.Errorf("an operation stands there twice: %v", operations)
	}
	return operations
}
