package outcome

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/brief"
)

// Notices are the Events of a round, collected, and sent once the status that
// they tell of is written: a round that is repeated tells nothing twice.
type Notices []notice

type notice struct{ kind, reason, action, message string }

// Normal adds good news. action is what was done, or looked at.
func (n *Notices) Normal(reason, action, format string, args ...any) {
	*n = append(*n, notice{corev1.EventTypeNormal, reason, action, fmt.Sprintf(format, args...)})
}

// Warning adds news that somebody should look at.
func (n *Notices) Warning(reason, action, format string, args ...any) {
	*n = append(*n, notice{corev1.EventTypeWarning, reason, action, fmt.Sprintf(format, args...)})
}

// Stalled adds a Warning if an object came to a halt, or halts for another
// reason than before.
func (n *Notices) Stalled(before, now []metav1.Condition) {
	stalled, was := meta.FindStatusCondition(now, v1alpha1.ConditionStalled), meta.FindStatusCondition(before, v1alpha1.ConditionStalled)
	if stalled != nil && (was == nil || was.Reason != stalled.Reason || was.Message != stalled.Message) {
		n.Warning(stalled.Reason, "Reconcile", "%s", stalled.Message)
	}
}

// Overwritten adds the Warning that a program, writer, has written into the status of an
// object. An empty address isn't told of.
func (n *Notices) Overwritten(action, writer, address string) {
	if address != "" {
		address = "The address is still " + address + ", and the"
	} else {
		address = "The"
	}
	n.Warning(v1alpha1.ReasonStatusOverwritten, action,
		"The status of this object is the operator's, and %s has written into it. %s status is put right, each time later than before; stop what writes there", writer, address)
}

// Send makes the Events, all of one object.
func (n *Notices) Send(recorder events.EventRecorder, object runtime.Object) {
	for _, notice := range *n {
		recorder.Eventf(object, nil, notice.kind, notice.reason, notice.action, "%s", brief.Cut(notice.message, brief.Event))
	}
	*n = nil
}
