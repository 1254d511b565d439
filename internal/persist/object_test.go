package persist

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

type object = Object[*v1alpha1.NetworkLoadBalancer]

// write is one of the methods that write a status.
type write = func(*object, context.Context) error

var (
	status       write = (*object).Status
	intent       write = (*object).Intent
	statusAnyway write = (*object).StatusAnyway
)

func TestHold(t *testing.T) {
	for name, test := range map[string]struct {
		deleted    bool
		has, want  []string
		isNoChange bool
	}{
		"it is set":                             {want: []string{ours}},
		"it is set besides another":             {has: []string{theirs}, want: []string{theirs, ours}},
		"it is there already":                   {has: []string{ours, theirs}, want: []string{ours, theirs}, isNoChange: true},
		"it isn't set on what is being deleted": {deleted: true, has: []string{theirs}, want: []string{theirs}, isNoChange: true},
	} {
		t.Run(name, func(t *testing.T) {
			read := given(t, test.has...)
			if test.deleted {
				read = givenDeleted(t, test.has...)
			}
			o := New(server, read.DeepCopy())
			o.Now.Status.Zone = "ch-gva-2"
			if err := o.Hold(t.Context(), ours); err != nil {
				t.Fatal(err)
			}
			got := stored(t, read)
			if diff := cmp.Diff(test.want, got.Finalizers); diff != "" {
				t.Errorf("stored (-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(test.want, o.Now.Finalizers); diff != "" {
				t.Errorf("in hand (-want +got)\n%s", diff)
			}
			if same := got.ResourceVersion == read.ResourceVersion; same != test.isNoChange {
				t.Errorf("it wrote: %t", !same)
			}
			if got.Status.Zone != "" || o.Now.Status.Zone != "ch-gva-2" {
				t.Errorf("the status, not to be written yet, is stored with zone %q, and in hand with %q", got.Status.Zone, o.Now.Status.Zone)
			}
			if o.Before.ResourceVersion != read.ResourceVersion || len(o.Before.Finalizers) != len(test.has) {
				t.Errorf("Before has changed: %v", o.Before)
			}
		})
	}
}

func TestRelease(t *testing.T) {
	for name, test := range map[string]struct {
		deleted   bool
		has, want []string
		isGone    bool
	}{
		"it is taken off":                 {has: []string{ours}},
		"that of another stays":           {has: []string{theirs, ours}, want: []string{theirs}},
		"it wasn't there":                 {has: []string{theirs}, want: []string{theirs}},
		"the last one lets the object go": {deleted: true, has: []string{ours}, isGone: true},
		"one of two doesn't":              {deleted: true, has: []string{ours, theirs}, want: []string{theirs}},
	} {
		t.Run(name, func(t *testing.T) {
			read := given(t, test.has...)
			if test.deleted {
				read = givenDeleted(t, test.has...)
			}
			if err := New(server, read.DeepCopy()).Release(t.Context(), ours, InKubernetes{}); err != nil {
				t.Fatal(err)
			}
			got := &v1alpha1.NetworkLoadBalancer{}
			err := server.Get(t.Context(), client.ObjectKeyFromObject(read), got)
			if apierrors.IsNotFound(err) != test.isGone {
				t.Fatalf("gone: %v", err)
			}
			if diff := cmp.Diff(test.want, got.Finalizers); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}

	t.Run("the object is gone already", func(t *testing.T) {
		read := givenDeleted(t, ours)
		o, other := New(server, read.DeepCopy()), New(server, read.DeepCopy())
		if err := other.Release(t.Context(), ours, InKubernetes{}); err != nil {
			t.Fatal(err)
		}
		if err := o.Release(t.Context(), ours, InKubernetes{}); err != nil {
			t.Error(err)
		}
	})
}

// What the round has changed besides isn't written with the finalizers, and
// isn't taken for written.
func TestTheFinalizersAreWrittenAlone(t *testing.T) {
	for name, test := range map[string]struct {
		has, want []string
		by        func(*object, context.Context) error
	}{
		"Hold":    {nil, []string{ours}, func(o *object, ctx context.Context) error { return o.Hold(ctx, ours) }},
		"Release": {[]string{theirs, ours}, []string{theirs}, func(o *object, ctx context.Context) error { return o.Release(ctx, ours, InKubernetes{}) }},
	} {
		t.Run(name, func(t *testing.T) {
			read := given(t, test.has...)
			o := New(server, read.DeepCopy())
			o.Now.Labels, o.Now.Spec.Description = map[string]string{"team": "shop"}, "of the round"
			o.Now.Status.Zone, o.Now.Status.State = "ch-gva-2", "running"
			if err := test.by(o, t.Context()); err != nil {
				t.Fatal(err)
			}
			want := read.DeepCopy()
			want.Finalizers = test.want
			ignored := cmpopts.IgnoreFields(metav1.ObjectMeta{}, "ResourceVersion", "ManagedFields")
			if diff := cmp.Diff(want, stored(t, read), ignored); diff != "" {
				t.Errorf("stored (-want +got)\n%s", diff)
			}
			if o.Now.Spec.Description != "of the round" || o.Now.Status.Zone != "ch-gva-2" {
				t.Errorf("what the round changed is lost: %+v", o.Now)
			}
			if err := o.Status(t.Context()); err != nil {
				t.Fatal(err)
			}
			want.Status = o.Now.Status
			if diff := cmp.Diff(want, stored(t, read), ignored); diff != "" {
				t.Errorf("stored with the status (-want +got)\n%s", diff)
			}
		})
	}
}

// Whatever is decided on a stale object isn't begun.
func TestStaleObjects(t *testing.T) {
	label := func(o *v1alpha1.NetworkLoadBalancer) { o.Labels = map[string]string{"team": "shop"} }
	spec := func(o *v1alpha1.NetworkLoadBalancer) { o.Spec.Description = "theirs" }
	record := func(o *v1alpha1.NetworkLoadBalancer) { o.Status.State = "theirs" }
	for name, test := range map[string]struct {
		meanwhile func(*v1alpha1.NetworkLoadBalancer)
		by        func(*object, context.Context) error
		conflict  bool
	}{
		"Hold after a label":                {label, func(o *object, ctx context.Context) error { return o.Hold(ctx, ours) }, true},
		"Release after a change":            {spec, func(o *object, ctx context.Context) error { return o.Release(ctx, theirs, InKubernetes{}) }, true},
		"Status after a change":             {spec, status, true},
		"Status after a status":             {record, status, true},
		"Intent after a change":             {spec, intent, true},
		"Intent after a label":              {label, intent, true},
		"Intent after a status":             {record, intent, true},
		"StatusAnyway after a change":       {spec, statusAnyway, false},
		"StatusAnyway after another status": {record, statusAnyway, false},
	} {
		t.Run(name, func(t *testing.T) {
			read := given(t, theirs)
			o := New(server, read.DeepCopy())
			meanwhile(t, read, test.meanwhile)
			before := stored(t, read)

			o.Now.Status.ID = "ours"
			err := test.by(o, t.Context())
			if apierrors.IsConflict(err) != test.conflict || err != nil && !test.conflict {
				t.Fatalf("err %v, want a conflict: %t", err, test.conflict)
			}
			want := before.DeepCopy()
			if !test.conflict {
				want.Status.ID = "ours"
			}
			// What they wrote stays, and of us there is nothing, or only our own.
			if diff := cmp.Diff(want, stored(t, read), cmpopts.IgnoreFields(metav1.ObjectMeta{}, "ResourceVersion", "ManagedFields")); diff != "" {
				t.Errorf("stored (-want +got)\n%s", diff)
			}
		})
	}
}

func TestWhatNeedsNoWrite(t *testing.T) {
	for name, by := range map[string]write{"Status": status, "StatusAnyway": statusAnyway} {
		t.Run(name+" of a status that doesn't differ asks nobody", func(t *testing.T) {
			read := given(t)
			o := New(server, read.DeepCopy())
			meanwhile(t, read, func(o *v1alpha1.NetworkLoadBalancer) { o.Spec.Description = "theirs" })
			if err := by(o, t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("Intent asks although nothing differs, and writes nothing", func(t *testing.T) {
		read := given(t)
		// The first write stores the default of the status.
		meanwhile(t, read, func(o *v1alpha1.NetworkLoadBalancer) { o.Status.Zone = "ch-gva-2" })
		read = stored(t, read)
		if err := New(server, read.DeepCopy()).Intent(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := stored(t, read); got.ResourceVersion != read.ResourceVersion {
			t.Error("it is stored anew")
		}
	})
	t.Run("so that of two who read the same, and have nothing to write, the stale one hears of it", func(t *testing.T) {
		read := given(t)
		o := New(server, read.DeepCopy())
		meanwhile(t, read, func(o *v1alpha1.NetworkLoadBalancer) { o.Spec.Description = "theirs" })
		if err := o.Intent(t.Context()); !apierrors.IsConflict(err) {
			t.Errorf("err %v", err)
		}
	})
}

func TestAnObjectThatIsGone(t *testing.T) {
	for name, by := range map[string]write{"Status": status, "Intent": intent, "StatusAnyway": statusAnyway} {
		t.Run(name, func(t *testing.T) {
			read := given(t)
			o := New(server, read.DeepCopy())
			if err := server.Delete(t.Context(), read); err != nil {
				t.Fatal(err)
			}
			o.Now.Status.ID = "ours"
			if err := by(o, t.Context()); !apierrors.IsNotFound(err) {
				t.Errorf("err %v", err)
			}
		})
	}
}

// A round writes several times; each write begins where the one before ended.
func TestARound(t *testing.T) {
	ctx := t.Context()
	read := given(t)
	o := New(server, read.DeepCopy())
	steps := []struct {
		name string
		do   func() error
	}{
		{"claim", func() error { return o.Hold(ctx, ours) }},
		{"intent", func() error {
			o.Now.Status.Zone = "ch-gva-2"
			o.Now.Status.Operation = &v1alpha1.Operation{Action: v1alpha1.ActionCreate, Name: "edge", StartedAt: metav1.Now().Rfc3339Copy()}
			return o.Intent(ctx)
		}},
		{"id of the operation", func() error {
			// In between somebody edits the object: the id must get through all the same.
			meanwhile(t, read, func(o *v1alpha1.NetworkLoadBalancer) { o.Spec.Description = "theirs" })
			o.Now.Status.Operation.ID, o.Now.Status.ID = "op", "id"
			return o.StatusAnyway(ctx)
		}},
		{"conditions", func() error {
			o.Now.Status.ObservedGeneration = o.Now.Generation
			return o.Status(ctx)
		}},
	}
	for _, step := range steps {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if diff := cmp.Diff(o.Now.Status, stored(t, read).Status); diff != "" {
			t.Errorf("after the %s, in hand and stored differ (-hand +stored)\n%s", step.name, diff)
		}
	}
	got := stored(t, read)
	if got.Spec.Description != "theirs" {
		t.Error("the edit in between is lost")
	}
	if got.Status.ObservedGeneration == got.Generation {
		t.Error("the status claims to be about the edit, which the round hasn't seen")
	}
	if diff := cmp.Diff(read, o.Before); diff != "" {
		t.Errorf("Before has changed\n%s", diff)
	}

	t.Run("taking the operation out of the status is a difference too", func(t *testing.T) {
		o := New(server, stored(t, read))
		o.Now.Status.Operation = nil
		if err := o.Status(ctx); err != nil {
			t.Fatal(err)
		}
		if got := stored(t, read).Status; got.Operation != nil || got.ID != "id" {
			t.Errorf("stored: %+v", got)
		}
	})
}
