package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

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
