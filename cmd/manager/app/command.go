package app

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/go-logr/logr"
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
	if len(c.Args) > 0 {
		switch c.Args[0] {
		case "check":
			return c.examine(ctx, c.Args[1:])
		case "release":
			return c.release(ctx, c.Args[1:])
		}
	}
	s, err := parse(c.Args, c.Lookup)
	if err != nil || c.answers(s, func() { help(c.Out, about, (&settings{Options: Defaults()}).groups()) }) {
		return err
	}
	log, kubernetes, err := c.begin(s)
	if err != nil {
		return err
	}
	options := s.Options
	options.Version, options.Log, options.Metrics = c.Version, log, metrics.Registry
	a, err := New(ctx, kubernetes, options)
	if err != nil {
		return err
	}
	return a.Run(ctx)
}

// answers what is only a question; false if it is none.
func (c Command) answers(s settings, help func()) bool {
	switch {
	case s.help:
		help()
	case s.version:
		fmt.Fprintln(c.Out, c.Version)
	}
	return s.help || s.version
}

// begin sets the loggers of the process, and finds the cluster.
func (c Command) begin(s settings) (logr.Logger, *rest.Config, error) {
	log, err := newLogger(c.Log, s.LogFormat, s.LogLevel)
	if err != nil {
		return logr.Logger{}, nil, err
	}
	ctrl.SetLogger(log)
	klog.SetLogger(log.WithName("client-go"))
	kubernetes, err := kubernetesConfig(s.kubeconfig)
	return log, kubernetes, err
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
