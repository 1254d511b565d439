package dataplane

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// scriptedChecks answers the first probes as scripted (+ healthy, - not), and
// all later ones as the last. It notes in one sequence what was answered and
// what the plane then said of the backend: H and U.
type scriptedChecks struct {
	mu     sync.Mutex
	script string
	notes  bytes.Buffer
}

func (s *scriptedChecks) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer := s.script[0]
	if len(s.script) > 1 {
		s.script = s.script[1:]
		s.notes.WriteByte(answer)
	}
	if answer == '-' {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

// Write gets the plane's log.
func (s *scriptedChecks) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case strings.Contains(string(line), "backend is healthy"):
		s.notes.WriteByte('H')
	case strings.Contains(string(line), "backend is unhealthy"):
		s.notes.WriteByte('U')
	}
	return len(line), nil
}

func (s *scriptedChecks) noted() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.notes.String()
}

func TestABackendTurnsUnhealthyAfterRetriesFailuresInARow(t *testing.T) {
	tests := map[string]struct {
		retries      int
		script, want string // the last answer of the script repeats and isn't noted
	}{
		"one":                             {1, "+--++", "+H-U-+H"},
		"three":                           {3, "+----++", "+H---U-+H"},
		"two of three change nothing":     {3, "+--+--++", "+H--+--+"},
		"a new one needs only a success":  {3, "--+++", "--+H+"},
		"fails again only after as many":  {2, "+--+--++", "+H--U+H--U+H"},
		"never healthy is never reported": {1, "----", "---"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			checks := &scriptedChecks{script: test.script}
			plane := givenPlane(t, Options{Log: slog.New(slog.NewTextHandler(checks, nil))})
			server := httptest.NewServer(checks)
			t.Cleanup(server.Close)
			backend := netip.MustParseAddrPort(server.Listener.Addr().String())
			whenApplied(t, plane, Service{
				ID: "scripted", Address: givenAddress(), Port: freePort(t), Protocol: ProtocolTCP,
				Strategy: StrategyRoundRobin, TargetPort: backend.Port(), Backends: []netip.Addr{backend.Addr()},
				HealthCheck: HealthCheck{Mode: CheckHTTP, Port: backend.Port(), Interval: time.Second, Timeout: time.Hour, Retries: test.retries},
			})
			NewWithT(t).Eventually(checks.noted).WithTimeout(patience).WithPolling(5 * time.Millisecond).Should(Equal(test.want))
		})
	}
}
