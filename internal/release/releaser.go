package release

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/exoscale-community/nlb-operator/internal/exoscale"
)

// atOnce is how many NLBs are changed at a time.
const atOnce = 8

// Releaser lets go of what is held. It is used once.
type Releaser struct {
	Options
	freed  map[types.UID]bool
	fates  map[types.UID]string
	failed map[types.UID]step   // blocked by what came of a change
	done   map[types.UID]string // the fate that a change has led to
	waits  string               // what was told last
}

// New makes a Releaser.
func New(options Options) *Releaser {
	return &Releaser{Options: options, freed: map[types.UID]bool{}, fates: map[types.UID]string{}, failed: map[types.UID]step{}, done: map[types.UID]string{}}
}

// Plan tells of each object what would become of it, and changes nothing. It fails
// if something stands against any of them.
func (r *Releaser) Plan(ctx context.Context) error {
	steps, err := r.survey(ctx)
	if err != nil {
		return err
	}
	var left []step
	for _, s := range steps {
		if s.verdict == blocked {
			left = append(left, s)
			continue
		}
		fmt.Fprintf(r.Out, "%s: %s.\n", s.name, cmp.Or(s.fate, s.reason))
	}
	return stay(left)
}

// Run lets go of all objects, each as soon as nothing stands against it. It returns
// once nothing more can be done, and fails if any is still held; it may be repeated.
// ctx bounds how long is waited for Exoscale.
func (r *Releaser) Run(ctx context.Context) error {
	for {
		steps, err := r.survey(ctx)
		if err != nil {
			return err
		}
		for i, s := range steps {
			if failed, is := r.failed[s.object.GetUID()]; is && s.verdict == change {
				steps[i] = failed
			}
			r.remember(s)
		}
		moved, err := r.round(ctx, steps)
		switch {
		case err != nil:
			return err
		case moved:
			continue
		}
		left := held(steps)
		if !slices.ContainsFunc(left, func(s step) bool { return s.verdict == wait && !s.behind }) {
			return stay(left)
		}
		r.tellOfWaiting(left)
		if r.pause(ctx) != nil {
			return stay(left)
		}
		r.lookAgain(left)
	}
}

// remember what becomes of an object: once its part is gone, what it was tells more.
func (r *Releaser) remember(s step) {
	if uid := s.object.GetUID(); s.fate != "" && (!s.over || r.fates[uid] == "") {
		r.fates[uid] = s.fate
	}
}

// round makes what changes can be made, one for each NLB, and frees what is free.
func (r *Releaser) round(ctx context.Context, steps []step) (moved bool, err error) {
	busy := map[exoscale.Key]bool{}
	var changes []int
	unseen := false
	for i, s := range steps {
		if s.verdict == change && !busy[s.key] {
			busy[s.key] = true
			changes = append(changes, i)
			unseen = unseen || r.done[s.object.GetUID()] == s.fate
		}
	}
	if unseen { // Exoscale may show later what it has done
		_ = r.pause(ctx)
	}
	results := r.performAll(ctx, steps, changes)
	for n, i := range changes {
		if results[n] == nil {
			moved, r.done[steps[i].object.GetUID()] = true, steps[i].fate
			continue
		}
		steps[i] = steps[i].after(results[n])
		if steps[i].verdict == blocked {
			r.failed[steps[i].object.GetUID()] = steps[i]
			moved = true // others of the same NLB may still be changed
		}
	}
	for i, s := range steps {
		if s.verdict != free {
			continue
		}
		switch err := r.free(ctx, s); {
		case apierrors.IsConflict(err):
			steps[i] = s.waiting("somebody else writes it: " + err.Error())
		case err != nil:
			return moved, err
		default:
			moved = true
			r.freed[s.object.GetUID()] = true
			fmt.Fprintf(r.Out, "%s is free: %s.\n", s.name, r.fates[s.object.GetUID()])
		}
	}
	return moved, nil
}

// performAll makes changes of several NLBs at once.
func (r *Releaser) performAll(ctx context.Context, steps []step, which []int) []error {
	results := make([]error, len(which))
	slots := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for n, i := range which {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			results[n] = r.perform(ctx, steps[i])
		})
	}
	all.Wait()
	return results
}

// lookAgain has what is waited for read anew.
func (r *Releaser) lookAgain(steps []step) {
	for _, s := range steps {
		if s.verdict == wait && r.Inventory != nil && s.key.Zone != "" {
			r.Inventory.Invalidate(s.key)
		}
	}
}

// tellOfWaiting says what is waited for at Exoscale, once.
func (r *Releaser) tellOfWaiting(steps []step) {
	outside := slices.DeleteFunc(slices.Clone(steps), func(s step) bool { return s.verdict != wait || s.behind })
	if text := strings.Join(reasons(outside), "\n"); text != r.waits {
		r.waits = text
		fmt.Fprintf(r.Out, "Waiting:\n%s\n", text)
	}
}

// held are those that are still held.
func held(steps []step) []step {
	return slices.DeleteFunc(slices.Clone(steps), func(s step) bool { return s.verdict == free })
}

// stay is the error that tells which objects stay held, and why; nil if none does.
func stay(steps []step) error {
	if len(steps) == 0 {
		return nil
	}
	return fmt.Errorf("%s still held:\n%s", count(len(steps)), strings.Join(reasons(steps), "\n"))
}

// reasons are why objects are held, each with those that it holds.
func reasons(steps []step) []string {
	why := map[string][]string{}
	for _, s := range steps {
		why[s.reason] = append(why[s.reason], s.name)
	}
	lines := make([]string, 0, len(why))
	for reason, names := range why {
		lines = append(lines, strings.Join(names, ", ")+": "+reason)
	}
	slices.Sort(lines)
	return lines
}

func count(objects int) string {
	if objects == 1 {
		return "1 object is"
	}
	return fmt.Sprintf("%d objects are", objects)
}
