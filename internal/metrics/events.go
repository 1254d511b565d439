package metrics

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/exoscale-community/nlb-operator/internal/brief"
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

// Dropped makes a function that counts the Events which weren't sent (see
// outcome.WithinBudget).
func (c *Counters) Dropped(scheme *runtime.Scheme) func(regarding runtime.Object, cause string) {
	return func(regarding runtime.Object, cause string) {
		c.eventsDropped.WithLabelValues(kindOf(regarding, scheme), cause).Inc()
	}
}

func kindOf(regarding runtime.Object, scheme *runtime.Scheme) string {
	gvk, err := apiutil.GVKForObject(regarding, scheme)
	if err != nil {
		return ""
	}
	return gvk.Kind
}

// Eventf implements events.EventRecorder.
func (r Recorder) Eventf(regarding, related runtime.Object, eventType, reason, action, note string, args ...any) {
	r.count.WithLabelValues(kindOf(regarding, r.scheme), eventType, reason).Inc()
	// One that is too long is refused, and nobody learns of it.
	r.next.Eventf(regarding, related, eventType, reason, action, "%s", brief.Cut(fmt.Sprintf(note, args...), brief.Event))
}
