package release

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

func TestWhatBecomesOfAnNLB(t *testing.T) {
	lb := &nlb.LoadBalancer{ID: "id", Address: "194.182.0.10"}
	for name, tc := range map[string]struct {
		got  nlb.LoadBalancerGot
		move nlb.Action
		mode Mode
		want string
		over bool
	}{
		"there is none":              {nlb.LoadBalancerGot{}, nlb.None, DeleteCloud, "it has no NLB at Exoscale", true},
		"ours, and empty":            {nlb.LoadBalancerGot{NLB: lb, Proof: nlb.ProofLabels}, nlb.Delete, DeleteCloud, "NLB id (194.182.0.10) is deleted, and its address is lost", false},
		"ours, with orphaned ports":  {nlb.LoadBalancerGot{NLB: lb, Proof: nlb.ProofLabels}, nlb.DeleteService, DeleteCloud, "NLB id (194.182.0.10) is deleted, and its address is lost", false},
		"ours, and waiting":          {nlb.LoadBalancerGot{NLB: lb, Proof: nlb.ProofLabels}, nlb.Wait, DeleteCloud, "NLB id (194.182.0.10) is deleted, and its address is lost", false},
		"ours, to be kept, and gone": {nlb.LoadBalancerGot{NLB: lb, Proof: nlb.ProofLabels}, nlb.Wait, Retain, "NLB id (194.182.0.10) stays", false},
		"with services of others":    {nlb.LoadBalancerGot{NLB: lb, Proof: nlb.ProofLabels}, nlb.Conflict, DeleteCloud, "NLB id (194.182.0.10) stays", false},
		"to be kept":                 {nlb.LoadBalancerGot{NLB: lb, Proof: nlb.ProofLabels}, nlb.Release, Retain, "NLB id (194.182.0.10) stays, marked as retained", false},
		"kept":                       {nlb.LoadBalancerGot{NLB: lb, Proof: nlb.ProofRetained}, nlb.None, Retain, "NLB id (194.182.0.10) stays, marked as retained", false},
		"External":                   {nlb.LoadBalancerGot{NLB: lb, Proof: nlb.ProofExternal}, nlb.None, DeleteCloud, "NLB id (194.182.0.10) stays, since it is External", false},
		"handed over, not taken":     {nlb.LoadBalancerGot{NLB: lb, Proof: nlb.ProofConsent}, nlb.None, DeleteCloud, "NLB id (194.182.0.10) stays, since it was handed over and not taken", false},
		"another's":                  {nlb.LoadBalancerGot{NLB: lb, Refusal: "it is mine; do this, or that"}, nlb.None, DeleteCloud, "NLB id stays, since it isn't this object's: it is mine", false},
	} {
		t.Run(name, func(t *testing.T) {
			got, over := loadBalancerFate(nlb.LoadBalancerRemoval{Got: tc.got, Move: nlb.LoadBalancerMove{Action: tc.move}}, tc.mode)
			if got != tc.want || over != tc.over {
				t.Errorf("%q, over %t", got, over)
			}
		})
	}
}

func TestWhatStaysBehindUnasked(t *testing.T) {
	creating := &v1alpha1.Operation{Action: v1alpha1.ActionCreate, Name: "shop-web"}
	for name, tc := range map[string]struct {
		status v1alpha1.NetworkLoadBalancerStatus
		spec   string
		want   string
	}{
		"a recorded NLB": {v1alpha1.NetworkLoadBalancerStatus{ID: "id", Address: "194.182.0.10", Zone: "de-fra-1"}, "",
			"NLB id (194.182.0.10) in zone de-fra-1 stays, if it is there, without a mark"},
		"one that was about to be made": {v1alpha1.NetworkLoadBalancerStatus{Operation: creating}, "de-muc-1",
			`an NLB "shop-web" may have been made in zone de-muc-1, and stays there without a mark`},
		"nobody knows": {v1alpha1.NetworkLoadBalancerStatus{ObservedGeneration: -1}, "",
			"whether it has an NLB in zone ch-gva-2 isn't recorded; if so, that stays there without a mark"},
		"none": {v1alpha1.NetworkLoadBalancerStatus{ObservedGeneration: 1}, "", "it has no NLB at Exoscale that is recorded"},
	} {
		t.Run(name, func(t *testing.T) {
			object := &v1alpha1.NetworkLoadBalancer{Status: tc.status, Spec: v1alpha1.NetworkLoadBalancerSpec{Zone: tc.spec}}
			if got := loadBalancerUnasked(object, "ch-gva-2"); got != tc.want {
				t.Errorf("%q", got)
			}
		})
	}
}

func TestWhoHasGivenTheWrongClusterID(t *testing.T) {
	object := &v1alpha1.NetworkLoadBalancer{ObjectMeta: metav1.ObjectMeta{UID: "uid"}}
	labelled := func(cluster, uid string) *nlb.LoadBalancer {
		return &nlb.LoadBalancer{ID: "id", Labels: map[string]string{v1alpha1.CloudLabelCluster: cluster, v1alpha1.CloudLabelOwnerUID: uid}}
	}
	for name, tc := range map[string]struct {
		got  nlb.LoadBalancerGot
		want string
	}{
		"nobody: it is this cluster's":             {nlb.LoadBalancerGot{NLB: labelled("ours", "uid")}, ""},
		"the NLB is of this object":                {nlb.LoadBalancerGot{NLB: labelled("prod", "uid")}, "prod"},
		"so is the one of its name":                {nlb.LoadBalancerGot{SameName: labelled("prod", "uid")}, "prod"},
		"nobody: it is another object's":           {nlb.LoadBalancerGot{NLB: labelled("prod", "other")}, ""},
		"nobody: there is none":                    {nlb.LoadBalancerGot{}, ""},
		"nobody: somebody took the cluster off it": {nlb.LoadBalancerGot{NLB: labelled("", "uid")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := clusterOf(tc.got, object, "ours"); got != tc.want {
				t.Errorf("%q", got)
			}
		})
	}
}
