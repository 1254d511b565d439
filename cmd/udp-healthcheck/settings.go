package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/exoscale-community/nlb-operator/internal/udpprobe"
)

// settings are what flags and environment say.
type settings struct {
	targets                  []udpprobe.Target
	healthPort, infoPort     int
	linger                   time.Duration
	injected, drain, version bool
}

const (
	defaultHealthPort = 18053
	defaultInfoPort   = 18054
)

// environment has the variables that stand in for flags.
var environment = map[string]string{
	"target":      "UDP_HEALTHCHECK_TARGETS",
	"health-port": "UDP_HEALTHCHECK_HEALTH_PORT",
	"info-port":   "UDP_HEALTHCHECK_INFO_PORT",
	"linger":      "UDP_HEALTHCHECK_LINGER",
	"injected":    "UDP_HEALTHCHECK_INJECTED",
}

// configurationError is what whoever started the program has to mend.
type configurationError struct{ error }

func (e *configurationError) Unwrap() error { return e.error }

// parse reads the flags, and the environment for those that aren't given. With a
// configurationError, the settings are what could be read, and defaults else.
func parse(args []string, lookup func(string) (string, bool), out io.Writer) (settings, error) {
	var s settings
	var targets []string
	var healthPort, infoPort, linger string // so that one that is wrong doesn't hide the other
	flags := pflag.NewFlagSet("udp-healthcheck", pflag.ContinueOnError)
	flags.SortFlags = false
	flags.SetOutput(io.Discard)
	flags.Usage = func() { help(out, flags) }
	flags.StringArrayVar(&targets, "target", nil, "a `TARGET` to watch; repeat it for several")
	flags.StringVar(&healthPort, "health-port", strconv.Itoa(defaultHealthPort), "`PORT` that is open while healthy")
	flags.StringVar(&infoPort, "info-port", strconv.Itoa(defaultInfoPort), "`PORT` of /healthz, /readyz and /metrics")
	flags.StringVar(&linger, "linger", "0s", "`DURATION` for which the health port stays open when the\nhealth has turned bad, until nobody is led here: 0s-10m")
	flags.BoolVar(&s.injected, "injected", false, "stay up if the configuration is wrong, unhealthy, and say why\nat /healthz; otherwise the program ends with code 2")
	flags.BoolVar(&s.drain, "drain", false, "tell the process with this health port, in the same Pod, to\nbe unhealthy for good, and end: for a preStop hook")
	flags.BoolVar(&s.version, "version", false, "tell the version, and end")
	for name, variable := range environment {
		flags.Lookup(name).Usage += "\n[" + variable + "]"
	}

	err := flags.Parse(args)
	if errors.Is(err, pflag.ErrHelp) {
		return s, err
	}
	source, envErr := readEnvironment(flags, lookup)
	// Whatever else is wrong: who is injected stays up.
	s.injected = s.injected || slices.Contains(args, "--injected")
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("%q is no flag; a target is given by --target", flags.Arg(0))
	}
	var healthErr, infoErr, lingerErr, targetErr error
	s.healthPort, healthErr = parsePort(source["health-port"], healthPort, defaultHealthPort)
	s.infoPort, infoErr = parsePort(source["info-port"], infoPort, defaultInfoPort)
	s.linger, lingerErr = parseLinger(source["linger"], linger)
	if s.healthPort == s.infoPort {
		infoErr = cmp.Or(infoErr, fmt.Errorf("%s: it is %d, as the health port is; they have to differ", source["info-port"], s.infoPort))
	}
	if !s.drain && !s.version {
		if s.targets, targetErr = udpprobe.ParseTargets(strings.Join(targets, "\n")); targetErr != nil {
			targetErr = fmt.Errorf("%s: %w", source["target"], targetErr)
		}
	}
	if err := cmp.Or(err, envErr, healthErr, infoErr, lingerErr, targetErr); err != nil {
		return s, &configurationError{err}
	}
	return s, nil
}

// readEnvironment sets flags that weren't given, and tells where each is from.
func readEnvironment(flags *pflag.FlagSet, lookup func(string) (string, bool)) (source map[string]string, err error) {
	source = map[string]string{}
	for name, variable := range environment {
		source[name] = "--" + name
		value, set := lookup(variable)
		if !set || value == "" || flags.Changed(name) {
			continue
		}
		source[name] = variable
		if setErr := flags.Set(name, value); setErr != nil {
			err = fmt.Errorf("%s: %q is neither true nor false", variable, value)
		}
	}
	return source, err
}

func parsePort(source, text string, preset int) (int, error) {
	number, err := strconv.ParseUint(text, 10, 16)
	if err != nil || number == 0 {
		return preset, fmt.Errorf("%s: %q is no port, which is a number from 1 to 65535", source, text)
	}
	return int(number), nil
}

func parseLinger(source, text string) (time.Duration, error) {
	const longest = 10 * time.Minute
	linger, err := time.ParseDuration(text)
	if err != nil || linger < 0 || linger > longest {
		return 0, fmt.Errorf("%s: %q is no duration from 0s to 10m, such as 15s", source, text)
	}
	return linger, nil
}
