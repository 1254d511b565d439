//go:build linux

package e2e

import (
	"fmt"
	"strings"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// What status.health says of the one node.
const healthy = "1/1"

// nlbService is that of a port of a Service.
func (s *scene) nlbService(g gomega.Gomega, service string, protocol corev1.Protocol) *v1alpha1.NLBService {
	found := &v1alpha1.NLBService{}
	key := client.ObjectKey{Namespace: namespace, Name: fmt.Sprintf("%s-%d-%s", service, echoPort, strings.ToLower(string(protocol)))}
	g.Expect(s.client.Get(s.Context(), key, found)).To(gomega.Succeed())
	return found
}

// eventuallyHealthy returns the NLBService of a port once it is Ready and the NLB
// finds the node healthy.
func (s *scene) eventuallyHealthy(service string, protocol corev1.Protocol) *v1alpha1.NLBService {
	s.Helper()
	return s.eventuallyOf(healthy, service, protocol)
}

func (s *scene) eventuallyOf(health, service string, protocol corev1.Protocol) (is *v1alpha1.NLBService) {
	s.Helper()
	s.Eventually(func(g gomega.Gomega) {
		is = s.nlbService(g, service, protocol)
		g.Expect(meta.IsStatusConditionTrue(is.Status.Conditions, v1alpha1.ConditionReady)).To(gomega.BeTrue(), "%v", is.Status.Conditions)
		g.Expect(is.Status.Health).To(gomega.Equal(health), "%v", is.Status.Conditions)
	}).Should(gomega.Succeed(), "%s of Service %s has health %s", protocol, service, health)
	return is
}

// tellEvents tells what a reader of a failure asks next.
func (s *scene) tellEvents() {
	events := &corev1.EventList{}
	if err := s.client.List(s.Context(), events, client.InNamespace(namespace)); err != nil {
		s.Log(err)
		return
	}
	for i := range events.Items {
		event := &events.Items[i]
		s.Logf("%s %s: %s: %s", event.InvolvedObject.Kind, event.InvolvedObject.Name, event.Reason, event.Message)
	}
}
