package metrics

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

var (
	noon    = time.Date(2026, 8, 7, 12, 0, 0, 0, time.UTC)
	created = noon.Add(-time.Hour)
	deleted = noon.Add(-time.Minute)
)

func condition(kind string, status metav1.ConditionStatus, reason string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: reason, LastTransitionTime: metav1.NewTime(noon)}
}

func named(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "shop", Name: name, CreationTimestamp: metav1.NewTime(created)}
}

func beingDeleted(name string) metav1.ObjectMeta {
	object := named(name)
	object.DeletionTimestamp = &metav1.Time{Time: deleted}
	return object
}

func TestTheStateOfAnObject(t *testing.T) {
	ready := func(status metav1.ConditionStatus, reason string) metav1.Condition {
		return condition(v1alpha1.ConditionReady, status, reason)
	}
	for name, tc := range map[string]struct {
		object     metav1.ObjectMeta
		conditions []metav1.Condition
		want       Object // without its name
	}{
		"nobody has looked at it yet": {named("web"), nil,
			Object{State: Reconciling, Reason: v1alpha1.ReasonPending, Since: created}},
		"served": {named("web"), []metav1.Condition{ready(metav1.ConditionTrue, v1alpha1.ReasonReady)},
			Object{State: Ready, Reason: v1alpha1.ReasonReady}},
		"work is under way": {named("web"),
			[]metav1.Condition{ready(metav1.ConditionFalse, v1alpha1.ReasonCreating), condition(v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonCreating)},
			Object{State: Reconciling, Reason: v1alpha1.ReasonCreating, Since: noon}},
		"somebody has to act": {named("web"),
			[]metav1.Condition{ready(metav1.ConditionFalse, v1alpha1.ReasonPortConflict), condition(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonPortConflict)},
			Object{State: Stalled, Reason: v1alpha1.ReasonPortConflict, Since: noon}},
		"the cloud can't be asked": {named("web"),
			[]metav1.Condition{ready(metav1.ConditionUnknown, v1alpha1.ReasonInvalidCredentials), condition(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonInvalidCredentials)},
			Object{State: Stalled, Reason: v1alpha1.ReasonInvalidCredentials, Since: noon}},
		"being deleted, however it was": {beingDeleted("web"),
			[]metav1.Condition{ready(metav1.ConditionFalse, v1alpha1.ReasonForeignServices), condition(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonForeignServices)},
			Object{State: Deleting, Reason: v1alpha1.ReasonForeignServices, Since: deleted}},
	} {
		t.Run(name, func(t *testing.T) {
			tc.want.Kind, tc.want.Namespace, tc.want.Name = kindLoadBalancer, "shop", "web"
			got := ofLoadBalancer(&v1alpha1.NetworkLoadBalancer{ObjectMeta: tc.object, Status: v1alpha1.NetworkLoadBalancerStatus{Conditions: tc.conditions}})
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("- want, + got:\n%s", diff)
			}
		})
	}
}

