package nlb

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

func TestWhichNLBsNoObjectUses(t *testing.T) {
	const cluster, uid, otherUID = "prod", "6f0c2b4e-0000-4000-8000-000000000001", "9f0c2b4e-0000-4000-8000-000000000002"
	object := func(uid, id string) []v1alpha1.NetworkLoadBalancer {
		return []v1alpha1.NetworkLoadBalancer{{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: types.UID(uid)},
			Status:     v1alpha1.NetworkLoadBalancerStatus{ID: id},
		}}
	}
	labels := Claim{Cluster: cluster, Namespace: "shop", Name: "web", UID: uid}.Labels()
	plain := map[string]string{v1alpha1.CloudLabelCluster: cluster, v1alpha1.CloudLabelOwner: "shop/web", v1alpha1.CloudLabelOwnerUID: uid}
	without := func(key, value string) map[string]string {
		changed := map[string]string{key: value}
		for k, v := range labels {
			if k != key {
				changed[k] = v
			}
		}
		return changed
	}
	for name, test := range map[string]struct {
		labels  map[string]string
		state   string
		objects []v1alpha1.NetworkLoadBalancer
		want    string // orphan, beside, or empty
	}{
		"its owner is gone": {labels, "", nil, "orphan"},
		"its owner is gone, by labels of an older version":            {plain, "", nil, "orphan"},
		"its owner is gone, and it isn't running":                     {labels, StateError, nil, "orphan"},
		"it is being deleted":                                         {labels, StateDeleting, nil, ""},
		"its owner records it":                                        {labels, "", object(uid, "lb"), ""},
		"its owner records it, by labels of an older version":         {plain, "", object(uid, "lb"), ""},
		"its owner records none yet":                                  {labels, "", object(uid, ""), ""},
		"its owner records another":                                   {labels, "", object(uid, "another"), "beside"},
		"an object of its owner's name records it":                    {labels, "", object(otherUID, "lb"), ""},
		"an object of its owner's name is about to claim it":          {labels, "", object(otherUID, ""), ""},
		"an object of its owner's name has another":                   {labels, "", object(otherUID, "another"), "orphan"},
		"it was retained":                                             {without(v1alpha1.CloudLabelOwnerUID, v1alpha1.OwnerUIDRetained), "", nil, ""},
		"it is another cluster's":                                     {without(v1alpha1.CloudLabelCluster, "staging"), "", nil, ""},
		"somebody took the label of its cluster off":                  {without(v1alpha1.CloudLabelCluster, ""), "", nil, ""},
		"somebody took the label of its UID off":                      {without(v1alpha1.CloudLabelOwnerUID, ""), "", nil, ""},
		"it bears no labels":                                          {nil, "", nil, ""},
		"it bears the labels of one object, and another records it":   {labels, "", append(object(uid, "another"), object(otherUID, "lb")...), ""},
		"it bears consent to its adoption only":                       {map[string]string{v1alpha1.CloudLabelAdopt: "x"}, "", nil, ""},
		"its owner is gone, and another object has an NLB of its own": {labels, "", []v1alpha1.NetworkLoadBalancer{{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "api", UID: otherUID}, Status: v1alpha1.NetworkLoadBalancerStatus{ID: "another"}}}, "orphan"},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			for _, one := range FindUnused([]LoadBalancer{{ID: "lb", Labels: test.labels, State: test.state}}, test.objects, cluster) {
				if got = "orphan"; one.Beside != nil {
					got = "beside"
				}
				if one.Owner != "shop/web" || one.UID != uid {
					t.Errorf("it belongs to %s (%s)", one.Owner, one.UID)
				}
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
