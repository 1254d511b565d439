package integration

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// Annotations aren't guarded by RBAC: who may create a Service may write any.
func TestNoAnnotationReachesAnNLBOfAnotherNamespace(t *testing.T) {
	t.Parallel()
	v := newVictim(t, setup{})
	shop, edge := v.nlbNamed("k8s-"+string(v.shop.UID)).ID, v.edge.Status.ID
	external := []string{v1alpha1.AnnotationExternal, "true"}
	for name, attack := range map[string]struct {
		annotations []string
		says        string
	}{
		"the id of a Service's NLB":                   {[]string{v1alpha1.AnnotationID, shop}, v1alpha1.ReasonInUseByOther},
		"the id of an NLB":                            {[]string{v1alpha1.AnnotationID, edge}, v1alpha1.ReasonInUseByOther},
		"the id of the CCM's NLB":                     {[]string{v1alpha1.AnnotationID, v.legacyNLB}, v1alpha1.ReasonInUseByOther},
		"the id of a retained NLB":                    {[]string{v1alpha1.AnnotationID, v.kept}, v1alpha1.ReasonInUseByOther},
		"external, a Service's NLB":                   {append(external, v1alpha1.AnnotationID, shop), v1alpha1.ReasonInUseByOther},
		"external, an NLB":                            {append(external, v1alpha1.AnnotationID, edge), v1alpha1.ReasonInUseByOther},
		"external, an NLB by name":                    {append(external, v1alpha1.AnnotationName, edgeName), v1alpha1.ReasonInUseByOther},
		"external, the CCM's NLB":                     {append(external, v1alpha1.AnnotationID, v.legacyNLB), v1alpha1.ReasonInUseByOther},
		"external, the CCM's NLB by name":             {append(external, v1alpha1.AnnotationName, "k8s-"+string(v.legacy.UID)), v1alpha1.ReasonInvalid},
		"external, the CCM's NLB by id, other name":   {append(external, v1alpha1.AnnotationID, v.legacyNLB, v1alpha1.AnnotationName, "mine"), v1alpha1.ReasonInUseByOther},
		"the name of the CCM's NLB":                   {[]string{v1alpha1.AnnotationName, "k8s-" + string(v.legacy.UID)}, v1alpha1.ReasonInvalid},
		"the name and the id of the CCM's NLB":        {[]string{v1alpha1.AnnotationName, "k8s-" + string(v.legacy.UID), v1alpha1.AnnotationID, v.legacyNLB}, v1alpha1.ReasonInvalid},
		"the name of an NLB":                          {[]string{v1alpha1.AnnotationName, edgeName}, v1alpha1.ReasonInUseByOther},
		"a name with another's UID":                   {[]string{v1alpha1.AnnotationName, "shop-" + string(v.shop.UID)}, v1alpha1.ReasonInvalid},
		"the name of another's service":               {[]string{v1alpha1.AnnotationServiceName, string(v.shop.UID) + "-443"}, v1alpha1.ReasonInvalid},
		"the name of the CCM's service":               {[]string{v1alpha1.AnnotationServiceName, string(v.legacy.UID) + "-80"}, v1alpha1.ReasonInvalid},
		"an NLB that doesn't admit":                   {[]string{v1alpha1.AnnotationLoadBalancer, v.ns + "/edge"}, v1alpha1.ReasonNotAllowedNamespace},
		"another Service's NLB, shared":               {[]string{v1alpha1.AnnotationLoadBalancer, v.ns + "/shop"}, v1alpha1.ReasonNotAllowedNamespace},
		"an NLB that doesn't admit, its service name": {[]string{v1alpha1.AnnotationLoadBalancer, v.ns + "/edge", v1alpha1.AnnotationServiceName, frontName}, v1alpha1.ReasonNotAllowedNamespace},
	} {
		t.Run(name, func(t *testing.T) {
			w := v.attacker(t)
			mallory := w.service("mallory", func(s *corev1.Service) {
				annotated(attack.annotations...)(s)
				s.Spec.Ports[0] = corev1.ServicePort{Name: "https", Port: 443}
			})
			w.refused(mallory, attack.says)
			v.unharmed(t)
			w.g.Expect(addressOf(mallory)).To(BeEmpty())
			w.remove(mallory)
			w.gone(mallory)
			v.untouched(t)
		})
	}
	v.unharmed(t)
	v.obeys()
}

// refused waits until a Service says a reason.
func (w *world) refused(service *corev1.Service, reason string) {
	w.t.Helper()
	w.g.Eventually(func() string {
		w.says(service, v1alpha1.ServiceConditionProgrammed)
		if c := meta.FindStatusCondition(service.Status.Conditions, v1alpha1.ServiceConditionProgrammed); c != nil {
			return string(c.Status) + "/" + c.Reason
		}
		return "none"
	}).Should(Equal("False/"+reason), func() string { return w.says(service, v1alpha1.ServiceConditionProgrammed) })
}

// A Service that is served already asks for what is another's.
func TestAServiceThatIsServedGetsNothingOfOthersByItsAnnotations(t *testing.T) {
	t.Parallel()
	v := newVictim(t, setup{})
	w := v.attacker(t)
	mallory := w.service("mallory", nil)
	w.served(mallory)
	address := addressOf(mallory)
	w.settles()
	v.was, v.writes = w.sim.LoadBalancers(""), len(w.writes())
	edge := v.edge.Status.ID
	for name, attack := range map[string]struct {
		annotations []string
		says        string
	}{
		"another's id":                        {[]string{v1alpha1.AnnotationID, edge}, v1alpha1.ReasonInvalid},
		"the CCM's id":                        {[]string{v1alpha1.AnnotationID, v.legacyNLB}, v1alpha1.ReasonInvalid},
		"another's id, external":              {[]string{v1alpha1.AnnotationID, edge, v1alpha1.AnnotationExternal, "true"}, v1alpha1.ReasonInvalid},
		"another's name":                      {[]string{v1alpha1.AnnotationName, "k8s-" + string(v.shop.UID)}, v1alpha1.ReasonInvalid},
		"another's service name":              {[]string{v1alpha1.AnnotationServiceName, string(v.shop.UID) + "-443"}, v1alpha1.ReasonInvalid},
		"an NLB that doesn't admit":           {[]string{v1alpha1.AnnotationLoadBalancer, v.ns + "/edge"}, v1alpha1.ReasonNotAllowedNamespace},
		"another Service's NLB that is there": {[]string{v1alpha1.AnnotationLoadBalancer, v.ns + "/shop"}, v1alpha1.ReasonNotAllowedNamespace},
	} {
		t.Run(name, func(t *testing.T) {
			w := v.attacker(t)
			change(w, mallory, annotated(attack.annotations...))
			w.g.Eventually(func() string {
				return w.says(mallory, v1alpha1.ServiceConditionProgrammed) + w.says(mallory, v1alpha1.ServiceConditionAccepted)
			}).Should(ContainSubstring("False/" + attack.says))
			v.unharmed(t)
			w.g.Expect(addressOf(mallory)).To(Equal(address))
			change(w, mallory, func(s *corev1.Service) {
				for i := 0; i < len(attack.annotations); i += 2 {
					delete(s.Annotations, attack.annotations[i]) // its own id is written back
				}
			})
			w.served(mallory)
		})
	}
	w.remove(mallory)
	w.gone(mallory)
	v.obeys()
}
