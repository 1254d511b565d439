package nlbservice

import (
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// contender wants a port: born is its age, holds the id of its service.
func contender(uid string, born int64, holds string, edits ...func(*v1alpha1.NLBService)) v1alpha1.NLBService {
	object := v1alpha1.NLBService{
		ObjectMeta: metav1.ObjectMeta{Name: uid, UID: types.UID(uid), CreationTimestamp: metav1.Unix(born, 0)},
		Spec:       v1alpha1.NLBServiceSpec{Port: 443, Protocol: v1alpha1.ProtocolTCP},
		Status:     v1alpha1.NLBServiceStatus{ID: holds},
	}
	for _, edit := range edits {
		edit(&object)
	}
	return object
}

func TestRival(t *testing.T) {
	deleted := func(o *v1alpha1.NLBService) { o.DeletionTimestamp = &metav1.Time{Time: time.Unix(99, 0)} }
	udp := func(o *v1alpha1.NLBService) { o.Spec.Protocol = v1alpha1.ProtocolUDP }
	onPort80 := func(o *v1alpha1.NLBService) { o.Spec.Port = 80 }
	replaced := func(o *v1alpha1.NLBService) { o.Status.ReplacedAt = &metav1.Time{Time: time.Unix(98, 0)} }
	elsewhere := func(o *v1alpha1.NLBService) { o.Spec.LoadBalancerRef.Namespace = "infra" }
	accepted := func(status metav1.ConditionStatus) func(*v1alpha1.NLBService) {
		return func(o *v1alpha1.NLBService) {
			o.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionAccepted, Status: status}}
		}
	}

	for name, test := range map[string]struct {
		object v1alpha1.NLBService
		others []v1alpha1.NLBService
		want   string
	}{
		"there is nobody else":                        {contender("me", 5, ""), nil, ""},
		"it is no rival of itself":                    {contender("me", 5, ""), []v1alpha1.NLBService{contender("me", 1, "svc")}, ""},
		"an older one goes first":                     {contender("me", 5, ""), []v1alpha1.NLBService{contender("older", 1, "")}, "older"},
		"a younger one doesn't":                       {contender("me", 5, ""), []v1alpha1.NLBService{contender("younger", 6, "")}, ""},
		"of the same age, the smaller UID goes first": {contender("m", 5, ""), []v1alpha1.NLBService{contender("a", 5, "")}, "a"},
		"of the same age, the greater doesn't":        {contender("m", 5, ""), []v1alpha1.NLBService{contender("z", 5, "")}, ""},
		"a younger one that holds the port":           {contender("me", 5, ""), []v1alpha1.NLBService{contender("younger", 6, "svc")}, "younger"},
		"an older one, but we hold the port":          {contender("me", 5, "svc"), []v1alpha1.NLBService{contender("older", 1, "")}, ""},
		"both hold one, and it is older":              {contender("me", 5, "svc"), []v1alpha1.NLBService{contender("older", 1, "svc")}, "older"},
		"one that is going away":                      {contender("me", 5, ""), []v1alpha1.NLBService{contender("older", 1, "svc", deleted)}, ""},
		"UDP on the same port":                        {contender("me", 5, ""), []v1alpha1.NLBService{contender("older", 1, "svc", udp)}, ""},
		"another port":                                {contender("me", 5, ""), []v1alpha1.NLBService{contender("older", 1, "svc", onPort80)}, ""},
		"one that isn't accepted":                     {contender("me", 5, ""), []v1alpha1.NLBService{contender("older", 1, "", accepted(metav1.ConditionFalse))}, ""},
		"one of which that isn't known":               {contender("me", 5, ""), []v1alpha1.NLBService{contender("older", 1, "", accepted(metav1.ConditionUnknown))}, ""},
		"one that is accepted":                        {contender("me", 5, ""), []v1alpha1.NLBService{contender("older", 1, "", accepted(metav1.ConditionTrue))}, "older"},
		"one elsewhere that nobody has looked at":     {contender("me", 5, ""), []v1alpha1.NLBService{contender("older", 1, "", elsewhere)}, ""},
		"one elsewhere that is accepted":              {contender("me", 5, ""), []v1alpha1.NLBService{contender("older", 1, "", elsewhere, accepted(metav1.ConditionTrue))}, "older"},
		"one that isn't accepted, but holds the port": {contender("me", 5, ""), []v1alpha1.NLBService{contender("younger", 6, "svc", accepted(metav1.ConditionFalse))}, "younger"},
		"one that is only being replaced":             {contender("me", 5, ""), []v1alpha1.NLBService{contender("younger", 6, "", replaced)}, "younger"},
		"one that is being replaced, not accepted":    {contender("me", 5, ""), []v1alpha1.NLBService{contender("younger", 6, "", replaced, accepted(metav1.ConditionFalse))}, "younger"},
		"an older one, but we are being replaced":     {contender("me", 5, "", replaced), []v1alpha1.NLBService{contender("older", 1, "")}, ""},
		"one that isn't accepted, before one that is": {contender("me", 5, ""), []v1alpha1.NLBService{contender("a", 1, "", accepted(metav1.ConditionFalse)), contender("b", 2, "")}, "b"},
		"of several, the first of all":                {contender("me", 5, ""), []v1alpha1.NLBService{contender("a", 4, ""), contender("b", 2, ""), contender("c", 3, "")}, "b"},
		"of several, the one that holds the port":     {contender("me", 5, ""), []v1alpha1.NLBService{contender("a", 1, ""), contender("b", 9, "svc"), contender("c", 2, "")}, "b"},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if first := rival(&test.object, test.others); first != nil {
				got = first.Name
			}
			if got != test.want {
				t.Errorf("want %q, got %q", test.want, got)
			}
		})
	}
}

