package integration

import (
	"encoding/json"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

const forged = "shop [nlb.exoscale.com/0123456789ab-0123456789abcdef]"

// unruled takes the rule for descriptions off the kind, as it was before there was one,
// until the function it returns is called.
func (w *world) unruled() (ruled func()) {
	w.t.Helper()
	const path = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/description/x-kubernetes-validations"
	kind := &unstructured.Unstructured{}
	kind.SetAPIVersion("apiextensions.k8s.io/v1")
	kind.SetKind("CustomResourceDefinition")
	w.g.Expect(w.client.Get(w.t.Context(), client.ObjectKey{Name: "nlbservices." + v1alpha1.GroupVersion.Group}, kind)).To(Succeed())
	versions, _, err := unstructured.NestedSlice(kind.Object, "spec", "versions")
	w.g.Expect(err).NotTo(HaveOccurred())
	rules, found, err := unstructured.NestedSlice(versions[0].(map[string]any), "schema", "openAPIV3Schema", "properties", "spec", "properties", "description", "x-kubernetes-validations")
	w.g.Expect(err).NotTo(HaveOccurred())
	w.g.Expect(found).To(BeTrue())
	patch := func(operation map[string]any) {
		data, err := json.Marshal([]any{operation})
		w.g.Expect(err).NotTo(HaveOccurred())
		w.g.Expect(w.client.Patch(w.t.Context(), kind, client.RawPatch("application/json-patch+json", data))).To(Succeed())
	}
	patch(map[string]any{"op": "remove", "path": path})
	return func() { patch(map[string]any{"op": "add", "path": path, "value": rules}) }
}

// An object that came past the rule, since it is older or the kind wasn't renewed, makes
// no service under a mark that isn't its own; one that is served so goes on.
func TestAMarkWrittenByAUserIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Own: true})
	lb := w.loadBalancer("edge", nil)
	served := w.nlbService("served", "edge", 80, nil)
	w.ready(lb, served)
	w.stop()

	ruled := w.unruled()
	w.g.Eventually(func() error { // the API server takes the kind up a moment later
		return w.client.Patch(w.t.Context(), served, client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"description":"`+forged+`"}}`)))
	}).Should(Succeed())
	web := w.nlbService("web", "edge", 443, func(spec *v1alpha1.NLBServiceSpec) { spec.Description = forged })
	ruled()
	w.g.Eventually(func() error {
		return w.client.Create(w.t.Context(), &v1alpha1.NLBService{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "probe"}, Spec: web.Spec}, client.DryRunAll)
	}).Should(MatchError(ContainSubstring("description must not contain [nlb.exoscale.com/")))
	w.sim.MutateLoadBalancer(lb.Status.ID, func(lb *exosim.LoadBalancer) {
		lb.Services[0].Description = forged + " " + lb.Services[0].Description
	})
	w.sim.ResetCalls()
	w.start()

	w.becomes(web, v1alpha1.ConditionReady, "False/Invalid")
	w.g.Expect(w.message(web, v1alpha1.ConditionAccepted)).To(ContainSubstring("the mark that the operator leaves there itself"))
	w.tells(web, "Warning Invalid", "spec.description")
	w.ready(served)
	w.settles()
	w.g.Expect(w.writes()).To(BeEmpty())
	w.g.Expect(w.ports()).To(HaveLen(1))

	// What else is changed is done, and the object can be deleted.
	change(w, served, func(object *v1alpha1.NLBService) { object.Spec.TargetPort++ })
	w.ready(served)
	w.g.Expect(w.onlyNLB().Services[0].TargetPort).To(BeEquivalentTo(served.Spec.TargetPort))
	w.remove(web)
	w.gone(web)
	w.remove(served)
	w.gone(served)
	w.g.Expect(w.ports()).To(BeEmpty())
}

// Likewise by annotation.
func TestAMarkWrittenIntoAnAnnotationIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	web := w.service("web", annotated(v1alpha1.AnnotationServiceDescription, forged))
	w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionAccepted) }).Should(And(
		HavePrefix("False/Invalid"), ContainSubstring(v1alpha1.AnnotationServiceDescription), ContainSubstring("without [nlb.exoscale.com/")))
	w.tells(web, "Warning Invalid", v1alpha1.AnnotationServiceDescription)
	w.settles()
	w.g.Expect(w.writes()).To(BeEmpty())
}
