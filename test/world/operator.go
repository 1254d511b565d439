package world

import (
	"context"

	"k8s.io/client-go/rest"

	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
)

// Operator is one that runs in this process.
type Operator struct {
	cancel context.CancelFunc
	ended  chan struct{}
	err    error // read after ended is closed
}

// RunOperator runs the operator with its default options between a cluster and
// a cloud, until Stop. It serves neither metrics nor probes; edit, unless nil,
// changes that and whatever else. ctx is only for the start.
func RunOperator(ctx context.Context, cluster *rest.Config, cloud *Cloud, edit func(*app.Options)) (*Operator, error) {
	key := cloud.AdminKey()
	options := app.Defaults()
	options.Zone, options.APIEndpoint = cloud.Zones()[0], cloud.Endpoint
	options.Credentials = exoscale.StaticCredentials(key.Key, key.Secret)
	options.MetricsBindAddress, options.HealthProbeBindAddress = app.Off, app.Off
	if edit != nil {
		edit(&options)
	}
	operator, err := app.New(ctx, cluster, options)
	if err != nil {
		return nil, err
	}
	running, cancel := context.WithCancel(context.Background())
	o := &Operator{cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(o.ended)
		o.err = operator.Run(running)
	}()
	return o, nil
}

// RunBehind is RunOperator with a gate between the operator and both servers.
// When the gate is shut the operator's context ends as well; what is left of it
// ends by itself, without a word to anyone.
func RunBehind(ctx context.Context, gate *Gate, cluster *rest.Config, cloud *Cloud, edit func(*app.Options)) (*Operator, error) {
	cluster = rest.CopyConfig(cluster)
	cluster.Wrap(gate.Wrap)
	o, err := RunOperator(ctx, cluster, cloud, func(options *app.Options) {
		options.APIEndpoint = cloud.Cloud.Endpoint(gate.URL, options.Zone)
		if edit != nil {
			edit(options)
		}
	})
	if err != nil {
		return nil, err
	}
	context.AfterFunc(gate.dead, o.cancel)
	return o, nil
}

// Stop ends the operator and returns when nothing of it works any more. Its
// error is what ended it before.
func (o *Operator) Stop() error {
	o.cancel()
	<-o.ended
	return o.err
}

// Ended is closed when the operator doesn't work any more; Stop then tells why.
func (o *Operator) Ended() <-chan struct{} { return o.ended }
