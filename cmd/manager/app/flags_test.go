package app

import (
	"bytes"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "write the golden files")

// environment looks variables up in a map.
func environment(variables map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, set := variables[name]
		return value, set
	}
}

func TestParse(t *testing.T) {
	type env = map[string]string
	for name, tc := range map[string]struct {
		args []string
		env  env
		want func(*settings)
	}{
		"without anything, the defaults hold":          {want: func(*settings) {}},
		"a flag is taken":                              {args: []string{"--zone=de-fra-1"}, want: func(s *settings) { s.Zone = "de-fra-1" }},
		"a flag's value may be a word of its own":      {args: []string{"--zone", "de-fra-1"}, want: func(s *settings) { s.Zone = "de-fra-1" }},
		"a variable stands for its flag":               {env: env{"EXOSCALE_NLB_ZONE": "de-fra-1"}, want: func(s *settings) { s.Zone = "de-fra-1" }},
		"Exoscale's variable for the zone is known":    {env: env{"EXOSCALE_ZONE": "at-vie-1"}, want: func(s *settings) { s.Zone = "at-vie-1" }},
		"our variable comes before Exoscale's":         {env: env{"EXOSCALE_ZONE": "at-vie-1", "EXOSCALE_NLB_ZONE": "de-fra-1"}, want: func(s *settings) { s.Zone = "de-fra-1" }},
		"a flag comes before every variable":           {args: []string{"--zone=bg-sof-1"}, env: env{"EXOSCALE_ZONE": "at-vie-1", "EXOSCALE_NLB_ZONE": "de-fra-1"}, want: func(s *settings) { s.Zone = "bg-sof-1" }},
		"a flag that is set to its default is set":     {args: []string{"--sync-period=1m"}, env: env{"EXOSCALE_NLB_SYNC_PERIOD": "5m"}, want: func(*settings) {}},
		"an empty variable counts as not set":          {env: env{"EXOSCALE_NLB_SYNC_PERIOD": "", "EXOSCALE_NLB_ZONE": "", "EXOSCALE_ZONE": "at-vie-1"}, want: func(s *settings) { s.Zone = "at-vie-1" }},
		"Exoscale's variable for the API is known":     {env: env{"EXOSCALE_API_ENDPOINT": "http://127.0.0.1:8080/v2"}, want: func(s *settings) { s.APIEndpoint = "http://127.0.0.1:8080/v2" }},
		"so is what makes it acceptable":               {env: env{"EXOSCALE_API_ENDPOINT": "http://exosim:8080", "EXOSCALE_NLB_EXOSCALE_API_INSECURE": "true"}, want: func(s *settings) { s.APIEndpoint, s.APIInsecure = "http://exosim:8080", true }},
		"a list is separated by commas":                {args: []string{"--watch-namespaces=a,b"}, want: func(s *settings) { s.WatchNamespaces = []string{"a", "b"} }},
		"a list may be given in pieces":                {args: []string{"--watch-namespaces=a", "--watch-namespaces=b"}, want: func(s *settings) { s.WatchNamespaces = []string{"a", "b"} }},
		"a list in a variable replaces the default":    {env: env{"EXOSCALE_NLB_EXTERNAL_NLB_NAMESPACES": "a,b"}, want: func(s *settings) { s.ExternalNLBNamespaces = []string{"a", "b"} }},
		"an empty list of external namespaces is none": {args: []string{"--external-nlb-namespaces="}, want: func(s *settings) { s.ExternalNLBNamespaces = []string{} }},
		"a switch needs no value":                      {args: []string{"--leader-elect"}, want: func(s *settings) { s.LeaderElect = true }},
		"a switch in a variable has one":               {env: env{"EXOSCALE_NLB_CLAIM_CLASSLESS_SERVICES": "true"}, want: func(s *settings) { s.ClaimClasslessServices = true }},
		"a switch can be turned off":                   {args: []string{"--metrics-secure=false"}, want: func(s *settings) { s.MetricsSecure = false }},
		"a period has a unit":                          {args: []string{"--sync-period=90s"}, want: func(s *settings) { s.SyncPeriod = 90 * time.Second }},
		"help is asked for before anything is checked": {args: []string{"--help", "--zone=!"}, want: func(s *settings) { s.help, s.Zone = true, "!" }},
		"and so is the version":                        {args: []string{"--version"}, want: func(s *settings) { s.version = true }},
	} {
		t.Run(name, func(t *testing.T) {
			want := settings{Options: Defaults()}
			tc.want(&want)
			got, err := parse(tc.args, environment(tc.env))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, unexported()...); diff != "" {
				t.Errorf("- want, + got:\n%s", diff)
			}
		})
	}
}

