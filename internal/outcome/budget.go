package outcome

import (
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// An object gets so many Events in such a time, whatever happens to it: whoever reads
// them is to find the one that matters. The last place is for a Warning, or for a move to
// another instance pool, which cost traffic.
const (
	EventsPerObject = 5
	EventsWithin    = time.Minute
)

// Why an Event isn't sent.
const (
	// DroppedRepeated: the same was told within the last minute.
	DroppedRepeated = "repeated"
	// DroppedBudget: the budget of the object is used up.
	DroppedBudget = "budget"
)

// Budget is a recorder that keeps to the budget of each object. What is beyond it, or
// was told a moment ago in the same words, isn't told: the conditions hold what is true.
type Budget struct {
	next    events.EventRecorder
	clock   clock.PassiveClock
	dropped func(regarding runtime.Object, cause string)

	mu    sync.Mutex
	spent map[string][]spending
	swept time.Time
}

type spending struct {
	at   time.Time
	text string
}

// WithinBudget makes a recorder that gives next only what the budget allows. It calls
// dropped for each Event that isn't sent, with the cause.
func WithinBudget(next events.EventRecorder, c clock.PassiveClock, dropped func(regarding runtime.Object, cause string)) *Budget {
	return &Budget{next: next, clock: c, dropped: dropped, spent: map[string][]spending{}}
}

// Eventf implements events.EventRecorder.
func (b *Budget) Eventf(regarding, related runtime.Object, eventType, reason, action, note string, args ...any) {
	matters := eventType == corev1.EventTypeWarning || reason == v1alpha1.ReasonInstancePoolChanged
	cause := b.spend(regarding, matters, fmt.Sprint(eventType, reason, action, fmt.Sprintf(note, args...)))
	if cause == "" {
		b.next.Eventf(regarding, related, eventType, reason, action, note, args...)
	} else {
		b.dropped(regarding, cause)
	}
}

// spend takes an Event out of the budget. It returns why that can't be; empty if it can.
func (b *Budget) spend(regarding runtime.Object, matters bool, text string) (cause string) {
	object, err := meta.Accessor(regarding)
	if err != nil {
		return ""
	}
	key, now := fmt.Sprintf("%T/%s/%s/%s", regarding, object.GetNamespace(), object.GetName(), object.GetUID()), b.clock.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sweep(now)
	spent := recent(b.spent[key], now)
	b.spent[key] = spent
	places := EventsPerObject
	if !matters {
		places--
	}
	for _, was := range spent {
		if was.text == text {
			return DroppedRepeated
		}
	}
	if len(spent) >= places {
		return DroppedBudget
	}
	b.spent[key] = append(spent, spending{now, text})
	return ""
}

// sweep forgets objects of which nothing was told for a while.
func (b *Budget) sweep(now time.Time) {
	if now.Sub(b.swept) < EventsWithin {
		return
	}
	b.swept = now
	for key, spent := range b.spent {
		if len(recent(spent, now)) == 0 {
			delete(b.spent, key)
		}
	}
}

func recent(spent []spending, now time.Time) []spending {
	var kept []spending
	for _, was := range spent {
		if now.Sub(was.at) <= EventsWithin {
			kept = append(kept, was)
		}
	}
	return kept
}
