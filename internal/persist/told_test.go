package persist

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

const (
	right = "192.0.2.1"
	wrong = "10.9.9.9"
	id    = "0b12"
)

// telling of the tests: the address and the state are told, all else is recorded.
func telling() Telling[*v1alpha1.NetworkLoadBalancer] {
	leave := func(to, from *v1alpha1.NetworkLoadBalancer) {
		to.Status.Address, to.Status.State = from.Status.Address, from.Status.State
	}
	return Telling[*v1alpha1.NetworkLoadBalancer]{
		Shows: func(object *v1alpha1.NetworkLoadBalancer) *v1alpha1.NetworkLoadBalancer {
			told := &v1alpha1.NetworkLoadBalancer{}
			leave(told, object)
			return told
		},
		Leave:     leave,
		Address:   func(object *v1alpha1.NetworkLoadBalancer) string { return object.Status.Address },
		Addresses: []Part{{Field: "address"}},
	}
}

// foughtOver is an object with a status that another program writes, too.
type foughtOver struct {
	t      *testing.T
	told   *Told[*v1alpha1.NetworkLoadBalancer]
	clock  *clocktesting.FakeClock
	object *v1alpha1.NetworkLoadBalancer
}

func fought(t *testing.T) *foughtOver {
	t.Helper()
	f := &foughtOver{t: t, clock: clocktesting.NewFakeClock(time.Now()), object: given(t)}
	f.restart()
	f.round()
	return f
}

func (f *foughtOver) restart() { f.told = NewTold(telling(), server, f.clock) }

// begins a round of the operator, which finds the right address.
func (f *foughtOver) begins() (*object, *Foreign[*v1alpha1.NetworkLoadBalancer]) {
	f.t.Helper()
	o := New(server, stored(f.t, f.object))
	foreign := f.told.Look(f.t.Context(), o, true)
	o.Now.Status.Address, o.Now.Status.State, o.Now.Status.ID = right, "running", id
	return o, foreign
}

