package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
)

// examine tells whether the operator answers, and whether its API key may read
// what it has to, as a command of its own that ends. It changes nothing. Its
// error has a line for each that isn't well.
func (c Command) examine(ctx context.Context, args []string) error {
	s, err := parseCheck(args, c.Lookup)
	if err != nil || c.answers(s.settings, func() { help(c.Out, aboutCheck, newCheckSettings().groups()) }) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	// The key first: who waits for the operator may use up the time.
	return errors.Join(c.examineKey(ctx, s), c.examineOperator(ctx, s.operator))
}

// askAgain is how soon the operator is asked again: it may be starting.
const askAgain = time.Second

func (c Command) examineOperator(ctx context.Context, url string) error {
	if url == "" {
		return nil
	}
	for {
		err := get(ctx, url)
		if err == nil {
			fmt.Fprintf(c.Out, "The operator answers at %s.\n", url)
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the operator doesn't answer at %s: %w. Look at its Pods: kubectl describe tells why they don't run, and kubectl logs why they aren't ready", url, err)
		case <-time.After(askAgain):
		}
	}
}

func get(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20))
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("it says %s", response.Status)
	}
	return nil
}

// examineKey asks for the four lists that the operator lives by.
func (c Command) examineKey(ctx context.Context, s checkSettings) error {
	credentials := exoscale.EnvironmentCredentials()
	if s.CredentialsFile != "" {
		credentials = exoscale.NewFileCredentials(s.CredentialsFile, exoscale.FileCredentialsOptions{})
	}
	client, err := exoscale.NewClient(exoscale.Options{
		Endpoint: s.APIEndpoint, Insecure: s.APIInsecure, Zone: s.Zone, Credentials: credentials,
		MaxAnswer: s.maxAnswer(), UserAgent: Name + "/" + c.Version,
	})
	if err != nil {
		return err
	}
	var wrong []error
	for _, ask := range []func() error{
		func() error { _, err := client.LoadBalancers(ctx, s.Zone); return err },
		func() error { _, err := client.InstancePools(ctx, s.Zone); return err },
		func() error { _, err := client.Instances(ctx, s.Zone); return err },
		func() error { _, err := client.SKSNodepools(ctx, s.Zone); return err },
	} {
		err := ask()
		if err == nil {
			continue
		}
		wrong = append(wrong, errors.New(outcome.FromCloud("Asking Exoscale", err).Message))
		if exoscale.ClassOf(err) != exoscale.Forbidden {
			break // the others would say the same
		}
	}
	if len(wrong) == 0 {
		fmt.Fprintf(c.Out, "The API key works: it may list the NLBs, instance pools, instances and SKS clusters of zone %s.\n", s.Zone)
	}
	return errors.Join(wrong...)
}
