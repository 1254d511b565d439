package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/go-logr/zapr"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/test/world"
)

// life is that of the operator of one run: it dies, and is started again.
type life struct {
	*run
	gate     *world.Gate
	operator *world.Operator
	// awake once the operator has asked the cloud. Before, it has done nothing, and
	// fills its caches: killed then, it would never end.
	awake *atomic.Bool
	log   *os.File
	// deadFor is how many more steps it stays dead.
	deadFor int
	// doomed: it is to be killed by one of its writes.
	doomed bool
	// ledgers are the Events of the operators so far.
	ledgers []*ledger
	// past counts the writes of the operators before.
	past int
}

// start runs a new operator, behind a gate of its own.
func (l *life) start(ctx context.Context) error {
	awake := &atomic.Bool{}
	gate, err := world.NewGate(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		awake.Store(true)
		l.cloud.ServeHTTP(w, r)
	}))
	if err != nil {
		return err
	}
	log, err := l.logger()
	if err != nil {
		return err
	}
	events, config := newLedger(), rest.CopyConfig(l.config)
	config.ContentType = "application/json" // so that what passes can be read
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return noting{next, events} })
	l.ledgers = append(l.ledgers, events)
	operator, err := world.RunBehind(ctx, gate, config, l.cloud, func(options *app.Options) {
		options.ClusterID, options.WatchNamespaces = l.ns, []string{l.ns}
		options.NodeLabels = l.nodeLabels()
		options.AllowedPools = []string{poolB}
		options.AllowedTargetPorts = []string{"1-65535"} // the histories number what they ask for
		options.RateLimit, options.SyncPeriod, options.PollInterval = 1000, l.settings.sync, 20*time.Millisecond
		options.Metrics = events.counters
		options.SkipNameValidation, options.Clock = true, hasty{since: l.began}
		if log != nil {
			options.Log = zapr.NewLogger(log)
		}
	})
	if err != nil {
		gate.Kill()
		return err
	}
	l.gate, l.operator, l.awake, l.doomed = gate, operator, awake, false
	return nil
}

// logger writes to a file, if anybody wants to know.
func (l *life) logger() (*zap.Logger, error) {
	if l.settings.log == "" {
		return nil, nil
	}
	if l.log == nil {
		var err error
		// Dead operators may still write to it, so that it is never closed.
		if l.log, err = os.Create(filepath.Join(l.settings.log, strconv.FormatUint(l.seed, 10)+".log")); err != nil {
			return nil, err
		}
	}
	encoder := zap.NewDevelopmentEncoderConfig()
	encoder.EncodeTime = func(t time.Time, to zapcore.PrimitiveArrayEncoder) {
		to.AppendString(strconv.FormatInt(t.Sub(l.began).Milliseconds(), 10) + "ms")
	}
	return zap.New(zapcore.NewCore(zapcore.NewConsoleEncoder(encoder), zapcore.Lock(l.log), zap.DebugLevel)), nil
}

// step does something to the operator.
func (l *life) step() error {
	choice := l.chance.IntN(3)
	if l.operator == nil || !l.awake.Load() {
		return nil
	}
	switch choice {
	case 0:
		l.tell("the operator is killed")
		l.deadFor = l.chance.IntN(4)
		l.bury()
	case 1:
		moment := []world.Moment{world.Before, world.After}[l.chance.IntN(2)]
		k := 1 + l.chance.IntN(8)
		l.tell("the operator is to be killed %s its write %d from now", moment, k)
		l.deadFor = l.chance.IntN(4)
		l.gate.KillAt(k, moment)
		l.doomed = true
	case 2:
		l.tell("the operator is stopped and started again")
		if err := l.operator.Stop(); err != nil {
			return err
		}
		l.deadFor = 0
		l.bury()
	}
	return nil
}

// bury ends what is left of the operator.
func (l *life) bury() {
	if l.operator == nil {
		return
	}
	if !l.awake.Load() {
		_ = l.operator.Stop()
	}
	// Nothing of it gets through from here on; how long it takes to notice is its
	// own affair.
	l.gate.Kill()
	l.past += len(l.gate.Writes())
	l.tallies.Writes = l.past
	l.operator = nil
}

// tick starts a dead operator again when its time has come.
func (l *life) tick(ctx context.Context) error {
	if l.operator != nil {
		select {
		case <-l.gate.Killed():
			l.tell("the operator was killed by its write")
			l.bury()
		default:
			return nil
		}
	}
	if l.deadFor > 0 {
		l.deadFor--
		return nil
	}
	l.tell("the operator is started")
	l.tallies.Restarts++
	return l.start(ctx)
}

// revive sees to it that an operator runs and that nobody plans to kill it.
func (l *life) revive(ctx context.Context) error {
	l.deadFor = 0
	// Each other operator goes on with what it remembers.
	if l.operator != nil && l.chance.IntN(2) == 0 && !l.doomed && !l.silenced {
		return nil
	}
	l.bury()
	return l.tick(ctx)
}

// end of the run.
func (l *life) end() {
	l.bury()
}

// hasEnded tells whether an operator that should run has ended by itself.
func (l *life) hasEnded() bool {
	select {
	case <-l.operator.Ended():
		return true
	default:
		return false
	}
}

// writes of the operator that runs, so far.
func (l *life) writes() int { return len(l.gate.Writes()) }

func (l *life) writesSince(count int) []string {
	var texts []string
	for _, write := range l.gate.Writes()[count:] {
		texts = append(texts, write.String())
	}
	return texts
}

// hasty is the operators' clock: ten times as fast as the cloud's, so that nobody
// waits for the two minutes in which a lost answer may turn out to have had its
// effect. The simulated cloud shows every effect within a fraction of a second.
type hasty struct {
	clock.RealClock
	since time.Time
}

const haste = 10

// Now implements clock.PassiveClock.
func (h hasty) Now() time.Time { return h.since.Add(haste * time.Since(h.since)) }

// Since implements clock.PassiveClock.
func (h hasty) Since(t time.Time) time.Duration { return h.Now().Sub(t) }
