package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/test/exosim"
	"github.com/exoscale-community/nlb-operator/test/world"
)

// run is one history.
type run struct {
	*stage
	seed     uint64
	settings settings
	chance   *rand.Rand
	ns       string
	cloud    *world.Cloud
	life     *life
	wishes   *wishes
	estate   *estate
	// handsOnNames: foreign hands also touch what things are recognised by. Then
	// nothing else that recognises them is lost.
	handsOnNames bool
	// silenced: Exoscale asked for an hour's patience, which only a new operator
	// doesn't know of.
	silenced bool
	// cascades: an NLB is deleted with its services.
	cascades bool
	// nodesChange: the Nodes of both pools have joined, and are cordoned by turns.
	nodesChange bool
	nodesOf     map[string][]exosim.Instance
	// mistaken are the NLBs that were made in another organization.
	mistaken   []string
	lastNumber int32

	faults  []func() // each takes one away
	began   time.Time
	story   []string
	tallies tallies
}

// settings of all runs.
type settings struct {
	steps    int
	patience time.Duration
	sync     time.Duration
	log      string
}

// tallies of what happened.
type tallies struct {
	Steps, Restarts, Faults, Hands, Writes int
	// Events that the operators asked for; Repeated ones and those Beyond the budget
	// weren't sent.
	Events, Repeated, Beyond int
}

func (t *tallies) add(other tallies) {
	t.Steps += other.Steps
	t.Restarts += other.Restarts
	t.Faults += other.Faults
	t.Hands += other.Hands
	t.Writes += other.Writes
	t.Events += other.Events
	t.Repeated += other.Repeated
	t.Beyond += other.Beyond
}

// storm reports whether the budget held back more of the Events than it may have to.
func (t *tallies) storm() bool { return t.Events >= 100 && t.Beyond > t.Events/10 }

// result of one run; it has failed if anything is broken.
type result struct {
	Seed    uint64
	Broken  []string
	Story   []string
	Tallies tallies
	Took    time.Duration
}

// live goes through the history of a seed. The error is one of the harness.
func (s *stage) live(ctx context.Context, seed uint64, settings settings) (got result, err error) {
	r := &run{
		stage: s, seed: seed, settings: settings, chance: rand.New(rand.NewPCG(seed, 0)), //nolint:gosec // chance that can be repeated
		wishes: newWishes(), began: time.Now(), nodesOf: map[string][]exosim.Instance{},
	}
	r.handsOnNames = r.chance.IntN(2) == 0
	defer func() {
		got = result{Seed: seed, Broken: got.Broken, Story: r.story, Tallies: r.tallies, Took: time.Since(r.began)}
	}()
	if err := r.begin(ctx); err != nil {
		return got, err
	}
	defer func() {
		r.life.end()
		err = errors.Join(err, r.cloud.Stop(), r.dropNodes(context.WithoutCancel(ctx)))
	}()
	for range settings.steps {
		if err := r.step(ctx); err != nil {
			return got, err
		}
	}
	if err := r.quieten(ctx); err != nil {
		return got, err
	}
	if got.Broken, err = r.converges(ctx, "as wished", r.judge); err != nil || len(got.Broken) > 0 {
		return got, err
	}
	if err := r.removeAll(ctx); err != nil {
		return got, err
	}
	if got.Broken, err = r.converges(ctx, "all deleted", r.judgeEnd); err != nil {
		return got, err
	}
	for _, events := range r.life.ledgers {
		got.Broken = append(got.Broken, events.stormy()...)
	}
	return got, r.countEvents()
}

// countEvents adds up what the operators asked for.
func (r *run) countEvents() error {
	for _, events := range r.life.ledgers {
		all, repeated, beyond, err := events.asked()
		if err != nil {
			return err
		}
		r.tallies.Events, r.tallies.Repeated, r.tallies.Beyond = r.tallies.Events+all, r.tallies.Repeated+repeated, r.tallies.Beyond+beyond
	}
	r.tell("%d Events were asked for, of which %d were repeated and %d beyond the budget", r.tallies.Events, r.tallies.Repeated, r.tallies.Beyond)
	return nil
}

// begin makes the namespace and the cloud of the history, and starts the operator.
func (r *run) begin(ctx context.Context) error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "chaos-"}}
	if err := r.client.Create(ctx, namespace); err != nil {
		return err
	}
	r.ns = namespace.Name
	delay := time.Duration(r.chance.IntN(40)) * time.Millisecond
	r.cascades = r.chance.IntN(2) == 0
	r.nodesChange = r.chance.IntN(2) == 0
	var err error
	r.cloud, err = world.ServeCloud(exosim.Options{OperationDelay: delay, CascadeDelete: r.cascades})
	if err != nil {
		return err
	}
	if err := r.settleNodes(ctx); err != nil {
		return err
	}
	r.settleEstate()
	r.life = &life{run: r}
	return r.life.start(ctx)
}

// step is one thing that somebody does, and a while.
func (r *run) step(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := r.life.tick(ctx); err != nil {
		return err
	}
	r.tallies.Steps++
	var err error
	switch n := r.chance.IntN(100); {
	case n < 6 && r.nodesChange:
		err = r.nodeStep(ctx)
	case n < 62:
		err = r.userStep(ctx)
	case n < 78:
		r.tallies.Hands++
		r.handStep()
	case n < 92:
		r.faultStep()
	default:
		err = r.life.step()
	}
	if err != nil {
		return err
	}
	return r.pause(ctx, time.Duration(r.chance.IntN(80))*time.Millisecond)
}

func (r *run) pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// tell adds a line to the story of the history.
func (r *run) tell(format string, args ...any) {
	r.story = append(r.story, fmt.Sprintf("%6dms  %s", time.Since(r.began).Milliseconds(), fmt.Sprintf(format, args...)))
}

// number is a target port or other number that nothing else has in this run.
func (r *run) number() int32 {
	r.lastNumber++
	return 20000 + r.lastNumber
}

// quieten takes the faults away and sees to it that the operator runs.
func (r *run) quieten(ctx context.Context) error {
	r.tell("the faults end, the hands rest")
	r.clearFaults()
	return errors.Join(r.restNodes(ctx), r.life.revive(ctx))
}

// converges waits until nothing is broken and nothing is written any more, and
// gives what is still broken when patience ends.
func (r *run) converges(ctx context.Context, what string, judge func(context.Context) ([]string, error)) ([]string, error) {
	const glance = 100 * time.Millisecond
	since := time.Now()
	for {
		if err := r.confirmMistakes(ctx); err != nil {
			return nil, err
		}
		writes := r.life.writes()
		broken, err := judge(ctx)
		if err != nil {
			return nil, err
		}
		if len(broken) == 0 {
			if err := r.pause(ctx, 2*r.settings.sync+glance); err != nil {
				return nil, err
			}
			if broken, err = judge(ctx); err != nil {
				return nil, err
			}
			if wrote := r.life.writesSince(writes); len(broken) == 0 && len(wrote) > 0 {
				broken = []string{"the operator keeps writing: " + strings.Join(wrote, ", ")}
			}
			if len(broken) == 0 {
				r.tell("%s: all is well", what)
				return nil, nil
			}
		}
		switch {
		case time.Since(since) > r.settings.patience:
			r.tell("%s: given up", what)
			return broken, nil
		case r.life.hasEnded():
			return append(broken, "the operator has ended"), nil
		}
		if err := r.pause(ctx, glance); err != nil {
			return nil, err
		}
	}
}
