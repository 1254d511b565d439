package journal

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
)

// answer is what comes back when an add is sent, or what it comes to later.
type answer struct {
	name string
	// class of a refusal at once; empty if it was accepted.
	class exoscale.Class
	// failure of the operation that was accepted.
	failure exoscale.Class
	// took: the add may have had its effect.
	took bool
}

var answers = []answer{
	{name: "lost", class: exoscale.Transient, took: true},
	{name: "409", class: exoscale.Conflict},
	{name: "423", class: exoscale.Busy},
	{name: "401", class: exoscale.InvalidCredentials},
	{name: "403", class: exoscale.Forbidden},
	{name: "400", class: exoscale.Invalid},
	{name: "quota", class: exoscale.QuotaExceeded},
	{name: "404", class: exoscale.NotFound},
	{name: "accepted, failed: conflict", failure: exoscale.Conflict},
	{name: "accepted, failed: incorrect", failure: exoscale.Invalid},
	{name: "accepted, failed: timeout", failure: exoscale.Transient, took: true},
}

// TestNoAnswerMakesALostAddForgotten goes through every sequence of answers to three
// attempts at one add: as long as one of them may have had its effect the entry says
// so, since when the first one may, and what was there before.
func TestNoAnswerMakesALostAddForgotten(t *testing.T) {
	t.Parallel()
	began := metav1.NewTime(time.Unix(1_000_000, 0))
	for _, first := range answers {
		for _, second := range answers {
			for _, third := range answers {
				name := fmt.Sprintf("%s, %s, %s", first.name, second.name, third.name)
				var entry *v1alpha1.Operation
				lost := -1
				for i, a := range []answer{first, second, third} {
					entry = after(entry, metav1.NewTime(began.Add(time.Duration(i)*time.Second)), fmt.Sprint(i), a.class, a.failure)
					if a.took && lost < 0 {
						lost = i
					}
				}
				if (entry != nil) != (lost >= 0) {
					t.Errorf("%s: the entry is %+v", name, entry)
					continue
				}
				if lost < 0 {
					continue
				}
				since := entry.StartedAt
				if entry.LostAt != nil {
					since = *entry.LostAt
				}
				if want := began.Add(time.Duration(lost) * time.Second); !since.Time.Equal(want) {
					t.Errorf("%s: lost since %s, want %s", name, since, want)
				}
				if entry.ServicesBefore[0] != fmt.Sprint(lost) {
					t.Errorf("%s: it says that %v was there before", name, entry.ServicesBefore)
				}
				if entry.ID != "" || entry.Sent != "sent" {
					t.Errorf("%s: the entry is %+v", name, entry)
				}
			}
		}
	}
}

// after is the entry once an attempt at an add has come to this.
func after(before *v1alpha1.Operation, at metav1.Time, there string, refused, failed exoscale.Class) *v1alpha1.Operation {
	intent := following(before.DeepCopy(), v1alpha1.Operation{Action: v1alpha1.ActionCreate, Name: "web", ServicesBefore: []string{there}, Sent: "sent"})
	intent.StartedAt = at
	if refused != "" {
		return afterRefusal(before, &intent, refused)
	}
	intent.ID = "operation"
	return afterFailure(intent, failed)
}
