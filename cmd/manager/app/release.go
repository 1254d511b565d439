package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/internal/release"
)

// release lets go of what the operator holds, as a command of its own that ends.
func (c Command) release(ctx context.Context, args []string) error {
	s, err := parseRelease(args, c.Lookup)
	if err != nil || c.answers(s.settings, func() { help(c.Out, aboutRelease, newReleaseSettings().groups()) }) {
		return err
	}
	log, kubernetes, err := c.begin(s.settings)
	if err != nil {
		return err
	}
	s.Version, s.Log = c.Version, log
	err = c.releaseAs(ctx, kubernetes, s)
	if err == nil {
		return nil
	}
	return advised(err, s.fittingAdvice(ctx, kubernetes))
}

const (
	// adviceLimit is how long it may take to find out whom the advice is for.
	adviceLimit = 10 * time.Second
	// withoutHelm is the advice where no command of Helm helps.
	withoutHelm = "Mend what is said above. Argo CD runs this again by itself, and removes nothing of the operator before nothing is held any more"
)

// fittingAdvice is the caller's advice if Helm installed the operator, and withoutHelm if
// something else did. It is empty if the guard can't be read.
func (s *releaseSettings) fittingAdvice(ctx context.Context, kubernetes *rest.Config) string {
	if s.advice == "" || s.UninstallGuard == "" {
		return s.advice
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), adviceLimit)
	defer cancel()
	key, err := guardKey(s.Options)
	if err != nil {
		return ""
	}
	reader, err := uncached(kubernetes)
	if err != nil {
		return ""
	}
	switch helm, err := release.HelmObeys(ctx, reader, key); {
	case err != nil:
		return ""
	case helm:
		return s.advice
	default:
		return withoutHelm
	}
}

func (c Command) releaseAs(ctx context.Context, kubernetes *rest.Config, s releaseSettings) error {
	switch {
	case s.mode() == "" && s.UninstallGuard != "":
		return CheckAndWait(ctx, kubernetes, s.Options, s.namespaces, c.Out)
	case s.mode() == "":
		return Check(ctx, kubernetes, s.namespaces, c.Out)
	case !s.yes && !s.dryRun:
		return errors.Join(Release(ctx, kubernetes, s.options(c.Out)), errors.New("nothing was changed: add --yes to do this"))
	default:
		return Release(ctx, kubernetes, s.options(c.Out))
	}
}

// advised tells after what went wrong how to go on, where whoever called the
// program knows better: that of what is held goes in its place.
func advised(err error, advice string) error {
	if err == nil || advice == "" {
		return err
	}
	if held, is := errors.AsType[stillHeld](err); is {
		return errors.New(held.what() + ". " + advice)
	}
	return fmt.Errorf("%w\n%s", err, advice)
}

// Check tells what is held in the namespaces, in all if none is named. It fails if
// anything is, and tells the ways out.
func Check(ctx context.Context, kubernetes *rest.Config, namespaces []string, out io.Writer) error {
	reader, err := uncached(kubernetes)
	if err != nil {
		return err
	}
	held, err := release.List(ctx, reader, namespaces)
	if err != nil {
		return err
	}
	if held.Len() == 0 {
		fmt.Fprintln(out, "The operator holds nothing: it can be removed.")
		return nil
	}
	for _, line := range held.Lines() {
		fmt.Fprintln(out, line)
	}
	return stillHeld(held.Len())
}

// stillHeld is how many objects the operator holds.
type stillHeld int

func (count stillHeld) what() string { return release.StillHeld(int(count)) }

// Error implements error.
func (count stillHeld) Error() string {
	return count.what() + ". Delete them while it runs, or let go of them: " +
		"release --retain keeps the NLBs with their addresses, release --delete-cloud deletes them"
}

func uncached(kubernetes *rest.Config) (client.Client, error) {
	scheme, err := newScheme()
	if err != nil {
		return nil, err
	}
	c, err := client.New(kubernetes, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("reaching the Kubernetes cluster: %w", err)
	}
	return c, nil
}
