package nlbservice

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// chosen is UDP port 53 of Service dns, probed by a choice.
func chosen(choice string, mode v1alpha1.HealthCheckMode, port int32) *v1alpha1.NLBService {
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "dns"}}
	object := &v1alpha1.NLBService{ObjectMeta: metav1.ObjectMeta{
		Name: "dns-53-udp", OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(service, corev1.SchemeGroupVersion.WithKind("Service"))},
	}}
	if choice != "" {
		object.Annotations = map[string]string{v1alpha1.AnnotationHealthCheckChoice: choice}
	}
	object.Spec.Port, object.Spec.Protocol, object.Spec.TargetPort = 53, v1alpha1.ProtocolUDP, 30053
	object.Spec.HealthCheck.Mode, object.Spec.HealthCheck.Port = mode, port
	return object
}

func lacking(object *v1alpha1.NLBService) *v1alpha1.NLBService {
	object.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionSidecarsInjected, Status: metav1.ConditionFalse}}
	return object
}

func TestEachChoiceIsExplainedAndSaysWhatToCheck(t *testing.T) {
	const tcp, http = v1alpha1.HealthCheckTCP, v1alpha1.HealthCheckHTTP
	for name, c := range map[string]struct {
		object    *v1alpha1.NLBService
		why       []string // parts; none: nothing is said
		mustCheck string   // when nobody is healthy
	}{
		"the sidecar":                 {chosen(v1alpha1.ChoiceSidecar, tcp, 32053), []string{"by TCP at port 32053", "Service dns-udp-health", "as long as the UDP application is healthy"}, "the log of its container udp-healthcheck says why"},
		"a TCP port":                  {chosen(v1alpha1.ChoiceTCPTwin, tcp, 31053), []string{"by TCP at port 31053", "TCP port of the same number", "can't probe UDP"}, "a Pod of the Service is ready and accepts TCP connections"},
		"policy Local":                {chosen(v1alpha1.ChoiceLocal, http, 32000), []string{"by HTTP at port 32000", "externalTrafficPolicy Local"}, "ready on one of these nodes"},
		"kube-proxy":                  {chosen(v1alpha1.ChoiceKubeProxy, http, 10256), []string{"by HTTP at port 10256", "nobody tells of the UDP application", "udp-healthcheck: sidecar"}, "kube-proxy runs"},
		"kube-proxy, for the moment":  {lacking(chosen(v1alpha1.ChoiceKubeProxy, http, 10256)), []string{"by HTTP at port 10256", "until all its Pods have the sidecar"}, "kube-proxy runs"},
		"an annotation":               {chosen(v1alpha1.ChoiceAnnotated, tcp, 9000), []string{"by TCP at port 9000", "annotated"}, "something listens there"},
		"its own nodePort":            {chosen(v1alpha1.ChoiceNodePort, tcp, 0), nil, "something listens there"},
		"an object that a user wrote": {chosen("", tcp, 0), nil, "something listens there"},
		"an annotation of a user":     {chosen("whatever", tcp, 0), nil, "something listens there"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, health := range [][]nlb.BackendHealth{nil, {{PublicIP: "192.0.2.1", Healthy: true}}, {{PublicIP: "192.0.2.1"}}} {
				describeHealth(c.object, health, nil)
				last := c.object.Status.Conditions[len(c.object.Status.Conditions)-1]
				for _, part := range c.why {
					if !strings.Contains(last.Message, part) {
						t.Errorf("%s doesn't say %q: %s", last.Reason, part, last.Message)
					}
				}
				if len(c.why) == 0 && strings.Contains(last.Message, "probed") {
					t.Errorf("%s explains what explains itself: %s", last.Reason, last.Message)
				}
				if says := strings.Contains(last.Message, c.mustCheck); says != (last.Status == metav1.ConditionFalse) {
					t.Errorf("%s says %q: %t: %s", last.Reason, c.mustCheck, says, last.Message)
				}
			}
		})
	}
}
