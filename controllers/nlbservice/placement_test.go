package nlbservice

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
)

// placed is a placement as a table shows it.
type placed struct {
	Zone, LoadBalancerID string
	Absent, Moved        bool
	Found                bool // the NLB: the operator didn't make it for this reference, or it doesn't admit the object
	Kind                 outcome.Kind
	Reason, Message      string
}

func TestPlace(t *testing.T) {
	type (
		objectEdit = func(*v1alpha1.NLBService)
		lbEdit     = func(*v1alpha1.NetworkLoadBalancer)
	)
	var (
		deleted   = func(o *v1alpha1.NLBService) { o.DeletionTimestamp = &metav1.Time{Time: time.Unix(9, 0)} }
		recorded  = func(o *v1alpha1.NLBService) { o.Status = statusOn("z1", "lb-1", "svc-1") }
		onAnother = func(o *v1alpha1.NLBService) { o.Status = statusOn("z0", "lb-0", "svc-0") }
		emptied   = func(o *v1alpha1.NLBService) { o.Status = v1alpha1.NLBServiceStatus{} }
		seen      = func(o *v1alpha1.NLBService) { o.Status.ObservedGeneration = 1 }
		elsewhere = func(o *v1alpha1.NLBService) { o.Spec.LoadBalancerRef.Namespace = "infra" }
		justAdded = func(o *v1alpha1.NLBService) { o.Status = statusOn("z0", "lb-0", "") }
		adding    = func(o *v1alpha1.NLBService) {
			o.Status = statusOn("z0", "lb-0", "")
			o.Status.Operation = &v1alpha1.Operation{Action: v1alpha1.ActionCreate, ID: "op"}
		}
		justThere = func(o *v1alpha1.NLBService) { adding(o); o.Status.Zone, o.Status.LoadBalancerID = "z1", "lb-1" }
		lost      = func(o *v1alpha1.NLBService) { adding(o); o.Status.Operation.ID = "" }

		going    = func(lb *v1alpha1.NetworkLoadBalancer) { lb.DeletionTimestamp = &metav1.Time{Time: time.Unix(9, 0)} }
		retained = func(lb *v1alpha1.NetworkLoadBalancer) { lb.Spec.DeletionPolicy = v1alpha1.DeletionRetain }
		adopted  = func(lb *v1alpha1.NetworkLoadBalancer) { lb.Spec.ID = "lb-1" }
		ccms     = func(lb *v1alpha1.NetworkLoadBalancer) { lb.Status.Adopted = true }
		external = func(lb *v1alpha1.NetworkLoadBalancer) { lb.Spec.ManagementPolicy = v1alpha1.External }
		fresh    = func(lb *v1alpha1.NetworkLoadBalancer) { lb.Status = v1alpha1.NetworkLoadBalancerStatus{} }
		looked   = func(lb *v1alpha1.NetworkLoadBalancer) { lb.Status.ObservedGeneration = 1 }
		refused  = func(lb *v1alpha1.NetworkLoadBalancer) {
			lb.Status.Conditions = []metav1.Condition{
				{Type: v1alpha1.ConditionAccepted, Status: metav1.ConditionFalse},
				{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonQuotaExceeded, Message: "the quota is used up"},
			}
		}
		doing = func(action v1alpha1.OperationAction) lbEdit {
			return func(lb *v1alpha1.NetworkLoadBalancer) { lb.Status.Operation = &v1alpha1.Operation{Action: action} }
		}
		evicting = func(lb *v1alpha1.NetworkLoadBalancer) {
			lb.Spec.AllowedNamespaces = &v1alpha1.AllowedNamespaces{From: v1alpha1.NamespacesFromSame, Eviction: v1alpha1.EvictionOnRevoke}
		}
		unreadable = func(lb *v1alpha1.NetworkLoadBalancer) {
			evicting(lb)
			lb.Spec.AllowedNamespaces.Selector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "may", Operator: "Attach"}}}
		}
		unready = func(lb *v1alpha1.NetworkLoadBalancer) {
			lb.Status.Conditions = append(lb.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonCloudError, Message: "m"})
		}
	)
	const (
		goingAway      = "NetworkLoadBalancer edge is being deleted with its NLB; delete this object, or create the NetworkLoadBalancer again"
		goingAwayThere = "NetworkLoadBalancer infra/edge is being deleted with its NLB; delete this object, or create the NetworkLoadBalancer again"
		notAdmitted    = "NetworkLoadBalancer infra/edge doesn't admit namespace shop; have its owner admit it in spec.allowedNamespaces, or create this object anew with a reference to a NetworkLoadBalancer of this namespace"
		evicted        = "NetworkLoadBalancer infra/edge doesn't admit namespace shop, and evicts what it doesn't admit: this service is evicted, and comes back once the namespace is admitted; have its owner admit it in spec.allowedNamespaces, or create this object anew with a reference to a NetworkLoadBalancer of this namespace"
		moving         = "NetworkLoadBalancer edge stands for NLB lb-1 now; the service moves there"
		staying        = "NetworkLoadBalancer edge is being deleted; its NLB stays, with this service. To go on, create the NetworkLoadBalancer again, or create this object anew with a reference to another NetworkLoadBalancer"
	)
	objectIs := func(edits ...objectEdit) []objectEdit { return edits }
	lbIs := func(edits ...lbEdit) []lbEdit { return append([]lbEdit{}, edits...) }
	none := []lbEdit(nil) // there is no NetworkLoadBalancer

	for name, test := range map[string]struct {
		object     []objectEdit
		lb         []lbEdit
		notAllowed bool
		want       placed
	}{
		"a deleted object is removed from where it is recorded":                 {objectIs(recorded, deleted), lbIs(), false, placed{Zone: "z1", LoadBalancerID: "lb-1", Absent: true}},
		"from there also if the NetworkLoadBalancer has another NLB":            {objectIs(onAnother, deleted), lbIs(), false, placed{Found: true, Zone: "z0", LoadBalancerID: "lb-0", Absent: true}},
		"from there also if the NetworkLoadBalancer is gone":                    {objectIs(recorded, deleted), none, false, placed{Found: true, Zone: "z1", LoadBalancerID: "lb-1", Absent: true}},
		"from there also if it may not attach any more":                         {objectIs(recorded, deleted), lbIs(), true, placed{Found: true, Zone: "z1", LoadBalancerID: "lb-1", Absent: true}},
		"from there also if the NetworkLoadBalancer goes":                       {objectIs(recorded, deleted), lbIs(going), false, placed{Zone: "z1", LoadBalancerID: "lb-1", Absent: true}},
		"from there also on an External NLB":                                    {objectIs(recorded, deleted), lbIs(external), false, placed{Zone: "z1", LoadBalancerID: "lb-1", Absent: true, Found: true}},
		"a deleted object without a status is looked for where it'd be":         {objectIs(deleted), lbIs(), false, placed{Zone: "z1", LoadBalancerID: "lb-1", Absent: true}},
		"and so is one whose status was emptied":                                {objectIs(emptied, deleted), lbIs(), false, placed{Zone: "z1", LoadBalancerID: "lb-1", Absent: true}},
		"where it isn't admitted, only for what is its own":                     {objectIs(deleted), lbIs(), true, placed{Found: true, Zone: "z1", LoadBalancerID: "lb-1", Absent: true}},
		"that waits until the NetworkLoadBalancer knows where":                  {objectIs(deleted), lbIs(fresh), false, placed{Kind: outcome.KindWaiting, Reason: v1alpha1.ReasonWaitingForLoadBalancer, Message: "NetworkLoadBalancer edge isn't looked at yet, and knows which NLB this service may be on"}},
		"and ends if that has no NLB":                                           {objectIs(deleted), lbIs(fresh, looked), false, placed{Absent: true}},
		"and so is one that was seen while there was no NLB":                    {objectIs(seen, deleted), lbIs(), false, placed{Zone: "z1", LoadBalancerID: "lb-1", Absent: true}},
		"and there is nowhere to look without a NetworkLoadBalancer":            {objectIs(deleted), none, false, placed{Absent: true}},
		"a reference to nothing":                                                {objectIs(), none, false, placed{Kind: outcome.KindBlocked, Reason: v1alpha1.ReasonNotFound, Message: "NetworkLoadBalancer edge doesn't exist; create it, or create this object anew with a reference to another NetworkLoadBalancer"}},
		"a reference to nothing in another namespace":                           {objectIs(elsewhere), none, false, placed{Kind: outcome.KindBlocked, Reason: v1alpha1.ReasonNotFound, Message: "NetworkLoadBalancer infra/edge doesn't exist; create it, or create this object anew with a reference to another NetworkLoadBalancer"}},
		"a reference to nothing any more leaves the service":                    {objectIs(recorded), none, false, placed{Found: true, Zone: "z1", LoadBalancerID: "lb-1", Kind: outcome.KindBlocked, Reason: v1alpha1.ReasonNotFound, Message: "NetworkLoadBalancer edge doesn't exist; create it, or create this object anew with a reference to another NetworkLoadBalancer"}},
		"a namespace that isn't admitted":                                       {objectIs(elsewhere), lbIs(), true, placed{Kind: outcome.KindBlocked, Reason: v1alpha1.ReasonNotAllowedNamespace, Message: notAdmitted}},
		"a namespace that isn't admitted any more leaves the service":           {objectIs(elsewhere, recorded), lbIs(), true, placed{Found: true, Zone: "z1", LoadBalancerID: "lb-1", Kind: outcome.KindBlocked, Reason: v1alpha1.ReasonNotAllowedNamespace, Message: notAdmitted}},
		"where such are evicted the service goes":                               {objectIs(elsewhere, recorded), lbIs(evicting), true, placed{Found: true, Zone: "z1", LoadBalancerID: "lb-1", Absent: true, Kind: outcome.KindBlocked, Reason: v1alpha1.ReasonNotAllowedNamespace, Message: evicted}},
		"also from the NLB before":                                              {objectIs(elsewhere, onAnother), lbIs(evicting), true, placed{Found: true, Zone: "z0", LoadBalancerID: "lb-0", Absent: true, Kind: outcome.KindBlocked, Reason: v1alpha1.ReasonNotAllowedNamespace, Message: evicted}},
		"also if it is being added":                                             {objectIs(elsewhere, justThere), lbIs(evicting), true, placed{Found: true, Zone: "z1", LoadBalancerID: "lb-1", Absent: true, Kind: outcome.KindBlocked, Reason: v1alpha1.ReasonNotAllowedNamespace, Message: evicted}},
		"without a service, the reason is given, but no place":                  {objectIs(elsewhere), lbIs(evicting), true, placed{Absent: true, Kind: outcome.KindBlocked, Reason: v1alpha1.ReasonNotAllowedNamespace, Message: evicted}},
		"who is admitted isn't evicted":                                         {objectIs(recorded), lbIs(evicting), false, placed{Zone: "z1", LoadBalancerID: "lb-1"}},
		"a selector that can't be read evicts nobody":                           {objectIs(elsewhere, recorded), lbIs(unreadable), true, placed{Found: true, Zone: "z1", LoadBalancerID: "lb-1", Kind: outcome.KindBlocked, Reason: v1alpha1.ReasonNotAllowedNamespace, Message: notAdmitted}},
		"an NLB that goes takes the service with it":                            {objectIs(recorded), lbIs(going), false, placed{Zone: "z1", LoadBalancerID: "lb-1", Absent: true, Kind: outcome.KindBlocked, Reason: v1alpha1.ReasonLoadBalancerDeleting, Message: goingAway}},
		"an NLB that goes gets no service":                                      {objectIs(), lbIs(going), false, placed{Zone: "z1", LoadBalancerID: "lb-1", Absent: true, Kind: outcome.KindBlocked, Reason: v1alpha1.ReasonLoadBalancerDeleting, Message: goingAway}},
		"an NLB that goes takes a service with it that isn't admitted any more": {objectIs(elsewhere, recorded), lbIs(going), true, placed{Found: true, Zone: "z1", LoadBalancerID: "lb-1", Absent: true, Kind: outcome.KindBlocked, Reason: v1alpha1.ReasonLoadBalancerDeleting, Message: goingAwayThere}},
		"an NLB that goes, where we are not admitted":                           {objectIs(elsewhere), lbIs(going), true, placed{Kind: outcome.KindBlocked, Reason: v1alpha1.ReasonLoadBalancerDeleting, Message: goingAwayThere}},
		"an NLB that goes takes the service with it that is being added":        {objectIs(justThere), lbIs(going), false, placed{Zone: "z1", LoadBalancerID: "lb-1", Absent: true, Kind: outcome.KindBlocked, Reason: v1alpha1.ReasonLoadBalancerDeleting, Message: goingAway}},
		"an NLB that is retained keeps the service":                             {objectIs(recorded), lbIs(going, retained), false, placed{Zone: "z1", LoadBalancerID: "lb-1", Kind: outcome.KindBlocked, Reason: v1alpha1.ReasonLoadBalancerDeleting, Message: staying}},
		"an NLB that was adopted is retained by default":                        {objectIs(recorded), lbIs(going, adopted), false, placed{Found: true, Zone: "z1", LoadBalancerID: "lb-1", Kind: outcome.KindBlocked, Reason: v1alpha1.ReasonLoadBalancerDeleting, Message: staying}},
		"an External NLB keeps the service":                                     {objectIs(recorded), lbIs(going, external), false, placed{Zone: "z1", LoadBalancerID: "lb-1", Found: true, Kind: outcome.KindBlocked, Reason: v1alpha1.ReasonLoadBalancerDeleting, Message: staying}},
		"an NLB that goes and isn't known yet waits, too":                       {objectIs(), lbIs(fresh, going), false, placed{Kind: outcome.KindWaiting, Reason: v1alpha1.ReasonWaitingForLoadBalancer, Message: "NetworkLoadBalancer edge isn't looked at yet, and knows which NLB this service may be on"}},
		"an NLB that is retained gets no service":                               {objectIs(), lbIs(going, retained), false, placed{Zone: "z1", LoadBalancerID: "lb-1", Kind: outcome.KindBlocked, Reason: v1alpha1.ReasonLoadBalancerDeleting, Message: staying}},
		"a NetworkLoadBalancer that nobody has looked at":                       {objectIs(), lbIs(fresh), false, placed{Kind: outcome.KindWaiting, Reason: v1alpha1.ReasonWaitingForLoadBalancer, Message: "NetworkLoadBalancer edge has no NLB yet"}},
		"a NetworkLoadBalancer that isn't accepted":                             {objectIs(), lbIs(refused), false, placed{Kind: outcome.KindWaiting, Reason: v1alpha1.ReasonWaitingForLoadBalancer, Message: "NetworkLoadBalancer edge isn't ready (QuotaExceeded): the quota is used up"}},
		"an NLB that is being created":                                          {objectIs(), lbIs(doing(v1alpha1.ActionCreate)), false, placed{Kind: outcome.KindWaiting, Reason: v1alpha1.ReasonWaitingForLoadBalancer, Message: "NetworkLoadBalancer edge has no NLB yet"}},
		"an NLB that is being adopted":                                          {objectIs(), lbIs(doing(v1alpha1.ActionAdopt)), false, placed{Kind: outcome.KindWaiting, Reason: v1alpha1.ReasonWaitingForLoadBalancer, Message: "NetworkLoadBalancer edge has no NLB yet"}},
		"an NLB that is being changed":                                          {objectIs(), lbIs(doing(v1alpha1.ActionUpdate)), false, placed{Zone: "z1", LoadBalancerID: "lb-1"}},
		"a service stays while its NetworkLoadBalancer isn't accepted":          {objectIs(recorded), lbIs(refused), false, placed{Zone: "z1", LoadBalancerID: "lb-1", Kind: outcome.KindWaiting, Reason: v1alpha1.ReasonWaitingForLoadBalancer, Message: "NetworkLoadBalancer edge isn't ready (QuotaExceeded): the quota is used up"}},
		"a service goes to the NLB":                                             {objectIs(), lbIs(), false, placed{Zone: "z1", LoadBalancerID: "lb-1"}},
		"a service goes to an NLB that is accepted, though not ready":           {objectIs(), lbIs(unready), false, placed{Zone: "z1", LoadBalancerID: "lb-1"}},
		"a service goes to an External NLB":                                     {objectIs(), lbIs(external), false, placed{Zone: "z1", LoadBalancerID: "lb-1", Found: true}},
		"a service goes to an NLB that was adopted by its id":                   {objectIs(), lbIs(adopted), false, placed{Zone: "z1", LoadBalancerID: "lb-1", Found: true}},
		"a service goes to an NLB that was the CCM's":                           {objectIs(), lbIs(ccms), false, placed{Zone: "z1", LoadBalancerID: "lb-1", Found: true}},
		"a service is where it should be":                                       {objectIs(recorded), lbIs(), false, placed{Zone: "z1", LoadBalancerID: "lb-1"}},
		"a service on the NLB before leaves it first":                           {objectIs(onAnother), lbIs(), false, placed{Found: true, Zone: "z0", LoadBalancerID: "lb-0", Absent: true, Moved: true, Kind: outcome.KindWaiting, Reason: v1alpha1.ReasonUpdating, Message: moving}},
		"a service that is being added to the NLB before leaves it first":       {objectIs(adding), lbIs(), false, placed{Found: true, Zone: "z0", LoadBalancerID: "lb-0", Absent: true, Moved: true, Kind: outcome.KindWaiting, Reason: v1alpha1.ReasonUpdating, Message: moving}},
		"a service that may have been added to the NLB before leaves it first":  {objectIs(lost), lbIs(), false, placed{Found: true, Zone: "z0", LoadBalancerID: "lb-0", Absent: true, Moved: true, Kind: outcome.KindWaiting, Reason: v1alpha1.ReasonUpdating, Message: moving}},
		"a service doesn't leave the NLB before where it isn't admitted":        {objectIs(elsewhere, onAnother), lbIs(), true, placed{Found: true, Zone: "z0", LoadBalancerID: "lb-0", Kind: outcome.KindBlocked, Reason: v1alpha1.ReasonNotAllowedNamespace, Message: notAdmitted}},
		"a service that is on no NLB any more goes to the one now":              {objectIs(justAdded), lbIs(), false, placed{Zone: "z1", LoadBalancerID: "lb-1"}},
		"a service doesn't leave before the other NLB is there":                 {objectIs(onAnother), lbIs(doing(v1alpha1.ActionCreate)), false, placed{Found: true, Zone: "z0", LoadBalancerID: "lb-0", Kind: outcome.KindWaiting, Reason: v1alpha1.ReasonWaitingForLoadBalancer, Message: "NetworkLoadBalancer edge has no NLB yet"}},
	} {
		t.Run(name, func(t *testing.T) {
			object := &v1alpha1.NLBService{
				ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"},
				Spec:       v1alpha1.NLBServiceSpec{LoadBalancerRef: v1alpha1.LoadBalancerReference{Name: "edge"}},
				Status:     v1alpha1.NLBServiceStatus{ObservedGeneration: -1},
			}
			for _, edit := range test.object {
				edit(object)
			}
			var lb *v1alpha1.NetworkLoadBalancer
			if test.lb != nil {
				lb = readyLoadBalancer()
				for _, edit := range test.lb {
					edit(lb)
				}
			}
			where := place(object, lb, !test.notAllowed)
			got := placed{Zone: where.zone, LoadBalancerID: where.loadBalancerID, Absent: where.absent, Moved: where.moved, Found: where.loadBalancerID != "" && !where.made}
			if where.until != nil {
				got.Kind, got.Reason, got.Message = where.until.Kind, where.until.Reason, where.until.Message
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func statusOn(zone, loadBalancerID, id string) v1alpha1.NLBServiceStatus {
	return v1alpha1.NLBServiceStatus{ObservedGeneration: 1, Zone: zone, LoadBalancerID: loadBalancerID, ID: id}
}

// readyLoadBalancer has an NLB.
func readyLoadBalancer() *v1alpha1.NetworkLoadBalancer {
	return &v1alpha1.NetworkLoadBalancer{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "edge"},
		Spec:       v1alpha1.NetworkLoadBalancerSpec{ManagementPolicy: v1alpha1.Managed},
		Status: v1alpha1.NetworkLoadBalancerStatus{
			ID: "lb-1", Zone: "z1",
			Conditions: []metav1.Condition{{Type: v1alpha1.ConditionAccepted, Status: metav1.ConditionTrue}},
		},
	}
}
