package docs

import (
	"maps"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

const runbooksFolder = "docs/runbooks/"

// runbookCommands are the blocks of commands of all runbooks, each once.
func runbookCommands(t *testing.T) []string {
	t.Helper()
	blocks := map[string]bool{}
	for name, document := range pages(t) {
		for _, block := range document.In("sh") {
			if strings.HasPrefix(name, runbooksFolder) {
				blocks[block] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(blocks))
}

// TestTheRunbooksOnARealCluster runs what they say where everything is well, and
// the Service web is there that they take for an example.
func TestTheRunbooksOnARealCluster(t *testing.T) {
	w := start(t)
	g := NewWithT(t)
	w.run(t, "", "kubectl apply -k config/default")
	w.operate(t, metav1.NamespaceDefault, w.cloud.AdminKey())
	web := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: "web"}}
	web.Spec.Type, web.Spec.LoadBalancerClass = corev1.ServiceTypeLoadBalancer, ptr.To(v1alpha1.LoadBalancerClass)
	web.Spec.Ports = []corev1.ServicePort{{Port: 80}}
	g.Expect(w.create(t.Context(), web)).To(Succeed())
	g.Eventually(func(g Gomega) {
		g.Expect(w.client.Get(t.Context(), client.ObjectKeyFromObject(web), web)).To(Succeed())
		g.Expect(web.Status.LoadBalancer.Ingress).NotTo(BeEmpty())
	}, patience).Should(Succeed())

	for _, block := range runbookCommands(t) {
		if reason, is := isNotRun(block); is {
			t.Logf("isn't run: %s: %s", reason, block)
			continue
		}
		for line := range strings.Lines(block) { // of several, each has to find something by itself
			said := w.run(t, "", line)
			if strings.Contains(line, "nlbsvc") && !strings.Contains(said, "web-80-tcp") {
				t.Errorf("%s shows nothing of the NLBService:\n%s", line, said)
			}
		}
	}
	t.Run("and what docs/security.md says of pinned addresses", w.pinnedAddressesAreChanged)
}
