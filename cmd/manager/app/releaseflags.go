package app

import (
	"errors"
	"io"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/exoscale-community/nlb-operator/internal/release"
)

const aboutRelease = `Lets go of all that the operator holds by its finalizers, Services,
NetworkLoadBalancers and NLBServices, for when it is removed for good: nobody
else would, and they could never be deleted. The objects themselves stay, unless
they are being deleted. What isn't provably the operator's is never touched.

Without a choice between --retain and --delete-cloud it only tells what is held,
and fails if anything is. With one, and without --yes, it tells what would become
of each object.

Usage: manager release [flags]
`

// releaseSettings are what a command line of release says, and, for what it has
// in common with the operator, the environment.
type releaseSettings struct {
	settings
	check        bool
	retain       bool
	withoutCloud bool
	deleteCloud  bool
	namespaces   []string
	stopOperator string
	dryRun, yes  bool
	advice       string
	timeout      time.Duration
}

// options of the release that is asked for.
func (s *releaseSettings) options(out io.Writer) ReleaseOptions {
	return ReleaseOptions{
		Options: s.Options, Mode: s.mode(), Namespaces: s.namespaces,
		StopOperator: s.stopOperator, DryRun: !s.yes, Timeout: s.timeout, Out: out,
	}
}

// newReleaseSettings log only what is worth a look: the output is for people.
func newReleaseSettings() *releaseSettings {
	s := &releaseSettings{settings: settings{Options: Defaults()}}
	s.LogFormat, s.LogLevel = LogFormatConsole, "warn"
	s.timeout = 10 * time.Minute
	return s
}

func (s *releaseSettings) groups() []group {
	return []group{
		{title: "What to do", flags: s.releaseFlags(), typed: true},
		{title: "Exoscale", flags: pick(s.cloudFlags(), "zone", "exoscale-api-endpoint", "exoscale-api-insecure", "exoscale-credentials-file", "exoscale-rate-limit", "exoscale-max-answer", "cluster-id")},
		{title: "Kubernetes", flags: pick(s.kubernetesFlags(), "kubeconfig", "leader-election-namespace", "uninstall-guard")},
	}
}

func (s *releaseSettings) releaseFlags() *pflag.FlagSet {
	f := newFlags()
	f.BoolVar(&s.check, "check", false, "only tell what is held, and fail if anything is; this is also what happens without a choice. With an --uninstall-guard that Helm didn't install it waits until nothing is")
	f.BoolVar(&s.retain, "retain", false,
		"keep the NLBs, their services and addresses, and mark the NLBs as retained: objects of the same namespace and name in this cluster claim them again")
	f.BoolVar(&s.withoutCloud, "without-cloud", false, "with --retain: ask Exoscale nothing, for when there is no API key any more; no NLB is marked")
	f.BoolVar(&s.deleteCloud, "delete-cloud", false,
		"delete at Exoscale what is provably the operator's, as the deletion of each object would: what has the deletionPolicy Retain, or is External, stays")
	f.StringSliceVar(&s.namespaces, "namespace", nil, "`NAMESPACES` whose objects are meant, separated by commas; by default all")
	f.StringVar(&s.stopOperator, "stop-operator", "", "scale this `DEPLOYMENT`, in the namespace of the lease, to 0 first; otherwise it is refused to let go of anything while an operator renews its lease")
	f.BoolVar(&s.dryRun, "dry-run", false, "only tell what would become of each object")
	f.BoolVar(&s.yes, "yes", false, "do it")
	f.StringVar(&s.advice, "advice", "", "`TEXT` to end with if it fails: how to go on, where whoever calls this knows better")
	f.DurationVar(&s.timeout, "timeout", s.timeout, "`DURATION` after which it gives up; what isn't free by then stays held, and may be let go of by another try")
	return f
}

// pick gives those of the flags that bear one of the names, in their order.
func pick(flags *pflag.FlagSet, names ...string) *pflag.FlagSet {
	picked := newFlags()
	for _, name := range names {
		picked.AddFlag(flags.Lookup(name))
	}
	return picked
}

func parseRelease(args []string, lookup func(string) (string, bool)) (releaseSettings, error) {
	s := newReleaseSettings()
	if err := s.read(s.groups(), args, lookup); err != nil || s.help || s.version {
		return *s, err
	}
	return *s, s.validate()
}

// mode is what becomes of Exoscale's part; empty if nothing is to be let go.
func (s *releaseSettings) mode() release.Mode {
	switch {
	case s.deleteCloud:
		return release.DeleteCloud
	case s.retain && s.withoutCloud:
		return release.WithoutCloud
	case s.retain:
		return release.Retain
	default:
		return ""
	}
}

func (s *releaseSettings) validate() error {
	var wrong findings
	only := func(set, ok bool, flag, allowed string) { wrong.unless(!set || ok, flag, "true", allowed) }
	only(s.retain, !s.deleteCloud, "retain", "true only without --delete-cloud: choose one")
	only(s.withoutCloud, s.retain, "without-cloud", "true only together with --retain: nothing can be deleted where nobody is asked")
	only(s.check, s.mode() == "", "check", "true only without --retain and --delete-cloud")
	chosen := s.mode() != ""
	only(s.dryRun, chosen, "dry-run", "true only together with --retain or --delete-cloud")
	only(s.yes, chosen && !s.dryRun, "yes", "true only together with --retain or --delete-cloud, and without --dry-run")
	wrong.unless(s.stopOperator == "" || chosen && len(validation.IsDNS1123Subdomain(s.stopOperator)) == 0, "stop-operator", s.stopOperator,
		"the name of a Deployment, together with --retain or --delete-cloud")
	wrong.unless(s.timeout > 0, "timeout", s.timeout.String(), "longer than nothing")
	wrong.namespaces("namespace", s.namespaces)
	return errors.Join(append(wrong, s.Validate())...)
}
