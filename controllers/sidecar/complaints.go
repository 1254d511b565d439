package sidecar

import (
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"
)

// quiet is how long nothing is told after a complaint: strangers don't fill the log.
const quiet = time.Minute

// complaints are what an http.Server says of those who connect, above all that
// somebody isn't believed: an API server, or one who isn't.
type complaints struct {
	log   logr.Logger
	clock clock.PassiveClock

	mu     sync.Mutex
	told   time.Time
	untold int
}

// Write implements io.Writer.
func (c *complaints) Write(line []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.told.IsZero() && c.clock.Since(c.told) < quiet {
		c.untold++
		return len(line), nil
	}
	c.log.Info("A connection to the webhook came to nothing", "reason", strings.TrimSpace(string(line)), "othersSinceTheLast", c.untold)
	c.told, c.untold = c.clock.Now(), 0
	return len(line), nil
}
