//go:build linux

package e2e

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/e2e/node"
)

// What status.health says of the one node.
const healthy, unhealthy = "1/1", "0/1"

func (s *scene) service(name string) *corev1.Service {
	s.Helper()
	found := &corev1.Service{}
	s.must(s.client.Get(s.Context(), client.ObjectKey{Namespace: namespace, Name: name}, found))
	return found
}

// nodePortOfCompanion is where the sidecars of a Service's Pods are probed.
func (s *scene) nodePortOfCompanion(service string) int32 {
	s.Helper()
	return s.service(service + "-udp-health").Spec.Ports[0].NodePort
}

// eventually returns the NLBService of a port once it is Ready and tells the health
// of the node.
func (s *scene) eventually(health, service string, protocol corev1.Protocol) (is *v1alpha1.NLBService) {
	s.Helper()
	key := client.ObjectKey{Namespace: namespace, Name: fmt.Sprintf("%s-%d-%s", service, echoPort, strings.ToLower(string(protocol)))}
	s.Eventually(func(g gomega.Gomega) {
		is = &v1alpha1.NLBService{}
		g.Expect(s.client.Get(s.Context(), key, is)).To(gomega.Succeed())
		g.Expect(meta.IsStatusConditionTrue(is.Status.Conditions, v1alpha1.ConditionReady)).To(gomega.BeTrue(), "%v", is.Status.Conditions)
		g.Expect(is.Status.Health).To(gomega.Equal(health), "%v", is.Status.Conditions)
	}).Should(gomega.Succeed(), "%s of Service %s has health %s", protocol, service, health)
	return is
}

// staysHealthy: the NLB never took the node out while something happened.
func (s *scene) staysHealthy(service string, while func(*v1alpha1.NLBService)) {
	s.Helper()
	before := s.eventually(healthy, service, corev1.ProtocolUDP)
	while(before)
	after := s.eventually(healthy, service, corev1.ProtocolUDP)
	since := func(is *v1alpha1.NLBService) metav1.Time {
		return meta.FindStatusCondition(is.Status.Conditions, v1alpha1.ConditionBackendsHealthy).LastTransitionTime
	}
	s.Expect(since(after)).To(gomega.Equal(since(before)), "the NLB finds the node healthy all the time")
}

// eventuallyHasEndpoints: these Pods and no others get the datagrams of a Service.
func (s *scene) eventuallyHasEndpoints(service string, pods ...corev1.Pod) {
	s.Helper()
	want := []string{}
	for _, pod := range pods {
		want = append(want, pod.Status.PodIP)
	}
	s.Eventually(func(g gomega.Gomega) {
		slices := &discoveryv1.EndpointSliceList{}
		g.Expect(s.client.List(s.Context(), slices, client.InNamespace(namespace), client.MatchingLabels{discoveryv1.LabelServiceName: service})).To(gomega.Succeed())
		got := []string{}
		for _, slice := range slices.Items {
			for _, endpoint := range slice.Endpoints {
				if *endpoint.Conditions.Ready {
					got = append(got, endpoint.Addresses...)
				}
			}
		}
		g.Expect(got).To(gomega.ConsistOf(want))
	}).Should(gomega.Succeed(), "the ready endpoints of Service %s", service)
}

// urlOfHealthCheck is what an NLB asks about a Service with the policy Local.
func (s *scene) urlOfHealthCheck(service string) string {
	s.Helper()
	return fmt.Sprintf("http://%s:%d/healthz", node.Address, s.service(service).Spec.HealthCheckNodePort)
}

// statusOf the answer, which there has to be.
func (s *scene) statusOf(url string) int {
	s.Helper()
	response, err := http.Get(url) //nolint:gosec // of the test's own making
	s.must(err)
	s.must(response.Body.Close())
	return response.StatusCode
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
