package app

import (
	"errors"
	"time"

	"github.com/spf13/pflag"
)

const aboutCheck = `Tells whether the operator answers, and whether its API key may read what the
operator has to. It changes nothing, and fails if anything isn't well.

Usage: manager check [flags]

The API key is read as the operator reads it.
`

// checkSettings are what a command line of check says, and, for what it has in
// common with the operator, the environment.
type checkSettings struct {
	settings
	operator string
	timeout  time.Duration
}

func newCheckSettings() *checkSettings {
	return &checkSettings{settings: settings{Options: Defaults()}, timeout: 30 * time.Second}
}

func (s *checkSettings) groups() []group {
	return []group{
		{title: "What to ask", flags: s.checkFlags(), typed: true},
		{title: "Exoscale", flags: pick(s.cloudFlags(), "zone", "exoscale-api-endpoint", "exoscale-api-insecure", "exoscale-credentials-file", "exoscale-max-answer")},
	}
}

func (s *checkSettings) checkFlags() *pflag.FlagSet {
	f := newFlags()
	f.StringVar(&s.operator, "operator", "", "`URL` at which the operator tells that it is ready, such as http://NAME.NAMESPACE.svc:8081/readyz; by default it isn't asked")
	f.DurationVar(&s.timeout, "timeout", s.timeout, "how long to wait for all answers together, a `DURATION`")
	return f
}

func parseCheck(args []string, lookup func(string) (string, bool)) (checkSettings, error) {
	s := newCheckSettings()
	if err := s.read(s.groups(), args, lookup); err != nil || s.help || s.version {
		return *s, err
	}
	return *s, s.validate()
}

func (s *checkSettings) validate() error {
	var wrong findings
	wrong.endpoint("operator", s.operator)
	wrong.unless(s.timeout > 0, "timeout", s.timeout.String(), "more than 0")
	if s.Zone == "" {
		wrong.unless(false, "zone", s.Zone, `the name of a zone, such as "ch-gva-2"`)
	}
	return errors.Join(append(wrong, s.Validate())...)
}
