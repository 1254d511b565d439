package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// grace is how long requests under way may take at the end.
const grace = 5 * time.Second

// run serves until ctx ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	settings, err := parse(args, stderr)
	if err != nil {
		return err
	}
	opts, err := settings.options(stderr)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", settings.listen)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	defer listener.Close()
	cloud, err := exosim.New(opts)
	if err != nil {
		return err
	}
	defer func() { _ = cloud.Close() }()

	fmt.Fprint(stdout, welcome(cloud, baseURL(listener.Addr())))
	return serve(ctx, listener, cloud)
}

func serve(ctx context.Context, listener net.Listener, cloud *exosim.Cloud) error {
	server := &http.Server{Handler: cloud, ReadHeaderTimeout: time.Minute}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	_ = cloud.Close() // answers what waits for its latency
	ending, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if err := server.Shutdown(ending); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stopping: %w", err)
	}
	return server.Close()
}

// welcome tells how to reach the cloud.
func welcome(cloud *exosim.Cloud, base string) string {
	key := cloud.AdminKey()
	text := "A simulated Exoscale is ready. For the exo CLI, egoscale and others:\n\n" +
		"  export EXOSCALE_API_ENDPOINT=" + base + "/v2\n" +
		"  export EXOSCALE_API_KEY=" + key.Key + "\n" +
		"  export EXOSCALE_API_SECRET=" + key.Secret + "\n" +
		"  export EXOSCALE_ZONE=" + cloud.Zones()[0] + "\n\n"
	for _, zone := range cloud.Zones() {
		text += fmt.Sprintf("%-9s %s\n", zone, cloud.Endpoint(base, zone))
	}
	return text + fmt.Sprintf("%-9s %s/sim/\n", "control", base)
}

// baseURL is how a client on this machine reaches the listener.
func baseURL(addr net.Addr) string {
	at, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return "http://" + addr.String()
	}
	if at.Addr().IsUnspecified() {
		return "http://127.0.0.1:" + strconv.Itoa(int(at.Port()))
	}
	return "http://" + at.String()
}
