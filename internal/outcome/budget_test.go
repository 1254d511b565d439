package outcome

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

type counted map[string]int

func (c counted) Eventf(regarding, _ runtime.Object, eventType, _, _, _ string, _ ...any) {
	c[regarding.(*corev1.Service).Name+" "+eventType]++
}

func TestEventsKeepToTheBudgetOfTheirObject(t *testing.T) {
	t.Parallel()
	service := func(name string) *corev1.Service { return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name}} }
	type say struct {
		object, kind string
		times        int
		same         bool
	}
	for name, c := range map[string]struct {
		said []say
		want counted
		// dropped by causes: repeated, and beyond the budget
		dropped [2]int
	}{
		"few":                             {[]say{{"a", "Normal", 3, false}, {"a", "Warning", 2, false}}, counted{"a Normal": 3, "a Warning": 2}, [2]int{}},
		"many Warnings":                   {[]say{{"a", "Warning", 30, false}}, counted{"a Warning": 5}, [2]int{0, 25}},
		"much good news leaves one place": {[]say{{"a", "Normal", 30, false}, {"a", "Warning", 3, false}}, counted{"a Normal": 4, "a Warning": 1}, [2]int{0, 28}},
		"a move has the last place, too":  {[]say{{"a", "Normal", 30, false}, {"a", "move", 3, false}}, counted{"a Normal": 5}, [2]int{0, 28}},
		"the same words":                  {[]say{{"a", "Warning", 30, true}, {"a", "Warning", 2, false}}, counted{"a Warning": 3}, [2]int{29, 0}},
		"each object has a budget":        {[]say{{"a", "Warning", 30, false}, {"b", "Warning", 30, false}}, counted{"a Warning": 5, "b Warning": 5}, [2]int{0, 50}},
		"a minute later there is another": {[]say{{"a", "Warning", 30, false}, {"", "", 0, false}, {"a", "Warning", 30, false}}, counted{"a Warning": 10}, [2]int{0, 50}},
		"a minute later it is told again": {[]say{{"a", "Warning", 2, true}, {"", "", 0, false}, {"a", "Warning", 2, true}}, counted{"a Warning": 2}, [2]int{2, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock, got := testingclock.NewFakeClock(time.Now()), counted{}
			var dropped [2]int
			budget := WithinBudget(got, clock, func(_ runtime.Object, cause string) {
				dropped[map[string]int{DroppedRepeated: 0, DroppedBudget: 1}[cause]]++
			})
			for i, said := range c.said {
				if said.times == 0 {
					clock.Step(EventsWithin + time.Second)
				}
				for j := range said.times {
					text := "same"
					if !said.same {
						text = fmt.Sprint(i, j)
					}
					kind, reason := said.kind, "Reason"
					if kind == "move" {
						kind, reason = corev1.EventTypeNormal, v1alpha1.ReasonInstancePoolChanged
					}
					budget.Eventf(service(said.object), nil, kind, reason, "Action", "%s", text)
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(c.want) || dropped != c.dropped {
				t.Errorf("got %v and dropped %v, want %v and %v", got, dropped, c.want, c.dropped)
			}
		})
	}
}