func TestTheStateOfAService(t *testing.T) {
	accepted := condition(v1alpha1.ServiceConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted)
	programmed := func(status metav1.ConditionStatus, reason string) []metav1.Condition {
		return []metav1.Condition{accepted, condition(v1alpha1.ServiceConditionProgrammed, status, reason)}
	}
	address := []corev1.LoadBalancerIngress{{IP: "192.0.2.1"}}
	for name, tc := range map[string]struct {
		object     metav1.ObjectMeta
		conditions []metav1.Condition
		ingress    []corev1.LoadBalancerIngress
		want       Object // without its name
	}{
		"nobody has looked at it yet": {object: named("web"),
			want: Object{State: Reconciling, Reason: v1alpha1.ReasonPending, Since: created, AddressPending: true}},
		"served": {object: named("web"), conditions: programmed(metav1.ConditionTrue, v1alpha1.ReasonProgrammed), ingress: address,
			want: Object{State: Ready, Reason: v1alpha1.ReasonProgrammed}},
		"its NLB is made": {object: named("web"), conditions: programmed(metav1.ConditionFalse, v1alpha1.ReasonCreating),
			want: Object{State: Reconciling, Reason: v1alpha1.ReasonCreating, Since: noon, AddressPending: true}},
		"a fault that passes, after it had its address": {object: named("web"), conditions: programmed(metav1.ConditionUnknown, v1alpha1.ReasonRetrying), ingress: address,
			want: Object{State: Reconciling, Reason: v1alpha1.ReasonRetrying, Since: noon}},
		"a port that another holds": {object: named("web"), conditions: programmed(metav1.ConditionFalse, v1alpha1.ReasonPortConflict), ingress: address,
			want: Object{State: Stalled, Reason: v1alpha1.ReasonPortConflict, Since: noon}},
		"a value that isn't allowed, while it is served as before": {object: named("web"), ingress: address,
			conditions: []metav1.Condition{
				condition(v1alpha1.ServiceConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonInvalid),
				condition(v1alpha1.ServiceConditionProgrammed, metav1.ConditionTrue, v1alpha1.ReasonProgrammed),
			},
			want: Object{State: Stalled, Reason: v1alpha1.ReasonInvalid, Since: noon}},
		"being deleted": {object: beingDeleted("web"), conditions: programmed(metav1.ConditionFalse, v1alpha1.ReasonDeleting),
			want: Object{State: Deleting, Reason: v1alpha1.ReasonDeleting, Since: deleted}},
	} {
		t.Run(name, func(t *testing.T) {
			tc.want.Kind, tc.want.Namespace, tc.want.Name = kindService, "shop", "web"
			service := &corev1.Service{ObjectMeta: tc.object, Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer}}
			service.Finalizers = []string{v1alpha1.ServiceFinalizer}
			service.Status.Conditions, service.Status.LoadBalancer.Ingress = tc.conditions, tc.ingress
			got, held := ofService(service)
			if diff := cmp.Diff(tc.want, got); diff != "" || !held {
				t.Errorf("held %v; - want, + got:\n%s", held, diff)
			}
		})
	}
}

func TestACensus(t *testing.T) {
	operation := &v1alpha1.Operation{Action: v1alpha1.ActionCreate, StartedAt: metav1.NewTime(noon)}
	served := v1alpha1.NetworkLoadBalancerStatus{Zone: "ch-gva-2", Conditions: []metav1.Condition{condition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady)}}
	held := corev1.Service{ObjectMeta: named("web"), Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer}}
	held.Finalizers = []string{v1alpha1.ServiceFinalizer}
	census := Take(Objects{
		LoadBalancers: []v1alpha1.NetworkLoadBalancer{{ObjectMeta: named("a"), Status: served}, {ObjectMeta: named("b"), Status: served}},
		NLBServices:   []v1alpha1.NLBService{{ObjectMeta: named("web-80-tcp"), Status: v1alpha1.NLBServiceStatus{Operation: operation}}},
		Services:      []corev1.Service{held, {ObjectMeta: named("somebody-else's")}},
	})
	want := map[Group]int{
		{Kind: kindLoadBalancer, Zone: "ch-gva-2", State: Ready, Reason: v1alpha1.ReasonReady}: 2,
		{Kind: kindNLBService, State: Reconciling, Reason: v1alpha1.ReasonPending}:             1,
		{Kind: kindService, State: Reconciling, Reason: v1alpha1.ReasonPending}:                1,
	}
	if diff := cmp.Diff(want, census.Counts); diff != "" {
		t.Errorf("- want, + got:\n%s", diff)
	}
	for what, tc := range map[string]struct {
		got  []Object
		want []string
	}{
		"unready":     {census.Unready, []string{"web-80-tcp", "web"}},
		"flying":      {census.Flying, []string{"web-80-tcp"}},
		"addressless": {census.Addressless, []string{"web"}},
	} {
		var names []string
		for _, o := range tc.got {
			names = append(names, o.Name)
		}
		if !slices.Equal(names, tc.want) {
			t.Errorf("%s: got %v, want %v", what, names, tc.want)
		}
	}
}
