package udptraffic

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/exoscale-community/nlb-operator/test/sidecar"
)

// pod is an application with its sidecar.
type pod struct {
	name        string
	node        *node
	application *sidecar.Application
	sidecar     *sidecar.Process
	// readiness is what the kubelet probes.
	readiness func() bool

	ready, terminating atomic.Bool
}

// readinessPeriod of the kubelet: it is one that a test has the time for.
const readinessPeriod = 20 * time.Millisecond

// probe does what a kubelet does until a Pod is gone; it probes the readiness of
// terminating Pods, too.
func (p *pod) probe(gone <-chan struct{}) {
	ticker := time.NewTicker(readinessPeriod)
	defer ticker.Stop()
	for {
		p.ready.Store(p.readiness())
		select {
		case <-ticker.C:
		case <-gone:
			return
		}
	}
}

// isReady asks the sidecar as the readiness probe of the injected container does.
func (p *pod) isReady() bool {
	code, _, err := p.sidecar.Get("/readyz")
	return err == nil && code == http.StatusOK
}

// end does what happens when a Pod is deleted: the preStop hooks run at once, and
// the application gets its signal after its own; the sidecar ends last.
func (c *cluster) end(p *pod, preStopOfApplication func()) {
	c.t.Helper()
	p.terminating.Store(true)
	if err := p.sidecar.Drain(); err != nil {
		c.t.Error(err)
	}
	preStopOfApplication()
	p.application.Crash()
	if code := p.sidecar.Terminate(); code != 0 {
		c.t.Errorf("the sidecar of %s ended with %d", p.name, code)
	}
	c.forget(p)
}
