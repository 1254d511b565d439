package app

import (
	"context"
	"errors"
	"fmt"

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
	_, kubernetes, err := c.begin(s.settings)
	if err != nil {
		return err
	}
	return c.check(ctx, kubernetes, s)
}

// check tells what is held. It fails if anything is, and tells the ways out.
func (c Command) check(ctx context.Context, kubernetes *rest.Config, s releaseSettings) error {
	scheme, err := newScheme()
	if err != nil {
		return err
	}
	reader, err := client.New(kubernetes, client.Options{Scheme: scheme})
	if err != nil {
		return fmt.Errorf("reaching the Kubernetes cluster: %w", err)
	}
	held, err := release.List(ctx, reader, s.namespaces)
	if err != nil {
		return err
	}
	if held.Len() == 0 {
		fmt.Fprintln(c.Out, "The operator holds nothing: it can be removed.")
		return nil
	}
	for _, line := range held.Lines() {
		fmt.Fprintln(c.Out, line)
	}
	return errors.New(stillHeld(held.Len()))
}

func stillHeld(count int) string {
	objects := "1 object"
	if count > 1 {
		objects = fmt.Sprintf("%d objects", count)
	}
	return "the operator still holds " + objects + ": without it they could never be deleted. " +
		"Delete them while it runs, or let go of them: " +
		"release --retain keeps the NLBs with their addresses, release --delete-cloud deletes them"
}
