package app

import (
	"errors"

	"github.com/spf13/pflag"
)

const aboutRelease = `Lets go of all that the operator holds by its finalizers, Services,
NetworkLoadBalancers and NLBServices, for when it is removed for good: nobody
else would, and they could never be deleted. Without a choice, or with --check,
it only tells what is held, and fails if anything is.

Usage: manager release [flags]
`

// releaseSettings are what a command line of release says, and, for what it has
// in common with the operator, the environment.
type releaseSettings struct {
	settings
	check      bool
	namespaces []string
}

// newReleaseSettings log only what is worth a look: the output is for people.
func newReleaseSettings() *releaseSettings {
	s := &releaseSettings{settings: settings{Options: Defaults()}}
	s.LogFormat, s.LogLevel = LogFormatConsole, "warn"
	return s
}

func (s *releaseSettings) groups() []group {
	return []group{
		{title: "What to do", flags: s.releaseFlags(), typed: true},
		{title: "Kubernetes", flags: pick(s.kubernetesFlags(), "kubeconfig")},
	}
}

func (s *releaseSettings) releaseFlags() *pflag.FlagSet {
	f := newFlags()
	f.BoolVar(&s.check, "check", false, "tell what is held, and fail if anything is; this is also what happens without a choice")
	f.StringSliceVar(&s.namespaces, "namespace", nil, "`NAMESPACES` whose objects are meant, separated by commas; by default all")
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

func (s *releaseSettings) validate() error {
	var wrong findings
	wrong.namespaces("namespace", s.namespaces)
	return errors.Join(append(wrong, s.Validate())...)
}
