package outcome

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/brief"
)

// sent are the Events that the notices make.
func sent(notices *Notices) []string {
	recorder := events.NewFakeRecorder(10)
	notices.Send(recorder, &v1alpha1.NLBService{})
	close(recorder.Events)
	var all []string
	for event := range recorder.Events {
		all = append(all, event)
	}
	return all
}

func TestNoticesAreSentOnce(t *testing.T) {
	t.Parallel()
	var notices Notices
	notices.Normal("Created", "Create", "NLB %s", "lb")
	notices.Warning("PortConflict", "Add", "100%% of it")
	want := []string{"Normal Created NLB lb", "Warning PortConflict 100% of it"}
	if diff := cmp.Diff(want, sent(&notices)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if again := sent(&notices); again != nil {
		t.Errorf("sent again: %v", again)
	}
}

func TestALongNoticeFitsAnEvent(t *testing.T) {
	t.Parallel()
	for length, want := range map[int]int{brief.Event: brief.Event, brief.Event + 1: brief.Event, 9000: brief.Event} {
		var notices Notices
		notices.Normal("R", "A", "%s", strings.Repeat("x", length))
		note := strings.TrimPrefix(sent(&notices)[0], "Normal R ")
		if len(note) != want || strings.HasSuffix(note, "…") != (length > want) {
			t.Errorf("of %d characters %d are sent: …%s", length, len(note), note[len(note)-5:])
		}
	}
}

func TestAHaltIsToldWhenItBeginsOrChanges(t *testing.T) {
	t.Parallel()
	stalled := func(reason, message string) []metav1.Condition {
		return []metav1.Condition{{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: reason, Message: message}}
	}
	for name, c := range map[string]struct {
		before, now []metav1.Condition
		want        []string
	}{
		"never":           {nil, nil, nil},
		"it begins":       {nil, stalled("Invalid", "50% of x"), []string{"Warning Invalid 50% of x"}},
		"it stays":        {stalled("Invalid", "m"), stalled("Invalid", "m"), nil},
		"another reason":  {stalled("Invalid", "m"), stalled("NotFound", "m"), []string{"Warning NotFound m"}},
		"another message": {stalled("Invalid", "m"), stalled("Invalid", "n"), []string{"Warning Invalid n"}},
		"it ends":         {stalled("Invalid", "m"), nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var notices Notices
			notices.Stalled(c.before, c.now)
			if diff := cmp.Diff(c.want, sent(&notices)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
