package app

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseRelease(t *testing.T) {
	type env = map[string]string
	for name, tc := range map[string]struct {
		args []string
		env  env
		want func(*releaseSettings)
	}{
		"without anything, it is asked what is held":     {want: func(*releaseSettings) {}},
		"that can be said, too":                          {args: []string{"--check"}, want: func(s *releaseSettings) { s.check = true }},
		"namespaces are separated by commas":             {args: []string{"--namespace=a,b"}, want: func(s *releaseSettings) { s.namespaces = []string{"a", "b"} }},
		"what it shares with the operator has variables": {env: env{"EXOSCALE_NLB_KUBECONFIG": "/a/path"}, want: func(s *releaseSettings) { s.kubeconfig = "/a/path" }},
		"what is its own has none":                       {env: env{"EXOSCALE_NLB_NAMESPACE": "a", "EXOSCALE_NLB_CHECK": "perhaps"}, want: func(*releaseSettings) {}},
		"a choice is made":                               {args: []string{"--delete-cloud", "--dry-run"}, want: func(s *releaseSettings) { s.deleteCloud, s.dryRun = true, true }},
		"and confirmed": {args: []string{"--retain", "--without-cloud", "--yes", "--stop-operator=nlb", "--timeout=1m"}, want: func(s *releaseSettings) {
			s.retain, s.withoutCloud, s.yes, s.stopOperator, s.timeout = true, true, true, "nlb", time.Minute
		}},
		"the caller says how to go on":                 {args: []string{"--advice=Try again."}, want: func(s *releaseSettings) { s.advice = "Try again." }},
		"the zone is the operator's":                   {env: env{"EXOSCALE_ZONE": "at-vie-1"}, want: func(s *releaseSettings) { s.Zone = "at-vie-1" }},
		"help is asked for before anything is checked": {args: []string{"--help", "--namespace=!"}, want: func(s *releaseSettings) { s.help, s.namespaces = true, []string{"!"} }},
	} {
		t.Run(name, func(t *testing.T) {
			want := newReleaseSettings()
			tc.want(want)
			got, err := parseRelease(tc.args, environment(tc.env))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(*want, got, unexported()...); diff != "" {
				t.Errorf("- want, + got:\n%s", diff)
			}
		})
	}
}

func TestWhatIsWrongWithReleaseIsNamed(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"a flag of the operator only": {[]string{"--leader-elect"}, "unknown flag: --leader-elect; --help lists all flags"},
		"a namespace that is none":    {[]string{"--namespace=My Space"}, `--namespace: must be a namespace's name; it is "My Space"`},
		"both ways at once":           {[]string{"--retain", "--delete-cloud"}, `--retain: must be true only without --delete-cloud: choose one; it is "true"`},
		"nobody asked, and deleted": {[]string{"--delete-cloud", "--without-cloud"},
			`--without-cloud: must be true only together with --retain: nothing can be deleted where nobody is asked; it is "true"`},
		"a check and a choice":        {[]string{"--check", "--retain"}, `--check: must be true only without --retain and --delete-cloud; it is "true"`},
		"confirmed, and no choice":    {[]string{"--yes"}, `--yes: must be true only together with --retain or --delete-cloud, and without --dry-run; it is "true"`},
		"confirmed, and dry":          {[]string{"--retain", "--yes", "--dry-run"}, `--yes: must be true only together with --retain or --delete-cloud, and without --dry-run; it is "true"`},
		"dry, and no choice":          {[]string{"--dry-run"}, `--dry-run: must be true only together with --retain or --delete-cloud; it is "true"`},
		"a Deployment, and no choice": {[]string{"--stop-operator=nlb"}, `--stop-operator: must be the name of a Deployment, together with --retain or --delete-cloud; it is "nlb"`},
		"no time at all":              {[]string{"--timeout=0s"}, `--timeout: must be longer than nothing; it is "0s"`},
		"an argument":                 {[]string{"all"}, `unexpected argument "all": there are only flags, --help lists them`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseRelease(tc.args, environment(nil))
			if err == nil {
				t.Fatal("it was accepted")
			}
			if diff := cmp.Diff(tc.want, err.Error()); diff != "" {
				t.Errorf("- want, + got:\n%s", diff)
			}
		})
	}
}

func TestHelpOfRelease(t *testing.T) {
	var out bytes.Buffer
	command := Command{Args: []string{"release", "--help"}, Lookup: environment(nil), Out: &out}
	if err := command.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/help-release.txt", out.String())
}
