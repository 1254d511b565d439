package world

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Moment is when an operator is killed, by one of its writes.
type Moment string

// Before nothing of the write has got through; After it has taken effect, and
// its answer is lost. During it is on its way, and takes effect some time later,
// when another operator may be at work.
const (
	Before Moment = "before"
	During Moment = "during"
	After  Moment = "after"
)

// Late is how long after the death of the operator a write of During takes
// effect: another one has started then, and looked.
const Late = 2 * time.Second

// Write is a request of an operator that changes something, whatever was
// answered. Events and leases aren't counted.
type Write struct {
	// Cloud tells the two servers apart.
	Cloud  bool
	Method string
	Path   string
}

func (w Write) String() string {
	server := "cluster"
	if w.Cloud {
		server = "cloud"
	}
	return fmt.Sprintf("%s %s %s", server, w.Method, w.Path)
}

// Gate is all that one operator has of the world: what it asks of the API
// server and of the cloud passes through it, and is counted. Kill shuts it, and
// then the operator is as good as dead: nothing of it gets through any more and
// it hears nothing, so that it can't say goodbye. Each operator needs a gate of
// its own; see RunBehind.
type Gate struct {
	// URL is where the cloud is served through the gate: scheme and host.
	URL string

	cloud  http.Handler
	server *http.Server
	served chan struct{}
	dead   context.Context
	die    context.CancelFunc

	late sync.WaitGroup // writes of During

	// passage is held while a write passes: shared, or alone if a kill is planned.
	passage sync.RWMutex

	mu     sync.Mutex
	writes []Write
	plan   plan
}

// plan of a kill: by the write of that number, from 1; 0: none.
type plan struct {
	at     int
	moment Moment
}

// NewGate opens a gate to a cloud, until Kill. It fails on a machine without
// loopback.
func NewGate(cloud http.Handler) (*Gate, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	g := &Gate{URL: "http://" + listener.Addr().String(), cloud: cloud, served: make(chan struct{})}
	g.dead, g.die = context.WithCancel(context.Background())
	g.server = &http.Server{Handler: http.HandlerFunc(g.serveCloud), ReadHeaderTimeout: time.Minute}
	context.AfterFunc(g.dead, func() { _ = g.server.Close() })
	go func() {
		defer close(g.served)
		_ = g.server.Serve(listener) // returns when it is closed
	}()
	return g, nil
}

// KillAt plans to kill the operator by its k-th write from now on. Until then
// writes pass one at a time, so that those before have taken effect, and no
// others.
func (g *Gate) KillAt(k int, moment Moment) {
	g.passage.Lock()
	defer g.passage.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.plan = plan{at: len(g.writes) + k, moment: moment}
}

// Kill shuts the gate. When it returns, what was on its way has taken effect or
// never will, but for a write of During, on which Close waits.
func (g *Gate) Kill() {
	g.die()
	g.passage.Lock()
	g.passage.Unlock() //nolint:staticcheck // it was only to wait for what passes
	<-g.served
}

// Close is Kill, and the end of all that the gate does.
func (g *Gate) Close() {
	g.Kill()
	g.late.Wait()
}

// Killed is closed once the gate is shut.
func (g *Gate) Killed() <-chan struct{} { return g.dead.Done() }

// Writes are those so far, in order; that of Before is among them.
func (g *Gate) Writes() []Write {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.writes)
}

// errDead is what a dead operator is answered.
var errDead = errors.New("the operator is dead")

// pass has a write sent, unless the operator is dead or is to die before. It
// tells whether the operator may hear the answer.
func (g *Gate) pass(write Write, send func()) bool {
	defer g.enter()()
	if g.dead.Err() != nil {
		return false
	}
	moment := g.count(write)
	switch moment {
	case Before:
		g.die()
		return false
	case During:
		g.die()
		g.late.Go(func() {
			time.Sleep(Late)
			send()
		})
		return false
	case After:
		defer g.die()
	}
	send()
	return moment == "" && g.dead.Err() == nil
}

// enter waits until a write may pass; leave lets others.
func (g *Gate) enter() (leave func()) {
	if g.planned() {
		g.passage.Lock()
		return g.passage.Unlock
	}
	g.passage.RLock()
	return g.passage.RUnlock
}

func (g *Gate) planned() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.plan.at > 0
}

// count a write, and tell when it kills, if it does.
func (g *Gate) count(write Write) Moment {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.writes = append(g.writes, write)
	if len(g.writes) == g.plan.at {
		return g.plan.moment
	}
	return ""
}
