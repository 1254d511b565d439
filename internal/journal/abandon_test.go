package journal

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// annotated is the change of an object that bears the annotation.
func (c *change) annotated(value string) *change {
	c.Now.Annotations = map[string]string{v1alpha1.AnnotationAbandonOperation: value}
	return c
}

func TestTheAnnotationAbandonsExactlyTheOperationThatItNames(t *testing.T) {
	const another = "11111111-2222-4333-8444-555555555555"
	for name, test := range map[string]struct {
		value     func(id string) string
		abandoned bool
		says      string
	}{
		"none":                           {func(string) string { return "" }, false, ""},
		"the operation":                  {func(id string) string { return id }, true, ""},
		"another operation":              {func(string) string { return another }, false, "names operation " + another + ", which isn't this one"},
		"no id":                          {func(string) string { return "yes" }, false, `"yes" isn't the id of an operation`},
		"the operation, in another form": {func(id string) string { return "urn:uuid:" + id }, false, "isn't the id of an operation"},
		"the operation, with a space":    {func(id string) string { return id + " " }, false, "isn't the id of an operation"},
		"more than can be told, which is cut off": {func(string) string { return strings.Repeat("x", 1<<16) }, false, "isn't the id of an operation"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			c := s.loadBalancer().started()
			id := c.Now.Status.Operation.ID
			began := c.Now.Status.Operation.StartedAt
			s.journalTime.Step(time.Hour)
			var notices outcome.Notices
			entry := c.annotated(test.value(id)).entry()
			entry.Notices = &notices
			out, ended := s.journal.Progress(t.Context(), entry)
			s.g.Expect(ended).To(BeFalse())
			s.g.Expect(out.Message).To(And(ContainSubstring(id), ContainSubstring(test.says)))
			s.g.Expect(len(out.Message)).To(BeNumerically("<", 500))
			s.g.Expect(strings.Contains(out.Message, v1alpha1.AnnotationAbandonOperation)).To(Equal(test.says != ""))
			op := c.Now.Status.Operation
			if !test.abandoned {
				s.g.Expect(op.ID).To(Equal(id))
				s.g.Expect(op.StartedAt).To(Equal(began))
				s.g.Expect(notices).To(BeEmpty())
				return
			}
			s.g.Expect(op.ID).To(BeEmpty(), "as after a lost answer")
			s.g.Expect(op.Action).To(Equal(v1alpha1.ActionCreate))
			s.g.Expect(s.journal.Lost(c.entry())).To(BeTrue(), "it may yet have its effect")
			s.g.Expect(notices).To(HaveLen(1))
			s.g.Expect(s.operations.Result(exosim.DefaultZone, id).State).To(Equal(exoscale.Unknown))
			s.g.Expect(s.operations.Busy(exoscale.Key{Zone: exosim.DefaultZone, Name: c.Now.Name}, c.owner())).To(BeFalse(), "the NLB is free")
		})
	}
}

func TestAnOperationOfAnEarlierProcessIsAbandonedToo(t *testing.T) {
	s := newScene(t)
	c := s.loadBalancer().started()
	s.restart()
	out, _ := s.journal.Progress(t.Context(), c.annotated(c.Now.Status.Operation.ID).entry())
	s.g.Expect(out.Message).To(ContainSubstring("was abandoned"))
	s.g.Expect(c.Now.Status.Operation.ID).To(BeEmpty())
}

func TestAnOperationThatHasEndedIsNotAbandoned(t *testing.T) {
	s := newScene(t)
	c := s.loadBalancer().started().ended()
	_, ended := s.journal.Progress(t.Context(), c.annotated(c.Now.Status.Operation.ID).entry())
	s.g.Expect(ended).To(BeTrue(), "its result is known")
}

// The end of an operation that was abandoned while it was asked about frees nothing a
// second time.
func TestAnAbandonedOperationThatEndsDisturbsNoOther(t *testing.T) {
	s := newScene(t)
	c := s.loadBalancer().made()
	if _, err := c.describe("one"); err != nil {
		t.Fatal(err)
	}
	asking := s.sim.Fault(exosim.Fault{Operation: opGet, Kind: exosim.FaultLatency, Latency: 300 * time.Millisecond})
	before := s.sim.Calls().Operations[opGet]
	s.cloudTime.Step(operationDelay)
	s.g.Eventually(func() int { return s.sim.Calls().Operations[opGet] }).Should(BeNumerically(">", before))
	id := c.Now.Status.Operation.ID
	s.operations.Abandon(c.entry().Key, id)
	asking()
	c.Now.Status.Operation = nil
	if out, err := c.describe("two"); err != nil || out.Reason != v1alpha1.ReasonUpdating {
		t.Fatalf("%+v, %v", out, err)
	}
	c.ended()
	s.g.Expect(s.operations.Result(exosim.DefaultZone, id).State).To(Equal(exoscale.Unknown))
}
