package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/spf13/pflag"

	"github.com/exoscale-community/nlb-operator/test/exosim"
)

func TestFlagsBecomeOptions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args string
		want exosim.Options
	}{
		"none": {"", exosim.Options{OperationDelay: 2 * time.Second, DataPlane: true}},
		"all": {
			"--zone ch-gva-2 --zone=ch-dk-2 --api-key EXOk --api-secret s --operation-delay 5s --latency 20ms --rate-limit 20 " +
				"--data-plane=false --strict-labels=false --allow-concurrent-changes --cascade-delete --log json --debug",
			exosim.Options{
				Zones: []string{"ch-gva-2", "ch-dk-2"}, Key: "EXOk", Secret: "s", OperationDelay: 5 * time.Second,
				Latency: 20 * time.Millisecond, RateLimit: 20,
				LaxLabels: true, AllowConcurrentChanges: true, CascadeDelete: true,
			},
		},
		"faults": {
			`--fault {"kind":"hang","zone":"ch-dk-2"} --fault [{"kind":"reset-after","nth":1},{"kind":"late-effect","late":"5s"}]`,
			exosim.Options{OperationDelay: 2 * time.Second, DataPlane: true, Faults: []exosim.Fault{
				{Kind: exosim.FaultHang, Zone: "ch-dk-2"}, {Kind: exosim.FaultResetAfter, Nth: 1}, {Kind: exosim.FaultLateEffect, Late: 5 * time.Second},
			}},
		},
		"a seed": {"--unkind 42", exosim.Options{OperationDelay: 2 * time.Second, DataPlane: true, Faults: exosim.Unkind(42)}},
	} {
		t.Run(name, func(t *testing.T) {
			settings, err := parse(strings.Fields(c.args), io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			got, err := settings.options(io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got, cmpopts.IgnoreFields(exosim.Options{}, "Log", "Clock", "State")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhatIsWrongWithFlagsIsToldInASentence(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"--zone ch-gva-1":                 `--zone: must be one of ch-gva-2, ch-dk-2, de-fra-1, de-muc-1, at-vie-1, at-vie-2, bg-sof-1, hr-zag-1, is "ch-gva-1"`,
		"--zone ch-gva-2 --zone ch-gva-2": `zone "ch-gva-2" is given twice`,
		"--api-key EXOk":                  "--api-key and --api-secret go together: only one of them is given",
		"--api-secret s":                  "--api-key and --api-secret go together: only one of them is given",
		"--operation-delay -1s":           "--operation-delay: must not be negative, is -1s",
		"--operation-delay 2":             `invalid argument "2" for "--operation-delay" flag`,
		"--latency -5ms":                  "--latency: must not be negative, is -5ms",
		"--rate-limit -1":                 "--rate-limit: must not be negative, is -1",
		"--rate-limit many":               `invalid argument "many" for "--rate-limit" flag`,
		`--fault {"kind":"flood"}`:        `--fault {"kind":"flood"}: body: kind: "flood" is none of`,
		`--fault [{}]`:                    `--fault [{}]: rules[0].kind: is required`,
		`--fault kind=hang`:               `--fault kind=hang: body: must be a JSON object`,
		"--unkind badly":                  `invalid argument "badly" for "--unkind" flag`,
		`--listen 127.0.0.1:0 --fault {"kind":"hang","zone":"de-fra-1"}`: `fault: there is no zone "de-fra-1"`,
		"--log xml":                        `--log: must be text or json, is "xml"`,
		"--listen nowhere":                 "--listen: listen tcp: address nowhere: missing port in address",
		"--state no-such-file.yaml":        "--state: open no-such-file.yaml: no such file or directory",
		"--sate x":                         "unknown flag: --sate",
		"state.yaml":                       `unexpected argument "state.yaml": there are only flags`,
		"--listen 127.0.0.1:0 --zone ,":    `--zone: must be one of`,
		"--listen 127.0.0.1:99999":         "--listen: listen tcp: address 99999: invalid port",
		"--listen 203.0.113.1:8080":        "--listen: listen tcp 203.0.113.1:8080: bind: cannot assign requested address",
		"--data-plane=perhaps":             `invalid argument "perhaps" for "--data-plane" flag`,
		"--state /":                        "--state: read /: is a directory",
		"--zone ch-dk-2 --zone=de-fra-1,x": `--zone: must be one of`,
	} {
		t.Run(args, func(t *testing.T) {
			err := run(t.Context(), strings.Fields(args), io.Discard, io.Discard)
			if err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
}

func TestWhatIsWrongWithAStateFileIsToldWithFileAndField(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ yaml, want string }{
		"a field that isn't there": {"zones:\n- name: ch-gva-2\n  pools: []", "zones[0].pools: unknown field: there are name, quotas, private-networks,"},
		"no YAML":                  {"zones:\n\t- name", "line 2"},
		"a list instead":           {"- zones", "must be an object"},
		"a key twice":              {"zones: []\nzones: []", `key "zones" already set`},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "state.yaml")
			if err := os.WriteFile(file, []byte(c.yaml), 0o600); err != nil {
				t.Fatal(err)
			}
			err := run(t.Context(), []string{"--state", file}, io.Discard, io.Discard)
			if err == nil || !strings.HasPrefix(err.Error(), "--state: "+file+": ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want the file's name and %s", err, c.want)
			}
		})
	}
}

func TestHelpTellsEveryKindOfFault(t *testing.T) {
	t.Parallel()
	var help bytes.Buffer
	if err := run(t.Context(), []string{"--help"}, io.Discard, &help); !errors.Is(err, pflag.ErrHelp) {
		t.Fatal(err)
	}
	for _, kind := range exosim.FaultKinds() {
		if !strings.Contains(help.String(), "\n  "+string(kind)+" ") {
			t.Errorf("the help doesn't tell %s:\n%s", kind, &help)
		}
	}
}

func TestHelpTellsEveryFlag(t *testing.T) {
	t.Parallel()
	var help bytes.Buffer
	if err := run(t.Context(), []string{"--help"}, io.Discard, &help); !errors.Is(err, pflag.ErrHelp) {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Usage: exosim [flags]", "--listen address", "--zone name", "--api-key key", "--api-secret secret",
		"--operation-delay duration", "--latency duration", "--rate-limit float", "--state FILE", "--log format", "docs/exosim.md",
		"--fault RULE", "--unkind SEED",
	} {
		if !strings.Contains(help.String(), want) {
			t.Errorf("the help doesn't say %s:\n%s", want, &help)
		}
	}
}
