package sidecar

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
)

// Path is where the webhook is served.
const Path = "/inject-udp-healthcheck"

const (
	// pause between two attempts to listen.
	pause = 5 * time.Second
	// longestUnready is how long a replica isn't ready because it can't answer yet,
	// from when that is asked first.
	longestUnready = 5 * time.Second
)

// Server serves a webhook as a Runnable of a manager, on every replica.
type Server struct {
	// Address to listen at, such as ":9443".
	Address string
	Handler *Handler
	// GetCertificate gives the certificate that is valid now; while there is none,
	// nobody can connect.
	GetCertificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	Clock          clock.PassiveClock
	Log            logr.Logger

	mu      sync.Mutex
	serving webhook.Server // nil until it listens for the first time
	awaited time.Time      // since when
	ready   bool
}

// NeedLeaderElection implements manager.LeaderElectionRunnable.
func (*Server) NeedLeaderElection() bool { return false }

// Start serves until ctx ends. An address that can't be listened at is tried
// again: the rest of the operator works without.
func (s *Server) Start(ctx context.Context) error {
	if err := s.Handler.fill(ctx); err != nil {
		s.Log.Error(err, "Filling the cache of the webhook")
	}
	for {
		err := s.serve(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // The operator ends, and the server with it.
		}
		s.Log.Error(err, "Serving the webhook; Pods get no UDP health-check sidecar meanwhile", "address", s.Address)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// Ready is a readiness check of the replica: a new one is to be led to only once it
// can answer. When it has, or hasn't for longestUnready, it is ready for good,
// whatever becomes of the webhook.
func (s *Server) Ready(r *http.Request) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.awaited.IsZero() {
		s.awaited = s.Clock.Now()
	}
	if s.ready || s.Clock.Since(s.awaited) > longestUnready {
		s.ready = true
		return nil
	}
	if s.serving == nil {
		return errors.New("the webhook isn't served yet")
	}
	err := s.serving.StartedChecker()(r)
	s.ready = err == nil
	return err
}

func (s *Server) serve(ctx context.Context) error {
	host, port, err := net.SplitHostPort(s.Address)
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return fmt.Errorf("the port of %s: %w", s.Address, err)
	}
	server := webhook.NewServer(webhook.Options{Host: host, Port: number, TLSOpts: []func(*tls.Config){func(c *tls.Config) {
		c.GetCertificate = s.GetCertificate
		c.MinVersion = tls.VersionTLS13
		// HTTP/2 lets one client open and reset streams without end (CVE-2023-44487).
		c.NextProtos = []string{"http/1.1"}
	}}})
	server.Register(Path, answeredOnce(s.Handler.webhook()))
	s.mu.Lock()
	s.serving = server
	s.mu.Unlock()
	return server.Start(ctx)
}

// answeredOnce ends each connection with its answer. An API server would keep it, and
// a request that it sends over one while this replica ends is lost: so a Pod would
// miss its sidecar in an upgrade.
func answeredOnce(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		handler.ServeHTTP(w, r)
	})
}
