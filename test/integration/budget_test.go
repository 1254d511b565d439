package integration

import (
	"fmt"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// What a Service asks for too much of is said, and changes nothing of what it has: also
// if an earlier version of the operator took it.
func TestWhatIsTooMuchChangesNothing(t *testing.T) {
	for name, tc := range map[string]struct {
		ask  func(*corev1.Service)
		says []string
	}{
		"a regular expression that names too much": {
			annotated(v1alpha1.AnnotationUDPHealthCheckProbe, `probe;payload=text:a;expect=re2:(?i)[!-\\x{1e942}]`),
			[]string{"False/Invalid", "name too many characters", v1alpha1.AnnotationUDPHealthCheckProbe},
		},
		"a regular expression that repeats too much": {
			annotated(v1alpha1.AnnotationUDPHealthCheckProbe, "probe;payload=text:a;expect=re2:(?:ab){1000}"),
			[]string{"False/Invalid", "repeats too much"},
		},
		"a selector that is too long": {
			annotated(v1alpha1.AnnotationNodeSelector, "role in ("+strings.Repeat("ingress,", 5000)+"edge)"),
			[]string{"False/Invalid", "it has 40014 bytes", v1alpha1.AnnotationNodeSelector},
		},
		"more ports than are looked at": {
			func(s *corev1.Service) {
				off := false
				s.Spec.AllocateLoadBalancerNodePorts = &off
				for port := range int32(501) {
					s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: fmt.Sprintf("more-%d", port), Port: 1000 + port})
				}
			},
			[]string{"False/ServiceLimitReached", "502 ports"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			dns := w.service("dns", watchedUDP)
			w.served(dns)
			w.probes(w.atCompanion(w.companion("dns")))
			w.settles()
			before, address := w.sim.LoadBalancers(""), dns.Status.LoadBalancer.Ingress[0].IP

			said := func() string { return w.says(dns, v1alpha1.ServiceConditionAccepted) }
			w.stop() // an earlier version, say
			change(w, dns, tc.ask)
			w.start()
			for _, part := range tc.says {
				w.g.Eventually(said).Should(ContainSubstring(part))
			}
			w.settles()
			w.g.Expect(w.sim.LoadBalancers("")).To(Equal(before))
			w.g.Expect(dns.Status.LoadBalancer.Ingress[0].IP).To(Equal(address))

			change(w, dns, func(s *corev1.Service) {
				delete(s.Annotations, v1alpha1.AnnotationUDPHealthCheckProbe)
				delete(s.Annotations, v1alpha1.AnnotationNodeSelector)
				s.Spec.Ports = s.Spec.Ports[:1]
			})
			w.g.Eventually(said).Should(HavePrefix("True/"))
			w.settles()
			w.g.Expect(w.sim.LoadBalancers("")).To(Equal(before))
		})
	}
}