// unexported compares settings.
func unexported() []cmp.Option {
	return []cmp.Option{cmp.AllowUnexported(settings{}, releaseSettings{}), cmpopts.IgnoreFields(Options{}, "Log")}
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	type env = map[string]string
	for name, tc := range map[string]struct {
		args []string
		env  env
		want string
	}{
		"an unknown flag":            {args: []string{"--zones=a"}, want: "unknown flag: --zones; --help lists all flags"},
		"an argument":                {args: []string{"start"}, want: `unexpected argument "start": there are only flags, --help lists them`},
		"a switch that is no switch": {args: []string{"--leader-elect=maybe"}, want: `--leader-elect: must be true or false; it is "maybe"`},
		"a variable that is no switch": {env: env{"EXOSCALE_NLB_LEADER_ELECT": "maybe"},
			want: `EXOSCALE_NLB_LEADER_ELECT, which stands for --leader-elect: must be true or false; it is "maybe"`},
		"a period without a unit":  {args: []string{"--sync-period=60"}, want: `--sync-period: must be a duration such as "90s" or "5m"; it is "60"`},
		"a number that is none":    {args: []string{"--max-concurrent-reconciles=ten"}, want: `--max-concurrent-reconciles: must be a whole number; it is "ten"`},
		"a rate that is none":      {args: []string{"--exoscale-rate-limit=fast"}, want: `--exoscale-rate-limit: must be a number; it is "fast"`},
		"an invalid value is told": {args: []string{"--log-level=trace"}, want: `--log-level: must be debug, info, warn or error; it is "trace"`},
		"an endpoint in the environment that isn't encrypted": {env: env{"EXOSCALE_API_ENDPOINT": "http://api.example.com/v2"},
			want: `--exoscale-api-endpoint: must be encrypted (https://), unless it is on this machine (127.0.0.1, ::1, localhost), or --exoscale-api-insecure accepts that anybody on the way reads and changes what is said; it is "http://api.example.com/v2"`},
		"all that is wrong is told at once": {args: []string{"--zone=Geneva"}, env: env{"EXOSCALE_NLB_SYNC_PERIOD": "1ms"},
			want: "--zone: must be the name of a zone, such as \"ch-gva-2\"; it is \"Geneva\"\n--sync-period: must be 100ms to 24h0m0s; it is \"1ms\""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(tc.args, environment(tc.env))
			if err == nil {
				t.Fatal("it was accepted")
			}
			if diff := cmp.Diff(tc.want, err.Error()); diff != "" {
				t.Errorf("- want, + got:\n%s", diff)
			}
		})
	}
}

func TestEveryFlagHasItsVariable(t *testing.T) {
	other := map[string]string{"bool": "true", "duration": "7m", "int": "7", "float64": "7", "string": "7", "stringSlice": "7"}
	for _, g := range (&settings{Options: Defaults()}).groups() {
		g.flags.VisitAll(func(flag *pflag.Flag) {
			value := other[flag.Value.Type()]
			if flag.DefValue == value {
				value = "false"
			}
			name := variables(flag.Name)[0]
			if err := fromEnvironment(flag, environment(map[string]string{name: value})); err != nil || flag.Value.String() == flag.DefValue {
				t.Errorf("%s=%s leaves --%s at %s, err %v", name, value, flag.Name, flag.Value, err)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	var out bytes.Buffer
	command := Command{Args: []string{"--help"}, Lookup: environment(nil), Out: &out}
	if err := command.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/help.txt", out.String())
}

// golden compares a text for a terminal with a file, which -update writes.
func golden(t *testing.T, file, text string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(text, "\n")); diff != "" {
		t.Errorf("go test -update writes %s anew; - want, + got:\n%s", file, diff)
	}
	for line := range strings.SplitSeq(text, "\n") {
		if len([]rune(line)) > 90 {
			t.Errorf("too wide for a terminal: %s", line)
		}
	}
}

func TestVersion(t *testing.T) {
	var out bytes.Buffer
	command := Command{Args: []string{"--version"}, Lookup: environment(nil), Out: &out, Version: "v1.2.3"}
	if err := command.Run(t.Context()); err != nil || out.String() != "v1.2.3\n" {
		t.Errorf("printed %q, err %v", out.String(), err)
	}
}

// The issue names the flags that tooling relies on.
func TestFlagsThatToolingReliesOn(t *testing.T) {
	var names []string
	s := settings{Options: Defaults()}
	for _, g := range s.groups() {
		g.flags.VisitAll(func(flag *pflag.Flag) { names = append(names, flag.Name) })
	}
	for _, name := range []string{
		"kubeconfig", "zone", "exoscale-api-endpoint", "exoscale-credentials-file", "claim-classless-services", "default-instance-pool",
		"sync-period", "cluster-id", "leader-elect", "metrics-bind-address", "health-probe-bind-address",
	} {
		if !slices.Contains(names, name) {
			t.Errorf("there is no --%s", name)
		}
	}
}
