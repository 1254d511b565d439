package app

import (
	"context"
	"errors"
	"fmt"
	"io"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// Command is the program: it runs until ctx ends. Its error is for whoever
// started it; a wrong flag, variable or value is named there.
type Command struct {
	Args     []string // without the program's name
	Lookup   func(variable string) (string, bool)
	Out, Log io.Writer
	Version  string
}

// Run the program. A process can do it once: it sets the loggers and the metrics
// that a process has one of.
func (c Command) Run(ctx context.Context) error {
	s, err := parse(c.Args, c.Lookup)
	switch {
	case err != nil:
		return err
	case s.help:
		help(c.Out)
		return nil
	case s.version:
		fmt.Fprintln(c.Out, c.Version)
		return nil
	}
	log, err := newLogger(c.Log, s.LogFormat, s.LogLevel)
	if err != nil {
		return err
	}
	ctrl.SetLogger(log)
	klog.SetLogger(log.WithName("client-go"))
	kubernetes, err := kubernetesConfig(s.kubeconfig)
	if err != nil {
		return err
	}
	options := s.Options
	options.Version, options.Log, options.CloudMetrics = c.Version, log, metrics.Registry
	a, err := New(ctx, kubernetes, options)
	if err != nil {
		return err
	}
	return a.Run(ctx)
}

// kubernetesConfig finds the cluster: a path that is given has to lead to one;
// else it is looked for where kubectl does, and in a Pod's service account.
func kubernetesConfig(path string) (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = path
	const remedy = "--kubeconfig, or the variable KUBECONFIG, tells where it is"
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).ClientConfig()
	switch {
	case clientcmd.IsEmptyConfig(err):
		return nil, errors.New("no Kubernetes cluster is given: " + remedy)
	case err != nil:
		return nil, fmt.Errorf("finding the Kubernetes cluster (%s): %w", remedy, err)
	}
	return config, nil
}
