package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// alerting are the Events that alerts go by. Their counters are there from the
// start: an increase is seen only of what was there before.
var alerting = []struct{ kind, eventType, reason string }{
	{kindService, corev1.EventTypeWarning, v1alpha1.ReasonAddressChanged},
	{kindLoadBalancer, corev1.EventTypeWarning, v1alpha1.ReasonAddressChanged},
	{kindService, corev1.EventTypeWarning, v1alpha1.ReasonAddressWithdrawn},
	{kindLoadBalancer, corev1.EventTypeWarning, v1alpha1.ReasonAddressWithdrawn},
	{kindLoadBalancer, corev1.EventTypeWarning, v1alpha1.ReasonRecreated},
	{kindNLBService, corev1.EventTypeWarning, v1alpha1.ReasonRecreated},
	{kindLoadBalancer, corev1.EventTypeNormal, v1alpha1.ReasonDriftCorrected},
	{kindNLBService, corev1.EventTypeNormal, v1alpha1.ReasonDriftCorrected},
}

// Recorder sends Events, and counts them.
type Recorder struct {
	next   events.EventRecorder
	scheme *runtime.Scheme
	count  *prometheus.CounterVec
}

// Counting makes a recorder that counts what next is given.
func (c *Counters) Counting(next events.EventRecorder, scheme *runtime.Scheme) Recorder {
	return Recorder{next: next, scheme: scheme, count: c.events}
}

// Eventf implements events.EventRecorder.
func (r Recorder) Eventf(regarding, related runtime.Object, eventType, reason, action, note string, args ...any) {
	kind := ""
	if gvk, err := apiutil.GVKForObject(regarding, r.scheme); err == nil {
		kind = gvk.Kind
	}
	r.count.WithLabelValues(kind, eventType, reason).Inc()
	r.next.Eventf(regarding, related, eventType, reason, action, note, args...)
}
