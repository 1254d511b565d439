package docs

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/udpprobe"
)

const udpPage = "docs/udp.md"

// TestTheUDPPageOnARealCluster goes through the page as a reader does. No Pod runs
// here, so that what is probed is all that shows.
func TestTheUDPPageOnARealCluster(t *testing.T) {
	w := start(t)
	w.operate(t, "default", w.cloud.AdminKey()) // in place of the Pod, which nobody runs here
	var last string
	for _, block := range page(t, udpPage).Blocks {
		switch block.Language {
		case "sh":
			last = w.follow(t, block)
		case "yaml":
			w.run(t, block.Text, "kubectl apply --server-side --force-conflicts --validate=strict --filename -")
			w.areServed(t, block.Text)
		case "text":
			w.shows(t, block, last)
		default:
			t.Errorf("line %d: no test knows what to do with a block in %q", block.Line, block.Language)
		}
	}
}

// areServed waits until the Services of a file are, as they stand there.
func (w given) areServed(t *testing.T, text string) {
	t.Helper()
	for document := range strings.SplitSeq(text, "\n---\n") {
		service := &corev1.Service{}
		if err := yaml.Unmarshal([]byte(document), service); err != nil || service.Kind != "Service" {
			continue
		}
		service.Namespace = "default"
		NewWithT(t).Eventually(func(g Gomega) {
			g.Expect(w.client.Get(t.Context(), client.ObjectKeyFromObject(service), service)).To(Succeed())
			for _, kind := range []string{v1alpha1.ServiceConditionAccepted, v1alpha1.ServiceConditionProgrammed, v1alpha1.ServiceConditionAllFieldsHonored} {
				condition := meta.FindStatusCondition(service.Status.Conditions, kind)
				g.Expect(condition).NotTo(BeNil())
				g.Expect(string(condition.Status)).To(Equal("True"), condition.Message)
				g.Expect(condition.ObservedGeneration).To(Equal(service.Generation))
			}
		}, patience).Should(Succeed(), service.Name)
	}
}

// The values of the probe annotation that the page explains are allowed, and none
// says more than it does.
func TestTheProbesOfTheUDPPageAreAllowed(t *testing.T) {
	found := 0
	for _, word := range page(t, udpPage).Code() {
		if !strings.Contains(word, "socket") && !strings.Contains(word, "probe;") && !strings.HasPrefix(word, "dns;") {
			continue
		}
		found++
		if _, err := udpprobe.ParseAnnotation(word); err != nil {
			t.Errorf("%s: %v", word, err)
		}
	}
	if found < 5 {
		t.Errorf("only %d values were found", found)
	}
}
