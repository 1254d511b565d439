package exosim

import (
	"encoding/json"
	"maps"
	"net/http"
	"sync"
	"time"
)

// maxJournal bounds the journal of mutating calls; the oldest are dropped.
const maxJournal = 10000

// Calls counts the calls of the API since the start or the last reset. Every
// call of a simulated operation counts, whatever became of it.
type Calls struct {
	// Reads and Writes are totals.
	Reads  int `json:"reads"`
	Writes int `json:"writes"`
	// Operations counts by operationId, Zones by zone and operationId.
	Operations map[string]int            `json:"operations"`
	Zones      map[string]map[string]int `json:"zones"`
}

// Call is a mutating call.
type Call struct {
	At        time.Time       `json:"at"`
	Zone      string          `json:"zone"`
	Operation string          `json:"operation"`
	Method    string          `json:"method"`
	Path      string          `json:"path"`
	Body      json.RawMessage `json:"body,omitempty"`
	// Status that the call was answered with, or would have been if its reply
	// hadn't been lost; 0 while it is under way or if it was cut off before.
	Status int `json:"status"`
}

// callBook counts calls. It is safe for concurrent use.
type callBook struct {
	mu      sync.Mutex
	counts  Calls
	journal []*Call
}

func newCallBook() *callBook {
	b := &callBook{}
	b.reset()
	return b
}

func (b *callBook) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts = Calls{Operations: map[string]int{}, Zones: map[string]map[string]int{}}
	b.journal = nil
}

func (b *callBook) enter(zone string, route route, r *http.Request) *Call {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts.Operations[route.operation]++
	if b.counts.Zones[zone] == nil {
		b.counts.Zones[zone] = map[string]int{}
	}
	b.counts.Zones[zone][route.operation]++
	entry := &Call{At: time.Now(), Zone: zone, Operation: route.operation, Method: r.Method, Path: r.URL.Path}
	if !route.writes() {
		b.counts.Reads++
		return entry
	}
	b.counts.Writes++
	b.journal = append(b.journal, entry)
	if len(b.journal) > maxJournal {
		b.journal = b.journal[1:]
	}
	return entry
}

func (b *callBook) body(entry *Call, body []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if json.Valid(body) {
		entry.Body = body
	}
}

func (b *callBook) leave(entry *Call, status int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	entry.Status = status
}

// Calls counts the calls since the start or the last reset.
func (c *Cloud) Calls() Calls {
	c.calls.mu.Lock()
	defer c.calls.mu.Unlock()
	counts := c.calls.counts
	counts.Operations = maps.Clone(counts.Operations)
	counts.Zones = map[string]map[string]int{}
	for zone, operations := range c.calls.counts.Zones {
		counts.Zones[zone] = maps.Clone(operations)
	}
	return counts
}

// MutatingCalls are the calls that change something, refused ones included, in
// the order of their arrival: the last 10,000 of them.
func (c *Cloud) MutatingCalls() []Call {
	c.calls.mu.Lock()
	defer c.calls.mu.Unlock()
	calls := make([]Call, 0, len(c.calls.journal))
	for _, entry := range c.calls.journal {
		calls = append(calls, *entry)
	}
	return calls
}

// ResetCalls starts counting anew.
func (c *Cloud) ResetCalls() { c.calls.reset() }
