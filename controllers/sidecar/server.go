package sidecar

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
)

// Path is where the webhook is served.
const Path = "/inject-udp-healthcheck"

// pause between two attempts to listen.
const pause = 5 * time.Second

// Server serves a webhook as a Runnable of a manager, on every replica.
type Server struct {
	// Address to listen at, such as ":9443".
	Address string
	Handler *Handler
	// GetCertificate gives the certificate that is valid now; while there is none,
	// nobody can connect.
	GetCertificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	Log            logr.Logger
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
	server.Register(Path, s.Handler.webhook())
	return server.Start(ctx)
}
