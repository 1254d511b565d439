package journal

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/brief"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
)

// afterAbandoned is how soon to look what became of an operation that was abandoned:
// at once, when the status says that it is.
const afterAbandoned = 50 * time.Millisecond

// longestValue is how much of a wrong annotation a message repeats, in bytes.
const longestValue = 50

// abandoned returns the outcome if the annotation asks to stop waiting for the operation
// in flight; nil if it doesn't. The entry stays as one whose answer was lost: only what
// Exoscale shows from now on tells what the operation did.
func (j *Journal) abandoned(ctx context.Context, entry Entry) *outcome.Outcome {
	op := *entry.Operation
	if asked(entry) != op.ID {
		return nil
	}
	log.FromContext(ctx).Info("A change at Exoscale is waited for no longer, as the annotation asks",
		"action", op.Action, "cloudName", op.Name, "zone", entry.Key.Zone, "operation", op.ID)
	j.operations.Abandon(entry.Key, op.ID)
	j.forget(entry) // whether it was made is unknown
	lost := op.DeepCopy()
	lost.ID, lost.StartedAt = "", metav1.NewTime(j.clock.Now())
	*entry.Operation = lost
	if entry.Notices != nil {
		entry.Notices.Warning(v1alpha1.ReasonAbandoned, string(op.Action),
			"Operation %s (%s of %q) is waited for no longer, as the annotation %s asks. Exoscale may still bring it to an end; what it did is found by reading",
			op.ID, op.Action, op.Name, v1alpha1.AnnotationAbandonOperation)
	}
	out := outcome.Waiting(v1alpha1.ReasonWaitingForOperation, fmt.Sprintf(
		"Operation %s was abandoned, as the annotation asks; looking what became of it", op.ID)).Within(afterAbandoned)
	return &out
}

// misnamed is appended to the message about an operation in flight: why the annotation
// doesn't abandon it. It is empty without an annotation.
func misnamed(entry Entry) string {
	value, op := asked(entry), *entry.Operation
	_, err := uuid.Parse(value)
	switch {
	case value == "" || value == op.ID:
		return ""
	case err != nil || len(value) != len(op.ID):
		return fmt.Sprintf(". The annotation %s abandons nothing: %q isn't the id of an operation, such as %s",
			v1alpha1.AnnotationAbandonOperation, brief.Cut(value, longestValue), op.ID)
	default:
		return fmt.Sprintf(". The annotation %s names operation %s, which isn't this one, so nothing is abandoned",
			v1alpha1.AnnotationAbandonOperation, value)
	}
}

func asked(entry Entry) string {
	return entry.Object.GetAnnotations()[v1alpha1.AnnotationAbandonOperation]
}

// pending reports whether the end of an operation isn't known.
func pending(result exoscale.Result) bool {
	return result.State == exoscale.Pending || result.State == exoscale.Unknown
}
