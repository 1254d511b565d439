package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/test/exosim"
	"github.com/exoscale-community/nlb-operator/test/invariants"
	"github.com/exoscale-community/nlb-operator/test/world"
)

const (
	operationDelay = 30 * time.Millisecond
	pollInterval   = 20 * time.Millisecond
	syncPeriod     = 300 * time.Millisecond
	// hurry makes the hour after which a refused pool is tried again ten seconds, and
	// the two minutes after which a lost answer is given up on a moment. Where a
	// write takes effect late, it may not be given up on before.
	hurry       = 360
	hurryIfLate = 30
	// patience is for a run on a busy machine; most take some seconds.
	patience = 4 * time.Minute
	// atRest is how long nothing may be written at the end of a run, and
	// longAtRest at the end of an undisturbed one: an object at rest is looked at
	// again after ten sync periods.
	atRest     = 2*syncPeriod + syncPeriod/2
	longAtRest = 12 * syncPeriod
)

// result of a run.
type result struct {
	// reached tells that the disturbance has come to pass: some writes aren't
	// needed each time.
	reached bool
	trace   trace
	took    time.Duration
	err     error
}

// run tells a story to its end; p is nil if nothing is to happen.
func (h *harness) run(ctx context.Context, sc scenario, p *point, undisturbed trace) (out result) {
	started := time.Now()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	nodes := fleet{members: members, labels: sharedNodes}
	if p != nil && p.ownFleet {
		nodes = fleet{}
	}
	st, err := h.newStory(ctx, sc, nodes)
	if err != nil {
		return result{err: err}
	}
	defer func() {
		out.err = errors.Join(out.err, st.close())
		out.took = time.Since(started)
	}()
	if p != nil && p.ownFleet {
		if err := st.identify(); err != nil {
			return result{err: fmt.Errorf("identifying the Nodes: %w", err)}
		}
	}
	st.lags = p != nil && p.lags
	out.reached, out.trace, out.err = st.tell(p)
	if p != nil && out.err == nil {
		most := sc.most
		if most == nil {
			most = granted(undisturbed.calls)
		}
		out.err = askedTooOften(most, out.trace, p.again)
	}
	return out
}

func (st *story) tell(p *point) (reached bool, did trace, err error) {
	if err := st.begin(); err != nil {
		return false, did, fmt.Errorf("before the user acts: %w", err)
	}
	writes, calls := len(st.gate.Writes()), len(st.cloud.MutatingCalls())
	if p != nil {
		p.strike(st)
	}
	if err := st.act(); err != nil {
		return false, did, fmt.Errorf("the user acts: %w", err)
	}
	rest := atRest
	if p == nil {
		rest = longAtRest
	}
	err = st.converge(st.scenario.left, rest)
	did.writes = st.gate.Writes()[writes:]
	if p != nil && p.kills {
		if reached = st.dead(); !reached && err != nil {
			return false, did, err
		}
		err = st.again()
	}
	did.calls = st.cloud.MutatingCalls()[calls:]
	if p != nil && !p.kills {
		reached = st.cloud.FaultHits() > 0
	}
	return reached, did, err
}

// begin tells what there was before the user acts.
func (st *story) begin() error {
	if st.scenario.given != nil {
		if err := st.scenario.given(st); err != nil {
			return err
		}
	}
	if err := st.open(); err != nil || st.scenario.settled == nil {
		return err
	}
	if err := st.launch(); err != nil {
		return err
	}
	if err := st.converge(st.scenario.settled, atRest); err != nil {
		return err
	}
	return st.remember()
}

// remember notes our NLB as it is, if there is one.
func (st *story) remember() error {
	object := &v1alpha1.NetworkLoadBalancer{}
	if err := st.client.Get(st.ctx, st.key("web"), object); err != nil {
		return client.IgnoreNotFound(err)
	}
	if object.Spec.ManagementPolicy != v1alpha1.External {
		st.before, _ = st.cloud.LoadBalancer(object.Status.ID)
	}
	return nil
}

