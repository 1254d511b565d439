package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/exoscale-community/nlb-operator/test/exosim"
)

const about = `exosim answers Exoscale's API v2 for network load balancers, instance pools,
instances, SKS clusters (read), security groups (read) and quotas, and moves the
load balancers' traffic on loopback addresses. Point a client at it with the
environment that it prints. GET /sim/ lists what can be watched and done besides.

Usage: exosim [flags]
`

const aboutFaults = `
A rule of --fault says what goes wrong with which calls, e.g.
  {"kind": "reset-after", "operation": "create-load-balancer", "nth": 1}
  {"kind": "status", "status": 503, "probability": 0.1, "seed": 42}
docs/exosim.md has all its fields. The kinds:
`

// settings are the flags.
type settings struct {
	listen, state, log  string
	debug               bool
	zones               []string
	key, secret         string
	delay, latency      time.Duration
	rate                float64
	dataPlane           bool
	strictLabels        bool
	concurrent, cascade bool
	faults              []string
	unkind              uint64
}

func parse(args []string, stderr io.Writer) (settings, error) {
	var s settings
	flags := pflag.NewFlagSet("exosim", pflag.ContinueOnError)
	flags.SortFlags = false
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintf(stderr, "%s\nFlags:\n%s%s", about, flags.FlagUsages(), aboutFaults+exosim.FaultsHelp())
	}
	flags.StringVar(&s.listen, "listen", "127.0.0.1:8080", "`address` and port to serve at; port 0 takes a free one")
	flags.StringSliceVar(&s.zones, "zone", nil, "`name` of a zone; repeat it for several; those of the state file follow (default, if there are none: "+exosim.DefaultZone+")")
	flags.StringVar(&s.key, "api-key", "", "API `key` that may do everything (default: the first of the state file, else "+exosim.DefaultKey+")")
	flags.StringVar(&s.secret, "api-secret", "", "`secret` of the API key (default: "+exosim.DefaultSecret+")")
	flags.DurationVar(&s.delay, "operation-delay", 2*time.Second, "how long each operation takes")
	flags.DurationVar(&s.latency, "latency", 0, "delay of each answer")
	flags.Float64Var(&s.rate, "rate-limit", 0, "requests a second, beyond which the answer is 429; 0 is no limit")
	flags.StringVar(&s.state, "state", "", "`FILE` in YAML with what the cloud holds at the beginning: see docs/exosim.md")
	flags.BoolVar(&s.dataPlane, "data-plane", true, "forward traffic and probe backends for real")
	flags.BoolVar(&s.strictLabels, "strict-labels", true, "refuse label values that Exoscale's documentation of labels excludes, though its API document doesn't")
	flags.BoolVar(&s.concurrent, "allow-concurrent-changes", false, "let several operations work on one load balancer at once")
	flags.BoolVar(&s.cascade, "cascade-delete", false, "let a load balancer be deleted with its services")
	flags.StringArrayVar(&s.faults, "fault", nil, "a `RULE` in JSON for what goes wrong, or an array of them; repeat it for several (kinds: see below)")
	flags.Uint64Var(&s.unkind, "unkind", 0, "let everything go wrong now and then, by chance: the same for the same `SEED`; 0 doesn't")
	flags.StringVar(&s.log, "log", "text", "`format` of the log on stderr: text or json")
	flags.BoolVar(&s.debug, "debug", false, "log requests that only read, and each failed probe")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("unexpected argument %q: there are only flags", flags.Arg(0))
	}
	return s, s.check()
}

func (s settings) check() error {
	switch {
	case (s.key == "") != (s.secret == ""):
		return errors.New("--api-key and --api-secret go together: only one of them is given")
	case s.delay < 0:
		return fmt.Errorf("--operation-delay: must not be negative, is %s", s.delay)
	case s.latency < 0:
		return fmt.Errorf("--latency: must not be negative, is %s", s.latency)
	case s.rate < 0:
		return fmt.Errorf("--rate-limit: must not be negative, is %g", s.rate)
	case s.log != "text" && s.log != "json":
		return fmt.Errorf("--log: must be text or json, is %q", s.log)
	}
	for _, zone := range s.zones {
		if known := exosim.KnownZones(); !slices.Contains(known, zone) {
			return fmt.Errorf("--zone: must be one of %s, is %q", strings.Join(known, ", "), zone)
		}
	}
	return nil
}

func (s settings) options(stderr io.Writer) (exosim.Options, error) {
	opts := exosim.Options{
		Zones: s.zones, Key: s.key, Secret: s.secret, OperationDelay: s.delay, Latency: s.latency, RateLimit: s.rate,
		DataPlane: s.dataPlane, LaxLabels: !s.strictLabels, AllowConcurrentChanges: s.concurrent, CascadeDelete: s.cascade,
		Log: s.logger(stderr),
	}
	for _, text := range s.faults {
		rules, err := exosim.ParseFaults([]byte(text))
		if err != nil {
			return opts, fmt.Errorf("--fault %s: %w", text, err)
		}
		opts.Faults = append(opts.Faults, rules...)
	}
	if s.unkind != 0 {
		opts.Faults = append(opts.Faults, exosim.Unkind(s.unkind)...)
	}
	if s.state == "" {
		return opts, nil
	}
	state, err := exosim.LoadState(s.state)
	if err != nil {
		return opts, fmt.Errorf("--state: %w", err)
	}
	opts.State = state
	return opts, nil
}

func (s settings) logger(stderr io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{}
	if s.debug {
		options.Level = slog.LevelDebug
	}
	if s.log == "json" {
		return slog.New(slog.NewJSONHandler(stderr, options))
	}
	return slog.New(slog.NewTextHandler(stderr, options))
}
