package integration

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/annotation"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// everyKeyEmpty is what a template renders of variables that nobody has set.
func everyKeyEmpty() (pairs []string) {
	for _, key := range annotation.Keys() {
		pairs = append(pairs, key.Name, "")
	}
	return pairs
}

func TestAServiceWhoseAnnotationsAreAllEmptyIsServedAsOneWithout(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	plain, empty := w.service("plain", nil), w.service("empty", annotated(everyKeyEmpty()...))
	w.served(plain, empty)
	w.g.Eventually(func() string { return w.says(empty, v1alpha1.ServiceConditionAllFieldsHonored) }).Should(HavePrefix("True/"))
	w.g.Eventually(func() string { return w.says(empty, v1alpha1.ServiceConditionAccepted) }).Should(HavePrefix("True/"))
	w.g.Eventually(func() string { w.says(empty, v1alpha1.ServiceConditionAccepted); return empty.Annotations[id] }).
		ShouldNot(BeEmpty(), "the id is written back, as by the CCM")
	all := w.sim.LoadBalancers("")
	w.g.Expect(all).To(HaveLen(2))
	as := func(service *corev1.Service) exosim.LoadBalancer {
		for _, lb := range all {
			if lb.IP == addressOf(service) {
				lb.ID, lb.Name, lb.IP, lb.Labels, lb.CreatedAt = "", "", "", nil, time.Time{}
				for i := range lb.Services {
					s := unmarked(lb.Services[i])
					s.ID, s.TargetPort, s.HealthCheck.Port, s.Name = "", 0, 0, strings.TrimPrefix(s.Name, string(service.UID))
					lb.Services[i] = s
				}
				return lb
			}
		}
		t.Fatalf("no NLB has the address of %s", service.Name)
		return exosim.LoadBalancer{}
	}
	w.g.Expect(as(empty)).To(Equal(as(plain)))
}

// A served Service goes on being changed when a value becomes empty.
func TestAServiceGoesOnBeingChangedThoughAValueBecameEmpty(t *testing.T) {
	t.Parallel()
	for name, c := range map[string][]string{
		"the name":                       {v1alpha1.AnnotationName, "web"},
		"the description":                {v1alpha1.AnnotationDescription, "web"},
		"the name of the service":        {v1alpha1.AnnotationServiceName, "web"},
		"the description of the service": {v1alpha1.AnnotationServiceDescription, "web"},
		"the pool":                       {v1alpha1.AnnotationInstancePoolID, "<pool>"},
		"the SKS names":                  {v1alpha1.AnnotationSKSClusterName, "prod", v1alpha1.AnnotationSKSNodepoolName, "blue"},
		"the SKS cluster alone":          {v1alpha1.AnnotationSKSClusterName, "prod", "keep:" + v1alpha1.AnnotationSKSNodepoolName, "blue"},
		"the SKS nodepool alone":         {"keep:" + v1alpha1.AnnotationSKSClusterName, "prod", v1alpha1.AnnotationSKSNodepoolName, "blue"},
		"the strategy":                   {v1alpha1.AnnotationStrategy, "maglev-hash"},
		"the mode":                       {v1alpha1.AnnotationHealthCheckMode, "http"},
		"the port":                       {v1alpha1.AnnotationHealthCheckPort, "10256"},
		"the path":                       {v1alpha1.AnnotationHealthCheckURI, "/live", "keep:" + v1alpha1.AnnotationHealthCheckMode, "http"},
		"the interval":                   {v1alpha1.AnnotationHealthCheckInterval, "20s"},
		"the timeout":                    {v1alpha1.AnnotationHealthCheckTimeout, "4s"},
		"the retries":                    {v1alpha1.AnnotationHealthCheckRetries, "3"},
		"the selector":                   {v1alpha1.AnnotationNodeSelector, "world"},
		"the deletion policy":            {v1alpha1.AnnotationDeletionPolicy, "Retain"},
		"the id that was written back":   {v1alpha1.AnnotationID, "<own>"},
		"the id of an external NLB":      {v1alpha1.AnnotationID, "<external>", "keep:" + external, "true"},
		"the name of an external NLB":    {v1alpha1.AnnotationName, "terraform", "keep:" + external, "true"},
		"that the NLB is external":       {"keep:" + v1alpha1.AnnotationID, "<external>", external, "true"},
		"all about an external NLB":      {v1alpha1.AnnotationID, "<external>", external, "true"},
		"the shared NetworkLoadBalancer": {v1alpha1.AnnotationLoadBalancer, "shared"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			w.sim.AddCluster("", exosim.SKSCluster{Name: "prod", Nodepools: []exosim.SKSNodepool{{Name: "Blue", InstancePool: exosim.Ref{ID: w.pool.ID}}}})
			theirs := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "terraform"})
			w.ready(w.loadBalancer("shared", nil))
			set, emptied := []string{}, []string{}
			for i := 0; i < len(c); i += 2 {
				key, keep := strings.CutPrefix(c[i], "keep:")
				value := strings.NewReplacer("<pool>", w.pool.ID, "<external>", theirs.ID).Replace(c[i+1])
				if value != "<own>" {
					set = append(set, key, value)
				}
				if !keep {
					emptied = append(emptied, key, "")
				}
			}
			web := w.service("web", annotated(set...))
			w.served(web)
			before := addressOf(web)
			change(w, web, annotated(emptied...))
			w.settles()
			change(w, web, func(s *corev1.Service) {
				s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: "https", Port: 443})
			})
			w.g.Eventually(func() []int64 {
				w.says(web, v1alpha1.ServiceConditionAccepted)
				return w.servedPorts(addressOf(web))
			}).Should(Equal([]int64{80, 443}))
			w.served(web)
			w.g.Expect(addressOf(web)).To(Equal(before))
			w.remove(web)
			w.gone(web)
			w.g.Expect(w.sim.LoadBalancers("")).To(And(HaveLen(2), ContainElement(theirs)), "what was there before is there again")
		})
	}
}

