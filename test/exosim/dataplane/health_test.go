package dataplane

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"
)

func TestVerdict(t *testing.T) {
	tests := map[string]struct {
		retries int
		probes  string // + success, - failure
		want    bool
	}{
		"a backend not probed yet is unhealthy":         {1, "", false},
		"one success makes a new backend healthy":       {3, "+", true},
		"a new backend that fails stays unhealthy":      {3, "-", false},
		"one failure is enough with one retry":          {1, "+-", false},
		"fewer failures than retries change nothing":    {3, "+--", true},
		"as many failures as retries make it unhealthy": {3, "+---", false},
		"a success forgets the failures before it":      {3, "+--+--", true},
		"one success is enough to come back":            {3, "+----+", true},
		"after coming back all retries count again":     {3, "+---+--", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var v verdict
			for _, probe := range test.probes {
				v = v.after(probe == '+', test.retries)
			}
			if v.healthy != test.want {
				t.Errorf("healthy is %t after %q, want %t", v.healthy, test.probes, test.want)
			}
		})
	}
}

func TestPace(t *testing.T) {
	check := HealthCheck{Interval: 10 * time.Second, Timeout: 2 * time.Second}
	short := HealthCheck{Interval: time.Second, Timeout: 50 * time.Millisecond}
	tests := map[string]struct {
		pace              pace
		check             HealthCheck
		interval, timeout time.Duration
	}{
		"real time":                        {1, check, 10 * time.Second, 2 * time.Second},
		"a quarter faster":                 {1.25, check, 8 * time.Second, 1600 * time.Millisecond},
		"timeouts shrink to 1 s":           {100, check, 100 * time.Millisecond, time.Second},
		"shorter timeouts stay":            {100, short, 10 * time.Millisecond, 50 * time.Millisecond},
		"intervals shrink to 1 ms at most": {1e9, check, time.Millisecond, time.Second},
		"slower than real time":            {0.5, check, 20 * time.Second, 4 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := test.pace.interval(test.check); got != test.interval {
				t.Errorf("interval is %s, want %s", got, test.interval)
			}
			if got := test.pace.timeout(test.check); got != test.timeout {
				t.Errorf("timeout is %s, want %s", got, test.timeout)
			}
		})
	}
}

func probeOnce(t *testing.T, server net.Addr, check HealthCheck) error {
	t.Helper()
	target := netip.MustParseAddrPort(server.String())
	check.Port = target.Port()
	return probeWithin(t.Context(), 5*time.Second, newProbe(check.complete(), target.Addr()))
}

func TestHTTPProbeAcceptsOnly2xx(t *testing.T) {
	for status, want := range map[int]bool{200: true, 204: true, 299: true, 301: false, 302: false, 404: false, 500: false, 503: false} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/elsewhere" {
				return // 200: following a redirect would find it healthy
			}
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
		}))
		err := probeOnce(t, server.Listener.Addr(), HealthCheck{Mode: CheckHTTP, URI: "/healthz"})
		if healthy := err == nil; healthy != want {
			t.Errorf("status %d: healthy is %t (%v), want %t", status, healthy, err, want)
		}
		server.Close()
	}
}

func TestHTTPProbeGetsTheURI(t *testing.T) {
	for uri, want := range map[string]string{
		"":             "/",
		"/healthz":     "/healthz",
		"healthz":      "/healthz",
		"/live?full=1": "/live?full=1",
	} {
		var method, got string
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			method, got = r.Method, r.RequestURI
		}))
		if err := probeOnce(t, server.Listener.Addr(), HealthCheck{Mode: CheckHTTP, URI: uri}); err != nil {
			t.Errorf("URI %q: %v", uri, err)
		}
		server.Close()
		if method != http.MethodGet || got != want {
			t.Errorf("URI %q: request is %s %s, want GET %s", uri, method, got, want)
		}
	}
}

func TestHTTPSProbeSendsTheServerNameAndTrustsAnyCertificate(t *testing.T) {
	for _, want := range []string{"", "app.example.com"} {
		got := "no handshake"
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		server.TLS = &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			got = hello.ServerName
			return nil, nil
		}}
		server.StartTLS()
		err := probeOnce(t, server.Listener.Addr(), HealthCheck{Mode: CheckHTTPS, TLSServerName: want})
		server.Close()
		if err != nil {
			t.Errorf("server name %q: %v", want, err)
		}
		if got != want {
			t.Errorf("SNI is %q, want %q", got, want)
		}
	}
}

func TestHTTPProbeFailsOnAServerThatOnlyAccepts(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	target := netip.MustParseAddrPort(listener.Addr().String())
	for mode, want := range map[string]bool{CheckTCP: true, CheckHTTP: false, CheckHTTPS: false} {
		probe := newProbe(HealthCheck{Mode: mode, Port: target.Port()}.complete(), target.Addr())
		err := probeWithin(context.Background(), 200*time.Millisecond, probe)
		if healthy := err == nil; healthy != want {
			t.Errorf("%s: healthy is %t (%v), want %t", mode, healthy, err, want)
		}
	}
}

func TestTCPProbeFailsOnAClosedPort(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	if probeOnce(t, listener.Addr(), HealthCheck{Mode: CheckTCP}) == nil {
		t.Error("a port where nothing listens is healthy")
	}
}
