package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/go-logr/zapr"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/test/controlplane"
	"github.com/exoscale-community/nlb-operator/test/exosim"
	"github.com/exoscale-community/nlb-operator/test/world"
)

// options of a demo.
type options struct {
	// Root is the checkout, Dir takes kubeconfig and logs.
	Root, Dir string
	Out       io.Writer
	// Stay up until the context ends.
	Stay bool
}

// demo is what runs while the story is told.
type demo struct {
	options
	step int               // the chapter
	told map[string]string // what was last said of each object

	cluster  *controlplane.ControlPlane
	client   client.Client
	cloud    *world.Cloud
	pool     exosim.InstancePool
	nodes    *nodes
	operator *world.Operator

	undo []func() error // in the order of what it undoes
}

// run tells the story. Afterwards, whatever happened, nothing of it runs.
func run(ctx context.Context, o options) (err error) {
	d := &demo{options: o, told: map[string]string{}}
	defer func() {
		for _, stop := range slices.Backward(d.undo) {
			err = errors.Join(err, stop())
		}
		if err == nil && o.Stay {
			fmt.Fprintln(o.Out, "Nothing of it is left running.")
		}
	}()
	return d.tell(ctx)
}

// later is called, last first, when the demo ends.
func (d *demo) later(stop func() error) { d.undo = append(d.undo, stop) }

func (d *demo) kubeconfig() string { return filepath.Join(d.Dir, "kubeconfig") }

func (d *demo) operatorLog() string { return filepath.Join(d.Dir, "operator.log") }

func (d *demo) startControlPlane(ctx context.Context) error {
	if err := os.MkdirAll(d.Dir, 0o755); err != nil {
		return err
	}
	var err error
	if d.cluster, err = controlplane.Start(ctx, controlplane.Options{
		CRDs:                  []string{filepath.Join(d.Root, "config", "crd", "bases")},
		ControllerManager:     true,
		ControllerManagerArgs: world.WithoutHeartbeats(),
		LogDir:                d.Dir,
	}); err != nil {
		return err
	}
	d.later(d.cluster.Stop)
	if _, err := os.Stat(d.cluster.Kubectl()); err != nil {
		return fmt.Errorf("the demo needs kubectl beside the other binaries: %w (without KUBEBUILDER_ASSETS, make builds it)", err)
	}
	if err := d.openLog(); err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return err
	}
	config := d.cluster.Config()
	config.QPS, config.Burst = 100, 100 // it looks often
	if d.client, err = client.New(config, client.Options{Scheme: scheme}); err != nil {
		return err
	}
	return d.cluster.WriteKubeconfig(d.kubeconfig())
}

// Health checks are sped up, so that nobody waits for them; operations take a
// time that one can watch.
const (
	probesFaster   = 5
	operationDelay = 2 * time.Second
)

// startCloud makes what config/samples counts on: a pool of three instances,
// and an NLB that isn't the operator's.
func (d *demo) startCloud() error {
	var err error
	if d.cloud, err = world.ServeCloud(exosim.Options{
		OperationDelay: operationDelay, DataPlane: true, ProbeTimeScale: probesFaster,
	}); err != nil {
		return fmt.Errorf("starting the simulated cloud: %w", err)
	}
	d.later(d.cloud.Stop)
	d.pool = d.cloud.AddPool("", exosim.InstancePool{Name: "workers", InstancePrefix: "worker"})
	for _, name := range []string{"worker-1", "worker-2", "worker-3"} {
		d.cloud.AddInstance("", exosim.Instance{Name: name, Manager: &exosim.Manager{ID: d.pool.ID, Type: "instance-pool"}})
	}
	d.cloud.PutLoadBalancer("", exosim.LoadBalancer{
		Name: "shared-ingress", Description: "made by the network team",
		Services: []exosim.Service{{
			Name: "legacy", Protocol: "tcp", Strategy: "round-robin", Port: legacyPort, TargetPort: legacyTargetPort,
			InstancePool: exosim.PoolRef{ID: d.pool.ID},
			HealthCheck:  exosim.HealthCheck{Mode: "tcp", Port: legacyTargetPort, Interval: 10, Timeout: 2, Retries: 1},
		}},
	})
	return nil
}

// The service of others on the external NLB.
const legacyPort, legacyTargetPort = 9000, 30090

// openLog opens the operator's log, in which the clients of Kubernetes speak, too:
// before there is one, since their logger mustn't change while they run.
func (d *demo) openLog() error {
	file, err := os.Create(d.operatorLog())
	if err != nil {
		return err
	}
	// It stays open until the process ends: clients of Kubernetes have something to
	// say even after they have been stopped.
	encoder := zap.NewProductionEncoderConfig()
	encoder.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
	log := zapr.NewLogger(zap.New(zapcore.NewCore(zapcore.NewConsoleEncoder(encoder), zapcore.Lock(file), zap.InfoLevel)))
	ctrl.SetLogger(log)
	klog.SetLogger(log.WithName("client-go"))
	return nil
}

func (d *demo) startOperator(ctx context.Context) error {
	var err error
	d.operator, err = world.RunOperator(ctx, d.cluster.Config(), d.cloud, func(o *app.Options) {
		o.Log = ctrl.Log
		o.SyncPeriod = syncPeriod
		o.SkipNameValidation = true
	})
	if err != nil {
		return fmt.Errorf("starting the operator: %w", err)
	}
	d.later(d.operator.Stop)
	return nil
}

// syncPeriod is how soon health shows in the cluster; by default a minute.
const syncPeriod = 2 * time.Second