// Only the removal of the annotation moves a Service off an NLB that it shares.
func TestAServiceThatSharesGoesOnSharingThoughTheAnnotationBecameEmpty(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	edge := w.loadBalancer("edge", nil)
	w.ready(edge)
	web := w.service("web", annotated(v1alpha1.AnnotationLoadBalancer, "edge"))
	w.served(web)
	w.sim.ResetCalls()
	change(w, web, annotated(v1alpha1.AnnotationLoadBalancer, ""))
	w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionAllFieldsHonored) }).Should(And(
		HavePrefix("False/NotSupported"), ContainSubstring(v1alpha1.AnnotationLoadBalancer), ContainSubstring("edge"), ContainSubstring("remove the annotation")))
	w.tells(web, "Warning NotSupported", v1alpha1.AnnotationLoadBalancer)
	w.restart()
	w.settles()
	w.served(web)
	w.g.Expect(addressOf(web)).To(Equal(edge.Status.Address))
	w.g.Expect(w.writes()).To(BeEmpty())

	change(w, web, func(s *corev1.Service) { delete(s.Annotations, v1alpha1.AnnotationLoadBalancer) })
	w.g.Eventually(func() string { w.says(web, ""); return addressOf(web) }).ShouldNot(Equal(edge.Status.Address))
	w.served(web)
	w.g.Eventually(func() []int64 { return w.servedPorts(edge.Status.Address) }).Should(BeEmpty())
	w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionAllFieldsHonored) }).Should(HavePrefix("True/"))
}

// What was refused and never served isn't protected: empty is as none then.
func TestAShareThatWasRefusedEndsWhenItsAnnotationBecomesEmpty(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	web := w.service("web", annotated(v1alpha1.AnnotationLoadBalancer, "nowhere"))
	w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionAccepted) }).Should(HavePrefix("False/NotFound"))
	change(w, web, annotated(v1alpha1.AnnotationLoadBalancer, ""))
	w.served(web)
	w.g.Expect(addressOf(web)).To(Equal(w.onlyNLB().IP))
	w.g.Eventually(w.children).Should(Equal([]string{"web-80-tcp"}))
}
