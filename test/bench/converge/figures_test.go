package main

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

func TestQuantilesAreOfTheValuesThemselves(t *testing.T) {
	for name, tc := range map[string]struct {
		seconds []int
		want    string
	}{
		"one value is all of them":            {[]int{3}, "p50 3.0 s, p95 3.0 s, max 3.0 s"},
		"of two the lesser is the median":     {[]int{1, 2}, "p50 1.0 s, p95 2.0 s, max 2.0 s"},
		"of twenty the last but one is at 95": {[]int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}, "p50 10.0 s, p95 19.0 s, max 20.0 s"},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			from, to := map[string]time.Time{}, map[string]time.Time{}
			for _, s := range tc.seconds {
				service := time.Duration(s).String()
				from[service], to[service] = start, start.Add(time.Duration(s)*time.Second)
			}
			sorted := durations(from, to)
			if !slices.IsSorted(sorted) {
				t.Errorf("%v isn't sorted", sorted)
			}
			if diff := cmp.Diff(tc.want, quantiles(sorted)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOneCreateAndTwoAddsForEachServiceAreAllowed(t *testing.T) {
	const create, add = "create-load-balancer", "add-service-to-load-balancer"
	for name, tc := range map[string]struct {
		calls []exosim.Call
		right bool
	}{
		"exactly that":                     {[]exosim.Call{{Operation: create}, {Operation: add}, {Operation: add}}, true},
		"an add too many":                  {[]exosim.Call{{Operation: create}, {Operation: add}, {Operation: add}, {Operation: add}}, false},
		"an add that was refused counts":   {[]exosim.Call{{Operation: create}, {Operation: add}, {Operation: add}, {Operation: add, Status: 409}}, false},
		"as many, but of another sort":     {[]exosim.Call{{Operation: create}, {Operation: add}, {Operation: "update-load-balancer"}}, false},
		"besides, something to be deleted": {[]exosim.Call{{Operation: create}, {Operation: add}, {Operation: add}, {Operation: "delete-load-balancer"}}, false},
		"nothing at all":                   {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			if err := countCalls(exosim.Calls{}, tc.calls).check(1); (err == nil) != tc.right {
				t.Errorf("the check says %v", err)
			}
		})
	}
}

func TestAServiceIsReadyWhenAllOfItIs(t *testing.T) {
	served := func(address string, programmed metav1.ConditionStatus) client.Object {
		service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "web"}}
		if address != "" {
			service.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: address}}
		}
		service.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ServiceConditionProgrammed, Status: programmed}}
		return service
	}
	port := func(name string, ready metav1.ConditionStatus) client.Object {
		return &v1alpha1.NLBService{
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{v1alpha1.LabelService: "web"}},
			Status:     v1alpha1.NLBServiceStatus{Conditions: []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: ready}}},
		}
	}
	whole := []client.Object{served("127.0.0.9", metav1.ConditionTrue), port("http", metav1.ConditionTrue), port("https", metav1.ConditionTrue)}
	for name, tc := range map[string]struct {
		seen  []client.Object
		ready bool
	}{
		"address, condition and both ports": {whole, true},
		"in any order":                      {[]client.Object{whole[2], whole[0], whole[1]}, true},
		"a port isn't Ready":                {[]client.Object{whole[0], whole[1], port("https", metav1.ConditionFalse)}, false},
		"a port isn't there yet":            {whole[:2], false},
		"without an address":                {[]client.Object{served("", metav1.ConditionTrue), whole[1], whole[2]}, false},
		"not programmed":                    {[]client.Object{served("127.0.0.9", metav1.ConditionFalse), whole[1], whole[2]}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := &readiness{served: map[string]bool{}, ports: map[string]map[string]bool{}, ready: map[string]time.Time{}}
			for _, object := range tc.seen {
				r.see(object, time.Now())
			}
			if _, ready := r.ready["web"]; ready != tc.ready {
				t.Errorf("ready is %t", ready)
			}
		})
	}
}
