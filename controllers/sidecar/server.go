package sidecar

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/webhook"

	"github.com/exoscale-community/nlb-operator/internal/crowd"
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

// What those who connect may take, besides what guard.go says of their requests: some
// 50 KiB a connection, in which an API server is served within milliseconds.
const (
	mostConnections = 128
	mostHeaderBytes = 16 << 10
	longestRequest  = 10 * time.Second // with its handshake, and its answer
	longestEnding   = time.Minute
)

// Server serves a webhook as a Runnable of a manager, on every replica.
type Server struct {
	// Address to listen at, such as ":9443".
	Address string
	Handler *Handler
	// GetCertificate gives the certificate that is valid now; while there is none,
	// nobody can connect.
	GetCertificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	// Callers are the only ones who are answered; nil: everybody is.
	Callers *Callers
	Clock   clock.PassiveClock
	Log     logr.Logger

	mu        sync.Mutex
	listening bool
	awaited   time.Time // since when
	ready     bool
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
	if !s.listening {
		return errors.New("the webhook isn't served yet")
	}
	err := s.reach()
	s.ready = err == nil
	return err
}

// reach connects as an API server does.
func (s *Server) reach() error {
	dialer := &net.Dialer{Timeout: longestRequest}
	anyone := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13} //nolint:gosec // it is asked for nothing
	connection, err := tls.DialWithDialer(dialer, "tcp", s.Address, anyone)
	if err != nil {
		return fmt.Errorf("the webhook can't be reached: %w", err)
	}
	return connection.Close()
}

// serve returns when ctx has ended, and what was begun is answered.
func (s *Server) serve(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.Address)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           s.counted(answeredOnce(s.Handler.webhook())),
		ReadHeaderTimeout: longestRequest / 2,
		ReadTimeout:       longestRequest,
		WriteTimeout:      longestRequest,
		IdleTimeout:       longestRequest,
		MaxHeaderBytes:    mostHeaderBytes,
		ErrorLog:          log.New(&complaints{log: s.Log, clock: s.Clock}, "", 0),
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		until, cancel := context.WithTimeout(context.WithoutCancel(ctx), longestEnding)
		defer cancel()
		_ = server.Shutdown(until)
	})
	s.mu.Lock()
	s.listening = true
	s.mu.Unlock()
	err = server.Serve(tls.NewListener(crowd.New(listener, mostConnections), s.tls()))
	if !stop() {
		<-ended
	}
	return err
}

func (s *Server) tls() *tls.Config {
	config := &tls.Config{
		GetCertificate: s.GetCertificate,
		MinVersion:     tls.VersionTLS13,
		// HTTP/2 lets one client open and reset streams without end (CVE-2023-44487).
		NextProtos: []string{"http/1.1"},
		// Who calls is looked at each time.
		SessionTicketsDisabled: true,
	}
	if s.Callers != nil {
		s.Callers.demand(config)
	}
	return config
}

// counted leads to a handler, and has it in controller-runtime's metrics.
func (*Server) counted(handler http.Handler) http.Handler {
	server := webhook.NewServer(webhook.Options{}) // which is never started: it has no limits
	server.Register(Path, handler)
	return server.WebhookMux()
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
