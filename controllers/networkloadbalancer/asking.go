package networkloadbalancer

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/brief"
	"github.com/exoscale-community/nlb-operator/internal/index"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
)

// asked tells to wait while NLBServices that don't record it themselves, since
// they have lost their status, need this object to know on which NLB they may have
// a service; nil if none do. Those that aren't accepted have none.
func (r *Reconciler) asked(ctx context.Context, round *round) (*outcome.Outcome, error) {
	if round.got.NLB == nil {
		return nil, nil
	}
	var all v1alpha1.NLBServiceList
	if err := r.Client.List(ctx, &all, client.MatchingFields{index.ByLoadBalancerRef: client.ObjectKeyFromObject(round.object).String()}); err != nil {
		return nil, fmt.Errorf("listing NLBServices of %s: %w", round.object.Name, err)
	}
	var asking []string
	for i := range all.Items {
		status := all.Items[i].Status
		accepted := !meta.IsStatusConditionFalse(status.Conditions, v1alpha1.ConditionAccepted)
		if status.LoadBalancerID == "" && (accepted || !all.Items[i].DeletionTimestamp.IsZero()) {
			asking = append(asking, client.ObjectKeyFromObject(&all.Items[i]).String())
		}
	}
	if len(asking) == 0 {
		return nil, nil
	}
	out := outcome.Waiting(v1alpha1.ReasonWaitingForServices, "It is known here only on which NLB these may have a service: NLBService "+brief.List(asking)).Within(waitNet)
	return &out, nil
}