// act is what the user does.
func (st *story) act() error {
	if err := st.scenario.act(st); err != nil {
		return err
	}
	if st.scenario.settled == nil {
		if err := st.launch(); err != nil {
			return err
		}
	}
	if st.scenario.meanwhile == nil {
		return nil
	}
	for len(st.cloud.PendingOperations()) == 0 && !st.dead() {
		select {
		case <-st.ctx.Done():
			return st.ctx.Err()
		case <-time.After(2 * time.Millisecond):
		}
	}
	return st.scenario.meanwhile(st)
}

// again is another operator after the first one's death, which is at rest if it
// hasn't come before.
func (st *story) again() error {
	first := st.gate
	first.Kill()
	if err := st.open(); err != nil {
		return err
	}
	if err := st.launch(); err != nil {
		return err
	}
	first.Close()
	return st.converge(st.scenario.left, atRest)
}

func (st *story) open() (err error) {
	if st.gate, err = world.NewGate(st.cloud.Cloud); err == nil {
		st.gates = append(st.gates, st.gate)
	}
	return err
}

func (st *story) launch() error {
	operator, err := world.RunBehind(st.ctx, st.gate, st.cluster.Config(), st.cloud, func(o *app.Options) {
		o.ClusterID, o.WatchNamespaces = clusterID, []string{st.namespace}
		o.RateLimit, o.SyncPeriod, o.PollInterval = 1000, syncPeriod, pollInterval
		if o.Clock = world.Hurried(hurry); st.lags {
			o.Clock = world.Hurried(hurryIfLate)
		}
		o.NodeLabels = st.fleet.labels
		o.ClaimClasslessServices = st.scenario.classless
		o.SkipNameValidation = true
		o.Log = st.log.WithName(st.namespace)
	})
	if err == nil {
		st.operators = append(st.operators, operator)
	}
	return err
}

func (st *story) dead() bool {
	select {
	case <-st.gate.Killed():
		return true
	default:
		return false
	}
}

// converge waits for what is wanted, or until the operator is killed.
func (st *story) converge(want wanting, rest time.Duration) error {
	ctx, cancel := context.WithCancel(st.ctx)
	defer cancel()
	go func() {
		select {
		case <-st.gate.Killed():
			cancel()
		case <-ctx.Done():
		}
	}()
	there := invariants.World{Client: st.client, Cloud: st.cloud.Cloud, Namespaces: []string{st.namespace}, ClusterID: clusterID}
	return invariants.Converges(ctx, there, func(seen invariants.Seen) (invariants.Want, error) { return want(st, seen) },
		invariants.Rest{Writes: st.writes, For: rest})
}

func (st *story) writes() []string {
	var all []string
	for _, write := range st.gate.Writes() {
		all = append(all, write.String())
	}
	return all
}

func (st *story) close() error {
	for _, gate := range st.gates {
		gate.Close()
	}
	for _, operator := range st.operators {
		_ = operator.Stop() // it was cut off, and says so
	}
	return st.cloud.Stop()
}

// The calls that make something that may not be made twice.
const (
	createLoadBalancer = "create-load-balancer"
	addService         = "add-service-to-load-balancer"
)

// askedTooOften tells of NLBs and services that were made besides those that
// are to be, even if they are gone again.
func askedTooOften(most map[string]int, did trace, again int) error {
	made := granted(did.calls)
	for _, operation := range []string{createLoadBalancer, addService} {
		if made[operation] > most[operation]+again {
			return fmt.Errorf("%s was granted %d times, and %d do", operation, made[operation], most[operation])
		}
	}
	return nil
}

// granted counts the changes that the cloud has begun, by operation.
func granted(calls []exosim.Call) map[string]int {
	count := map[string]int{}
	for _, call := range calls {
		if call.Status == http.StatusOK {
			count[call.Operation]++
		}
	}
	return count
}
