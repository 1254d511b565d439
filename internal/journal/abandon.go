package journal

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
)

// afterAbandoned is how soon to look what became of an operation that was abandoned:
// at once, when the status says that it is.
const afterAbandoned = 50 * time.Millisecond

// abandoned gives the outcome if a person asks by annotation to wait no longer for the
// operation in flight; nil if not. The entry stays as one whose answer was lost: what
// it did, or may yet do, is seen only by what Exoscale shows from now on.
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

// misnamed says, behind what an operation in flight is told by, why the annotation
// doesn't abandon it; empty without one.
func misnamed(entry Entry) string {
	value, op := asked(entry), *entry.Operation
	_, err := uuid.Parse(value)
	switch {
	case value == "" || value == op.ID:
		return ""
	case err != nil || len(value) != len(op.ID):
		return fmt.Sprintf(". The annotation %s abandons nothing: %s isn't the id of an operation, such as %s",
			v1alpha1.AnnotationAbandonOperation, quoted(value), op.ID)
	default:
		return fmt.Sprintf(". The annotation %s names operation %s, which isn't this one, so nothing is abandoned",
			v1alpha1.AnnotationAbandonOperation, value)
	}
}

func asked(entry Entry) string {
	return entry.Object.GetAnnotations()[v1alpha1.AnnotationAbandonOperation]
}

// quoted is a value that a user wrote, no longer than a message may be made by it.
func quoted(value string) string {
	const most = 50
	if len(value) > most {
		value = value[:most] + "…"
	}
	return fmt.Sprintf("%q", value)
}

// pending reports whether the end of an operation isn't known.
func pending(result exoscale.Result) bool {
	return result.State == exoscale.Pending || result.State == exoscale.Unknown
}
