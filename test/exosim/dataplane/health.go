package dataplane

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

const (
	// minTimeout is how short a sped-up timeout may get: long enough for a busy
	// machine, since only a backend that hangs makes anyone wait for it.
	minTimeout = time.Second
	// minInterval keeps an extreme TimeScale from spinning.
	minInterval = time.Millisecond
)

// pace turns the durations of a health check into real ones; 1 is real time,
// more is faster.
type pace float64

func (p pace) interval(check HealthCheck) time.Duration {
	return max(p.scale(check.Interval), minInterval)
}

// timeout is shortened to minTimeout at most, and never lengthened.
func (p pace) timeout(check HealthCheck) time.Duration {
	return max(p.scale(check.Timeout), min(check.Timeout, minTimeout))
}

func (p pace) scale(d time.Duration) time.Duration {
	return time.Duration(float64(d) / float64(p))
}

// verdict is what the probes so far say of a backend. The zero value is that of
// a backend not probed yet.
type verdict struct {
	healthy  bool
	failures int // in a row
}

// after is the verdict when one more probe is in.
//
//	before     probe      failures in a row   after
//	any        success    –                   healthy
//	healthy    failure    < retries           healthy
//	healthy    failure    ≥ retries           unhealthy
//	unhealthy  failure    any                 unhealthy
func (v verdict) after(success bool, retries int) verdict {
	if success {
		return verdict{healthy: true}
	}
	failures := v.failures + 1
	return verdict{healthy: v.healthy && failures < retries, failures: failures}
}

// probe asks a backend once; nil means healthy.
type probe func(context.Context) error

func newProbe(check HealthCheck, backend netip.Addr) probe {
	target := netip.AddrPortFrom(backend, check.Port).String()
	if check.Mode == CheckTCP {
		return tcpProbe(target)
	}
	return httpProbe(check.Mode+"://"+target+"/"+strings.TrimPrefix(check.URI, "/"), check.TLSServerName)
}

func tcpProbe(target string) probe {
	return func(ctx context.Context) error {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp4", target)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}

func httpProbe(url, serverName string) probe {
	client := &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DisableKeepAlives:      true, // a probe tells of now, not of a connection made earlier
			MaxResponseHeaderBytes: 64 << 10,
			TLSClientConfig: &tls.Config{
				ServerName:         serverName,
				InsecureSkipVerify: true, //nolint:gosec // an NLB doesn't verify the backend's certificate
			},
		},
	}
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode < 200 || response.StatusCode > 299 {
			return fmt.Errorf("GET %s answered %s", url, response.Status)
		}
		return nil
	}
}

// probeEvery probes at once and then at every interval, counted from the start
// of the probe before, until ctx ends. A probe that takes longer than the
// interval is followed by the next without a pause.
func probeEvery(ctx context.Context, interval, timeout time.Duration, probe probe, report func(error)) {
	due := time.NewTimer(0)
	defer due.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-due.C:
		}
		started := time.Now()
		report(probeWithin(ctx, timeout, probe))
		due.Reset(interval - time.Since(started))
	}
}

func probeWithin(ctx context.Context, timeout time.Duration, probe probe) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return probe(ctx)
}
