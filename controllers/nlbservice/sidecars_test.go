package nlbservice

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/persist"
)

func TestWhatBecomesOfTheSidecarsIsTold(t *testing.T) {
	const none = metav1.ConditionStatus("")
	for name, c := range map[string]struct {
		course []metav1.ConditionStatus
		want   string
	}{
		"they are there from the beginning":        {[]metav1.ConditionStatus{none, metav1.ConditionTrue}, ""},
		"they lack":                                {[]metav1.ConditionStatus{none, metav1.ConditionFalse, metav1.ConditionFalse}, "Warning"},
		"all have them by now":                     {[]metav1.ConditionStatus{metav1.ConditionFalse, metav1.ConditionTrue, metav1.ConditionTrue}, "Normal"},
		"no Pod is there before they have them":    {[]metav1.ConditionStatus{metav1.ConditionFalse, metav1.ConditionUnknown, metav1.ConditionTrue}, "Normal"},
		"some lack again":                          {[]metav1.ConditionStatus{metav1.ConditionTrue, metav1.ConditionFalse}, "Warning"},
		"no Pod is there any more":                 {[]metav1.ConditionStatus{metav1.ConditionTrue, metav1.ConditionUnknown}, ""},
		"nobody asks for them any more":            {[]metav1.ConditionStatus{metav1.ConditionFalse, none}, ""},
		"they were asked for after they had begun": {[]metav1.ConditionStatus{none, metav1.ConditionUnknown, metav1.ConditionTrue}, "Normal"},
	} {
		t.Run(name, func(t *testing.T) {
			object, recorder := &v1alpha1.NLBService{}, events.NewFakeRecorder(10)
			become := func(status metav1.ConditionStatus) {
				meta.RemoveStatusCondition(&object.Status.Conditions, v1alpha1.ConditionSidecarsInjected)
				if status != none {
					meta.SetStatusCondition(&object.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionSidecarsInjected, Status: status, Reason: "Test"})
				}
			}
			for i, status := range c.course {
				if i == 0 {
					become(status)
					continue
				}
				round := &round{Object: persist.New(nil, object), object: object}
				round.foreign = persist.NewTold(telling, nil, clock.RealClock{}).Look(t.Context(), round.Object, true)
				become(status)
				noteSidecars(round)
				round.notices.Send(recorder, object)
			}
			close(recorder.Events)
			var told []string
			for event := range recorder.Events {
				told = append(told, strings.Fields(event)[0])
			}
			if got := strings.Join(told, " "); got != c.want {
				t.Errorf("told %q, want %q", got, c.want)
			}
		})
	}
}