// The places of services that are away only to be replaced are taken.
func TestAway(t *testing.T) {
	replaced := func(o *v1alpha1.NLBService) { o.Status.ReplacedAt = &metav1.Time{Time: time.Unix(98, 0)} }
	deleted := func(o *v1alpha1.NLBService) { o.DeletionTimestamp = &metav1.Time{Time: time.Unix(99, 0)} }
	onIt := []nlb.Service{{ID: "svc"}, {ID: "foreign"}}
	for name, test := range map[string]struct {
		others []v1alpha1.NLBService
		want   int
	}{
		"nobody else":                            {nil, 0},
		"one that is there":                      {[]v1alpha1.NLBService{contender("a", 1, "svc")}, 0},
		"one that never was there":               {[]v1alpha1.NLBService{contender("a", 1, "")}, 0},
		"one that has vanished":                  {[]v1alpha1.NLBService{contender("a", 1, "gone")}, 0},
		"one to be replaced that is still there": {[]v1alpha1.NLBService{contender("a", 1, "svc", replaced)}, 0},
		"one that is being replaced":             {[]v1alpha1.NLBService{contender("a", 1, "", replaced)}, 1},
		"one whose removal isn't recorded yet":   {[]v1alpha1.NLBService{contender("a", 1, "gone", replaced)}, 1},
		"one that doesn't come back":             {[]v1alpha1.NLBService{contender("a", 1, "", replaced, deleted)}, 0},
		"several": {[]v1alpha1.NLBService{
			contender("a", 1, "", replaced), contender("b", 2, "svc", replaced), contender("c", 3, ""), contender("d", 4, "gone", replaced),
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			if got := away(test.others, onIt); got != test.want {
				t.Errorf("want %d, got %d", test.want, got)
			}
		})
	}
}

// Whatever each of them sees, exactly one of those that want a port gets it.
func TestOneOfManyRivalsGoesFirst(t *testing.T) {
	var all []v1alpha1.NLBService
	for _, uid := range []string{"a", "b", "c"} {
		for _, born := range []int64{1, 2} {
			for _, holds := range []string{"", "svc"} {
				all = append(all, contender(uid+string(rune('0'+born))+holds, born, holds))
			}
		}
	}
	for i := range all {
		for j := range all {
			if i != j && goesFirst(&all[i], &all[j]) == goesFirst(&all[j], &all[i]) {
				t.Errorf("%s and %s don't agree who goes first", all[i].Name, all[j].Name)
			}
		}
		if goesFirst(&all[i], &all[i]) {
			t.Errorf("%s goes before itself", all[i].Name)
		}
	}
	for len(all) > 0 {
		var winners []int
		for i := range all {
			if rival(&all[i], all) == nil {
				winners = append(winners, i)
			}
		}
		if len(winners) != 1 {
			t.Fatalf("%d of %d have no rival", len(winners), len(all))
		}
		all = slices.Delete(all, winners[0], winners[0]+1) // it goes; then the next one does
	}
}
