package nlbservice

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/brief"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
)

// kept is what a service forwards to, and might not if it began today.
type kept struct{ reason, message string }

// keeps notes that what runs stays, and what somebody should do about it.
func (round *round) keeps(reason, format string, args ...any) {
	round.kept = append(round.kept, kept{reason, fmt.Sprintf(format, args...)})
}

// describeKept writes what was kept into the condition TargetAllowed, which stands
// only while it is False, and tells of it once. It isn't for rounds that didn't get
// as far as the target.
func describeKept(round *round) {
	if !round.judged {
		return
	}
	conditions := &round.object.Status.Conditions
	if len(round.kept) == 0 {
		meta.RemoveStatusCondition(conditions, v1alpha1.ConditionTargetAllowed)
		return
	}
	messages := make([]string, len(round.kept))
	for i, what := range round.kept {
		messages[i] = what.message
	}
	message := brief.Sentences(messages, ". ")
	outcome.SetCondition(conditions, metav1.Condition{
		Type: v1alpha1.ConditionTargetAllowed, Status: metav1.ConditionFalse, Reason: round.kept[0].reason, Message: message,
		ObservedGeneration: round.object.Generation,
	})
	if was := meta.FindStatusCondition(round.foreign.Said.Status.Conditions, v1alpha1.ConditionTargetAllowed); was == nil || was.Message != message {
		round.notices.Warning(round.kept[0].reason, "Keep", "%s", message)
	}
}
