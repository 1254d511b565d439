package app

import (
	"context"
	"fmt"
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/exoscale-community/nlb-operator/internal/release"
)

// guardKey is where the ConfigMap of Options.UninstallGuard is.
func guardKey(options Options) (types.NamespacedName, error) {
	options.LeaderElect = true // in the namespace of the lease, whether there is one or not
	namespace, err := leaseNamespace(options)
	return types.NamespacedName{Namespace: namespace, Name: options.UninstallGuard}, err
}

// setupGuard has the guard bear its finalizer while anything is held.
func (a *App) setupGuard(kubernetes *rest.Config) error {
	if a.options.UninstallGuard == "" {
		return nil
	}
	key, err := guardKey(a.options)
	if err != nil {
		return err
	}
	direct, err := uncached(kubernetes)
	if err != nil {
		return err
	}
	a.counters.Foresee("ConfigMap", corev1.EventTypeWarning, release.ReasonStillHeld)
	return a.manager.Add(&release.Guard{
		Cache: a.manager.GetClient(), Client: direct, Key: key, Events: a.events, Clock: clock.RealClock{}, Log: a.options.Log.WithName("guard"),
	})
}

// freeGuard lets the guard go, since no operator does any more.
func (r *releasing) freeGuard(ctx context.Context) error {
	if r.UninstallGuard == "" {
		return nil
	}
	key, err := guardKey(Options{UninstallGuard: r.UninstallGuard, LeaderElectionNamespace: r.LeaderElectionNamespace})
	if err != nil {
		return err
	}
	guard := &release.Guard{Cache: r.uncached, Client: r.uncached, Key: key}
	return guard.Free(ctx, r.Namespaces)
}

const (
	// waitLook is how often it is looked whether something is held still.
	waitLook = 2 * time.Second
	// rightsLimit is how long the rights to look may take to be there: Argo CD makes
	// them at the same time as the Job.
	rightsLimit = time.Minute
)

// CheckAndWait is Check where Helm installed the operator, which a failure stops. Others
// it doesn't: Argo CD begins again, and once goes on. So it waits, and tells of what.
func CheckAndWait(ctx context.Context, kubernetes *rest.Config, options Options, namespaces []string, out io.Writer) error {
	key, err := guardKey(options)
	if err != nil {
		return err
	}
	reader, err := uncached(kubernetes)
	if err != nil {
		return err
	}
	said, begun := "", time.Now()
	for {
		helm, err := release.HelmObeys(ctx, reader, key)
		var held release.Held
		if err == nil {
			if helm {
				return Check(ctx, kubernetes, namespaces, out)
			}
			held, err = release.List(ctx, reader, namespaces)
		}
		switch {
		case err != nil && time.Since(begun) > rightsLimit:
			return err
		case err == nil && held.Len() == 0:
			fmt.Fprintln(out, "The operator holds nothing: it can be removed.")
			return nil
		case err == nil:
			begun = time.Now() // the rights are there
			said = tellHeld(out, held, said)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(waitLook):
		}
	}
}

// tellHeld tells what is held and what to do, unless that was said.
func tellHeld(out io.Writer, held release.Held, said string) string {
	now := ""
	for _, line := range held.Lines() {
		now += line + "\n"
	}
	now += "Waiting: " + release.StillHeld(held.Len()) + ". Nothing is removed yet. Delete them while it runs, with Argo CD the applications that they are of: " +
		"then it goes on by itself. Or let go of them by \"manager release --retain\", which keeps the NLBs with their addresses, or \"manager release --delete-cloud\".\n"
	if now != said {
		fmt.Fprint(out, now)
	}
	return now
}
