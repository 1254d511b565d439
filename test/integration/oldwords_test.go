package integration

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// old is an annotation of the CCM's first versions.
func old(name string) string { return v1alpha1.AnnotationCCMPrefix + name }

func TestOldWordsNameTodaysWay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		annotations []string
		says        []string // of AllFieldsHonored; none: it is True
	}{
		"the zone of the operator":      {annotations: []string{old("zone"), exosim.DefaultZone}},
		"an empty zone":                 {annotations: []string{old("zone"), ""}},
		"the id of the service":         {[]string{old("service-id"), "0b12c3d4-0000-4000-8000-00000000abcd"}, []string{old("service-id"), "found by its port", "remove"}},
		"the path under its old name":   {[]string{old("service-http-healthcheck-uri"), "/live"}, []string{old("service-http-healthcheck-uri"), v1alpha1.AnnotationHealthCheckURI, v1alpha1.AnnotationHealthCheckMode}},
		"the protocol of the service":   {[]string{old("service-protocol"), "tcp"}, []string{old("service-protocol"), "spec.ports"}},
		"keep with what it means today": {[]string{old("keep"), "true"}, []string{old("keep"), v1alpha1.AnnotationDeletionPolicy + ": Retain"}},
		"keep that isn't wanted":        {[]string{old("keep"), "false"}, []string{old("keep"), v1alpha1.AnnotationDeletionPolicy}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			web := w.service("web", annotated(c.annotations...))
			w.served(web)
			want := HavePrefix("True/")
			if len(c.says) > 0 {
				want = HavePrefix("False/")
			}
			w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionAllFieldsHonored) }).Should(want)
			for _, text := range c.says {
				w.g.Expect(w.says(web, v1alpha1.ServiceConditionAllFieldsHonored)).To(ContainSubstring(text))
			}
			w.g.Expect(w.says(web, v1alpha1.ServiceConditionAllFieldsHonored)).NotTo(ContainSubstring("misspelt"))
		})
	}
}

func TestKeepMeansRetain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		first, later []string
		stays        bool
	}{
		"from the beginning":                 {first: []string{old("keep"), "true"}, stays: true},
		"in any case":                        {first: []string{old("keep"), "True"}, stays: true},
		"set later":                          {later: []string{old("keep"), "true"}, stays: true},
		"false":                              {first: []string{old("keep"), "false"}},
		"beside an empty policy":             {first: []string{old("keep"), "true", v1alpha1.AnnotationDeletionPolicy, ""}, stays: true},
		"beside today's word, which says it": {first: []string{old("keep"), "true", v1alpha1.AnnotationDeletionPolicy, "Delete"}},
		"false beside today's word, which says it": {first: []string{old("keep"), "false", v1alpha1.AnnotationDeletionPolicy, "Retain"}, stays: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			web := w.service("web", annotated(c.first...))
			w.served(web)
			made := w.onlyNLB()
			change(w, web, annotated(c.later...))
			w.remove(web)
			w.gone(web)
			if !c.stays {
				w.g.Expect(w.sim.LoadBalancers("")).To(BeEmpty())
				return
			}
			w.g.Expect(w.onlyNLB().IP).To(Equal(made.IP))
		})
	}
}

func TestAnotherZoneIsRefusedBeforeTheFirstNLB(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	web := w.service("web", annotated(old("zone"), "de-fra-1"))
	w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionAccepted) }).Should(And(
		HavePrefix("False/Invalid"), ContainSubstring("de-fra-1"), ContainSubstring(exosim.DefaultZone), ContainSubstring(v1alpha1.AnnotationLoadBalancer)))
	w.tells(web, "Warning Invalid", "de-fra-1")
	w.settles()
	w.g.Expect(w.writes()).To(BeEmpty())
	change(w, web, func(s *corev1.Service) { delete(s.Annotations, old("zone")) })
	w.served(web)
}

func TestAnotherZoneIsAWarningOnAServiceThatIsServed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	web := w.service("web", nil)
	w.served(web)
	made := w.onlyNLB()
	change(w, web, annotated(old("zone"), "de-fra-1"))
	w.tells(web, "Warning", old("zone"), "de-fra-1", exosim.DefaultZone)
	change(w, web, func(s *corev1.Service) {
		s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: "https", Port: 443})
	})
	w.g.Eventually(func() []int64 { return w.servedPorts(made.IP) }).Should(Equal([]int64{80, 443}))
	w.served(web)
	w.g.Expect(w.says(web, v1alpha1.ServiceConditionAccepted)).To(HavePrefix("True/"))
	w.restart()
	w.settles()
	w.served(web)
	w.g.Expect(addressOf(web)).To(Equal(made.IP))
}