// round of the operator.
func (f *foughtOver) round() (*Foreign[*v1alpha1.NetworkLoadBalancer], time.Duration) {
	f.t.Helper()
	o, foreign := f.begins()
	wait := foreign.Settle(f.t.Context())
	if err := o.Status(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
	foreign.Remember()
	return foreign, wait
}

// theirs is what another program does to the status.
func (f *foughtOver) theirs(edit func(*v1alpha1.NetworkLoadBalancerStatus)) {
	f.t.Helper()
	object := stored(f.t, f.object)
	before := object.DeepCopy()
	edit(&object.Status)
	if err := server.Status().Patch(f.t.Context(), object, client.MergeFrom(before), client.FieldOwner("theirs")); err != nil {
		f.t.Fatal(err)
	}
}

func wrongAddress(status *v1alpha1.NetworkLoadBalancerStatus) { status.Address = wrong }

// shows is the address that a user sees.
func (f *foughtOver) shows(want string) {
	f.t.Helper()
	if got := stored(f.t, f.object).Status.Address; got != want {
		f.t.Errorf("the address is %s, want %s", got, want)
	}
}

func TestEachCorrectionOfAForeignWriteTakesLonger(t *testing.T) {
	f := fought(t)
	seconds := time.Second
	for _, wait := range []time.Duration{0, 1, 2, 4, 8, 16, 32, 60, 60} {
		f.theirs(wrongAddress)
		if wait > 0 {
			foreign, waits := f.round()
			if waits != wait*seconds || foreign.Writer != "" {
				t.Errorf("it waits %s and names %q, want %s", waits, foreign.Writer, wait*seconds)
			}
			f.shows(wrong)
			f.clock.Step(waits - time.Millisecond)
			f.round()
			f.shows(wrong)
			f.clock.Step(time.Millisecond)
		}
		if foreign, waits := f.round(); waits != 0 || foreign.Writer != "field manager theirs" || foreign.Said.Status.Address != right {
			t.Errorf("it waits %s, names %q, and said %s", waits, foreign.Writer, foreign.Said.Status.Address)
		}
		f.shows(right)
		if foreign, _ := f.round(); foreign.Writer != "" {
			t.Errorf("it names %q again", foreign.Writer)
		}
	}
	f.clock.Step(2*longestPause + time.Second)
	f.theirs(wrongAddress)
	f.round()
	f.theirs(wrongAddress)
	if _, waits := f.round(); waits != firstPause {
		t.Errorf("after a long rest it waits %s", waits)
	}
}

// What decides is put right at once, however often somebody else writes it.
func TestWhatIsRecordedIsNeverBackedOff(t *testing.T) {
	f := fought(t)
	f.theirs(wrongAddress)
	f.round()
	for range 3 {
		f.theirs(wrongAddress)
		if _, waits := f.round(); waits == 0 {
			t.Error("what is only told doesn't wait")
		}
		f.theirs(func(status *v1alpha1.NetworkLoadBalancerStatus) { status.ID, status.Address = "theirs", wrong })
		f.round()
		if got := stored(t, f.object).Status; got.ID != id || got.Address != right {
			t.Errorf("stored: %+v", got)
		}
	}
	t.Run("nor is what is begun", func(t *testing.T) {
		f.theirs(wrongAddress)
		o, foreign := f.begins()
		o.Now.Status.Operation = &v1alpha1.Operation{Action: v1alpha1.ActionUpdate, Name: "edge", StartedAt: metav1.Now().Rfc3339Copy()}
		if err := o.Intent(t.Context()); err != nil {
			t.Fatal(err)
		}
		foreign.Settle(t.Context())
		if diff := cmp.Diff(o.Now.Status.Operation, stored(t, f.object).Status.Operation); diff != "" || o.Now.Status.Address != right {
			t.Errorf("the address is %s, and the operation (-want +got)\n%s", o.Now.Status.Address, diff)
		}
	})
}

func TestAConflictIsNoCorrection(t *testing.T) {
	f := fought(t)
	f.theirs(wrongAddress)
	for range 3 {
		o, foreign := f.begins()
		f.theirs(func(status *v1alpha1.NetworkLoadBalancerStatus) { status.State += "x" })
		foreign.Settle(t.Context())
		if err := o.Status(t.Context()); !apierrors.IsConflict(err) {
			t.Fatalf("err %v", err)
		}
	}
	if foreign, waits := f.round(); waits != 0 || foreign.Writer == "" {
		t.Errorf("it waits %s and names %q", waits, foreign.Writer)
	}
	f.shows(right)
}

func TestWhatIsNoForeignWrite(t *testing.T) {
	for name, happens := range map[string]func(f *foughtOver){
		"nothing":   func(*foughtOver) {},
		"a restart": func(f *foughtOver) { f.restart() },
		"a write of what is told": func(f *foughtOver) {
			f.theirs(func(status *v1alpha1.NetworkLoadBalancerStatus) { status.Address = right })
		},
		"a write of what is recorded": func(f *foughtOver) {
			f.theirs(func(status *v1alpha1.NetworkLoadBalancerStatus) { status.ID = "theirs" })
		},
		"a write under another spec": func(f *foughtOver) {
			f.theirs(wrongAddress)
			meanwhile(f.t, f.object, func(o *v1alpha1.NetworkLoadBalancer) { o.Spec.Description = "changed" })
		},
		"a write of the operator whose answer was lost": func(f *foughtOver) {
			o, _ := f.begins()
			o.Now.Status.State = "lost"
			o.noteWrite(o.Now)
			f.theirs(func(status *v1alpha1.NetworkLoadBalancerStatus) { status.State = "lost" })
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := fought(t)
			happens(f)
			if foreign, waits := f.round(); waits != 0 || foreign.Writer != "" {
				t.Errorf("it waits %s and names %q", waits, foreign.Writer)
			}
			if got := stored(t, f.object).Status; got.Address != right || got.ID != id {
				t.Errorf("stored: %+v", got)
			}
		})
	}
}

func TestAfterARestartAForeignAddressIsKnownByItsWriter(t *testing.T) {
	f := fought(t)
	f.restart()
	f.theirs(wrongAddress)
	foreign, _ := f.round()
	if foreign.Writer != "field manager theirs" || foreign.Said.Status.Address != right {
		t.Errorf("it names %q, and said %s", foreign.Writer, foreign.Said.Status.Address)
	}
	f.shows(right)
	t.Run("one that the operator wrote is a former one", func(t *testing.T) {
		f := fought(t)
		f.restart()
		o := New(server, stored(t, f.object))
		foreign := f.told.Look(t.Context(), o, true)
		o.Now.Status.Address = "192.0.2.2"
		foreign.Settle(t.Context())
		if foreign.Writer != "" || foreign.Said.Status.Address != right {
			t.Errorf("it names %q, and said %s", foreign.Writer, foreign.Said.Status.Address)
		}
	})
}

func TestAProgramThatOnlyRemovesIsBackedOffWithoutAName(t *testing.T) {
	f := fought(t)
	nothing := func(status *v1alpha1.NetworkLoadBalancerStatus) { status.Address = "" }
	f.theirs(nothing)
	if foreign, _ := f.round(); foreign.Writer != Unnamed {
		t.Errorf("it names %q", foreign.Writer)
	}
	f.theirs(nothing)
	if _, waits := f.round(); waits != firstPause {
		t.Errorf("it waits %s", waits)
	}
}

func TestAnObjectOfTheSameNameIsAnother(t *testing.T) {
	f := fought(t)
	other := given(t)
	if err := server.Delete(t.Context(), f.object); err != nil {
		t.Fatal(err)
	}
	other.Name, other.Status.Address = f.object.Name, wrong
	foreign := f.told.Look(t.Context(), New(server, other), true)
	if foreign.overwritten || foreign.Said.Status.Address != wrong {
		t.Errorf("%+v", foreign)
	}
}
