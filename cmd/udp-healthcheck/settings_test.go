package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/exoscale-community/nlb-operator/internal/udpprobe"
)

var update = flag.Bool("update", false, "write the golden files")

// variables look the environment up in a map.
type variables map[string]string

func (v variables) lookup(name string) (string, bool) {
	value, set := v[name]
	return value, set
}

func targets(t *testing.T, text string) []udpprobe.Target {
	t.Helper()
	parsed, err := udpprobe.ParseTargets(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestParse(t *testing.T) {
	const probe = `7/probe;payload=text:a,b\ c`
	for name, test := range map[string]struct {
		args string
		env  variables
		want settings
	}{
		"a target, and the defaults":            {args: "--target 53", want: settings{targets: targets(t, "53"), healthPort: 18053, infoPort: 18054}},
		"several, in the order given":           {args: "--target=53 --target=54/dns", want: settings{targets: targets(t, "53 54/dns"), healthPort: 18053, infoPort: 18054}},
		"ports":                                 {args: "--target=53 --health-port=1 --info-port=65535", want: settings{targets: targets(t, "53"), healthPort: 1, infoPort: 65535}},
		"the environment":                       {env: variables{"UDP_HEALTHCHECK_TARGETS": "53 54\n55", "UDP_HEALTHCHECK_HEALTH_PORT": "1", "UDP_HEALTHCHECK_INFO_PORT": "2", "UDP_HEALTHCHECK_INJECTED": "true"}, want: settings{targets: targets(t, "53 54 55"), healthPort: 1, infoPort: 2, injected: true}},
		"flags come before the environment":     {args: "--target=53 --health-port=18053 --injected=false", env: variables{"UDP_HEALTHCHECK_TARGETS": "x", "UDP_HEALTHCHECK_HEALTH_PORT": "x", "UDP_HEALTHCHECK_INJECTED": "x"}, want: settings{targets: targets(t, "53"), healthPort: 18053, infoPort: 18054}},
		"an empty variable counts as not set":   {args: "--target=53", env: variables{"UDP_HEALTHCHECK_HEALTH_PORT": "", "UDP_HEALTHCHECK_INJECTED": ""}, want: settings{targets: targets(t, "53"), healthPort: 18053, infoPort: 18054}},
		"a comma and a space in what is sent":   {env: variables{"UDP_HEALTHCHECK_TARGETS": probe}, want: settings{targets: targets(t, probe), healthPort: 18053, infoPort: 18054}},
		"a health port that lingers":            {args: "--target=53 --linger=15s", want: settings{targets: targets(t, "53"), healthPort: 18053, infoPort: 18054, linger: 15 * time.Second}},
		"draining takes no target":              {args: "--drain", want: settings{drain: true, healthPort: 18053, infoPort: 18054}},
		"draining heeds the port":               {args: "--drain", env: variables{"UDP_HEALTHCHECK_HEALTH_PORT": "9"}, want: settings{drain: true, healthPort: 9, infoPort: 18054}},
		"the version takes no target":           {args: "--version", want: settings{version: true, healthPort: 18053, infoPort: 18054}},
		"draining doesn't read what it doesn't": {args: "--drain", env: variables{"UDP_HEALTHCHECK_TARGETS": "x"}, want: settings{drain: true, healthPort: 18053, infoPort: 18054}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parse(strings.Fields(test.args), test.env.lookup, &bytes.Buffer{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(settings{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// invalidCases are refused with code 2, by a sentence that names the flag or the
// variable.
var invalidCases = map[string]struct {
	args string
	env  variables
	want string
}{
	"no target":                         {want: "--target: there is no target: write a port"},
	"an empty target":                   {args: "--target=", want: "--target: there is no target"},
	"a bad target":                      {args: "--target=53 --target=54/dsn", want: `--target: target "54/dsn": "dsn" is no mode`},
	"a bad target of the environment":   {env: variables{"UDP_HEALTHCHECK_TARGETS": "54/dsn"}, want: `UDP_HEALTHCHECK_TARGETS: target "54/dsn": "dsn" is no mode`},
	"a health port that is none":        {args: "--target=53 --health-port=0", want: `--health-port: "0" is no port, which is a number from 1 to 65535`},
	"an info port that is none":         {args: "--target=53 --info-port=http", want: `--info-port: "http" is no port`},
	"an info port of the environment":   {args: "--target=53", env: variables{"UDP_HEALTHCHECK_INFO_PORT": "65536"}, want: `UDP_HEALTHCHECK_INFO_PORT: "65536" is no port`},
	"lingering for no duration":         {args: "--target=53 --linger=15", want: `--linger: "15" is no duration from 0s to 10m, such as 15s`},
	"lingering forever":                 {args: "--target=53", env: variables{"UDP_HEALTHCHECK_LINGER": "1h"}, want: `UDP_HEALTHCHECK_LINGER: "1h" is no duration`},
	"one port for both":                 {args: "--target=53 --info-port=18053", want: "--info-port: it is 18053, as the health port is"},
	"an unknown flag":                   {args: "--target=53 --helth-port=1", want: "unknown flag: --helth-port"},
	"a word":                            {args: "--target=53 54", want: `"54" is no flag; a target is given by --target`},
	"neither true nor false":            {args: "--target=53", env: variables{"UDP_HEALTHCHECK_INJECTED": "x"}, want: `UDP_HEALTHCHECK_INJECTED: "x" is neither true nor false`},
	"draining with a port that is none": {args: "--drain --health-port=x", want: "--health-port"},
}

func TestParseRefuses(t *testing.T) {
	for name, test := range invalidCases {
		t.Run(name, func(t *testing.T) {
			var out, log bytes.Buffer
			code := run(context.Background(), program{args: strings.Fields(test.args), lookup: test.env.lookup, out: &out, err: &log})
			if code != exitConfiguration || out.Len() > 0 || !strings.Contains(log.String(), test.want) || strings.Count(log.String(), "\n") != 1 {
				t.Errorf("ended with %d and wrote %q, want %s", code, log.String(), test.want)
			}
		})
	}
}

// TestInjectedKeepsWhatIsRight: one port that is wrong doesn't move the other, and
// nothing hides that the program is injected.
func TestInjectedKeepsWhatIsRight(t *testing.T) {
	for args, want := range map[string]settings{
		"--injected --health-port=x --info-port=9 --target=53": {injected: true, healthPort: 18053, infoPort: 9, targets: targets(t, "53")},
		"--target=53 --unknown --injected":                     {injected: true, healthPort: 18053, infoPort: 18054, targets: targets(t, "53")},
		"--injected --target=x --health-port=8":                {injected: true, healthPort: 8, infoPort: 18054},
	} {
		got, err := parse(strings.Fields(args), variables{}.lookup, &bytes.Buffer{})
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(settings{})); diff != "" || err == nil {
			t.Errorf("%s: err %v, %s", args, err, diff)
		}
	}
}

func TestHelp(t *testing.T) {
	var out, log bytes.Buffer
	if code := run(context.Background(), program{args: []string{"--help"}, lookup: variables{}.lookup, out: &out, err: &log}); code != 0 || log.Len() > 0 {
		t.Fatalf("ended with %d and wrote %s", code, &log)
	}
	const golden = "testdata/help.txt"
	if *update {
		if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(out.String(), "\n")); diff != "" {
		t.Errorf("go test -update writes %s anew; - want, + got:\n%s", golden, diff)
	}
	for line := range strings.SplitSeq(out.String(), "\n") {
		if len([]rune(line)) > 90 {
			t.Errorf("too wide for a terminal: %s", line)
		}
	}
}
