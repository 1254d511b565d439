package nlbservice

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// TestWhoseANameIsAndWhetherItIsAboutToBeFree: a user has to act only where the operator
// doesn't.
func TestWhoseANameIsAndWhetherItIsAboutToBeFree(t *testing.T) {
	t.Parallel()
	const holder = "shop/other"
	r := &Reconciler{Options: Options{ClusterID: "c"}}
	ofService := func(uid string) func(*v1alpha1.NLBService) {
		yes := true
		return func(s *v1alpha1.NLBService) {
			s.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "Service", Name: "web", UID: types.UID(uid), Controller: &yes}}
		}
	}
	wants := func(name string) func(*v1alpha1.NLBService) {
		return func(s *v1alpha1.NLBService) { s.Spec.Name = name }
	}
	stalled := func(s *v1alpha1.NLBService) {
		s.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue}}
	}
	now := metav1.Now()
	deleted := func(s *v1alpha1.NLBService) { s.DeletionTimestamp = &now }
	unrecorded := func(s *v1alpha1.NLBService) { s.Status.ID = "" }
	mark := r.mark(&v1alpha1.NLBService{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "other"}})
	for name, c := range map[string]struct {
		edits   []func(*v1alpha1.NLBService)
		service nlb.Service
		holder  string
		leaves  bool
	}{
		"a foreign service":                            {[]func(*v1alpha1.NLBService){unrecorded}, nlb.Service{ID: "s"}, "", false},
		"a foreign service that is going away":         {[]func(*v1alpha1.NLBService){unrecorded}, nlb.Service{ID: "s", State: nlb.StateDeleting}, "", true},
		"another object's":                             {nil, nlb.Service{ID: "s"}, holder, false},
		"another object's, by the mark":                {[]func(*v1alpha1.NLBService){unrecorded}, nlb.Service{ID: "s", Description: nlb.Marked("", mark)}, holder, false},
		"another object's that is being deleted":       {[]func(*v1alpha1.NLBService){deleted}, nlb.Service{ID: "s"}, holder, true},
		"another object's that is going away":          {nil, nlb.Service{ID: "s", State: nlb.StateDeleting}, holder, true},
		"that of the same Service's former port":       {[]func(*v1alpha1.NLBService){ofService("u-1")}, nlb.Service{ID: "s"}, holder, true},
		"that of another Service":                      {[]func(*v1alpha1.NLBService){ofService("u-2")}, nlb.Service{ID: "s"}, holder, false},
		"one that is about to be renamed":              {[]func(*v1alpha1.NLBService){wants("free")}, nlb.Service{ID: "s"}, holder, true},
		"one that is to be renamed to a name in use":   {[]func(*v1alpha1.NLBService){wants("web")}, nlb.Service{ID: "s"}, holder, false},
		"one that is to be renamed and came to a halt": {[]func(*v1alpha1.NLBService){wants("free"), stalled}, nlb.Service{ID: "s"}, holder, false},
	} {
		t.Run(name, func(t *testing.T) {
			object := &v1alpha1.NLBService{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"}}
			ofService("u-1")(object)
			other := v1alpha1.NLBService{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "other"}}
			other.Spec.Name, other.Status.ID = "taken", "s"
			for _, edit := range c.edits {
				edit(&other)
			}
			c.service.Name = "taken"
			round := &round{object: object, others: []v1alpha1.NLBService{other}, lb: &nlb.LoadBalancer{Services: []nlb.Service{c.service, {ID: "own", Name: "web"}}}}
			if holder, leaves := r.namesake(round, c.service); holder != c.holder || leaves != c.leaves {
				t.Errorf("got %q, %t; want %q, %t", holder, leaves, c.holder, c.leaves)
			}
		})
	}
}
