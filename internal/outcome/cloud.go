package outcome

import (
	"errors"
	"fmt"
	"time"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
)

// FromCloud turns a failure of the cloud layer into the outcome of the round.
// doing says, in a few words, what it stopped ("Creating the NLB").
func FromCloud(doing string, err error) Outcome {
	message := fmt.Sprintf("%s: %s", doing, err)
	switch exoscale.ClassOf(err) {
	case exoscale.InvalidCredentials:
		return Blocked(v1alpha1.ReasonInvalidCredentials, message+". Check the operator's EXOSCALE_API_KEY and EXOSCALE_API_SECRET")
	case exoscale.Forbidden:
		return Blocked(v1alpha1.ReasonForbidden, message+". Allow the operation in the IAM role of the operator's API key")
	case exoscale.QuotaExceeded:
		return Blocked(v1alpha1.ReasonQuotaExceeded, message+". Ask Exoscale for a higher quota, or delete an NLB; it is tried again by itself")
	case exoscale.UnknownZone:
		return Unresolved(v1alpha1.ReasonUnknownZone, message+". Have whoever runs the operator correct --zone, or create this object anew in a zone that exists")
	case exoscale.Busy:
		if errors.Is(err, exoscale.ErrCrowded) {
			return Waiting(v1alpha1.ReasonWaitingForOperation, message).Within(busyNet)
		}
		return Waiting(v1alpha1.ReasonWaitingForOperation, doing+": another change of the same NLB has to end first").Within(busyNet)
	case exoscale.Invalid, exoscale.Blocked, exoscale.Oversized:
		return Blocked(v1alpha1.ReasonCloudError, message+". Correct what it names, or ask Exoscale's support")
	default:
		// Transient; or NotFound and Conflict: the cloud isn't as we thought, and
		// the next round looks anew. Nothing for the log of unexpected errors.
		out := Retry(v1alpha1.ReasonRetrying, message, nil)
		out.After, out.Quiet = retryNet, errors.Is(err, exoscale.ErrLater)
		return out
	}
}

// retryNet is how soon a passing fault of the cloud is looked at again, if
// nothing tells earlier that it has passed.
const retryNet = 15 * time.Second

// Progress tells how far the operation of an object is. It stands in the way
// while waiting is true; then out says for what. Otherwise it has ended, and
// failure is why it failed, or nil.
func Progress(op v1alpha1.Operation, result exoscale.Result) (out Outcome, waiting bool, failure error) {
	switch result.State {
	case exoscale.Success, exoscale.Gone:
		return Outcome{}, false, nil
	case exoscale.Failure:
		return Outcome{}, false, result.Err()
	}
	reason, doing := underWay(op.Action)
	message := fmt.Sprintf("%s %q at Exoscale (operation %s)", doing, op.Name, op.ID)
	switch result.Class {
	case "":
	case exoscale.Forbidden, exoscale.InvalidCredentials: // somebody has to act
		return FromCloud(message, &exoscale.Error{Class: result.Class, Message: result.Message}), true, nil
	default:
		message += "; how far it is can't be asked for: " + result.Message
	}
	return Waiting(reason, message), true, nil
}

func underWay(action v1alpha1.OperationAction) (reason, doing string) {
	switch action {
	case v1alpha1.ActionCreate:
		return v1alpha1.ReasonCreating, "Creating"
	case v1alpha1.ActionDelete:
		return v1alpha1.ReasonDeleting, "Deleting"
	case v1alpha1.ActionAdopt:
		return v1alpha1.ReasonUpdating, "Taking over"
	case v1alpha1.ActionRelease:
		return v1alpha1.ReasonUpdating, "Releasing"
	default:
		return v1alpha1.ReasonUpdating, "Updating"
	}
}
