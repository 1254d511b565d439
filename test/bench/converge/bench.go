package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/go-logr/zapr"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/test/controlplane"
	"github.com/exoscale-community/nlb-operator/test/exosim"
	"github.com/exoscale-community/nlb-operator/test/world"
)

// bench is one measurement.
type bench struct {
	services int
	delay    time.Duration
	timeout  time.Duration
	log      string
}

// run measures and tells. A wrong number of calls is an error, as is whatever
// kept it from measuring.
func (b bench) run(ctx context.Context, out io.Writer) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, b.timeout, fmt.Errorf("given up after %s", b.timeout))
	defer cancel()
	cluster, err := controlplane.Start(ctx, controlplane.Options{ControllerManager: true, ControllerManagerArgs: world.WithoutHeartbeats()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Stop()) }()
	cloud, err := world.ServeCloud(exosim.Options{OperationDelay: b.delay})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cloud.Stop()) }()
	c, err := clientOf(cluster)
	if err != nil {
		return err
	}
	pool := cloud.AddPool("", exosim.InstancePool{Name: "workers", Size: 3, InstancePrefix: "worker"})
	if err := world.JoinNodes(ctx, c, cloud.Members(pool.ID)); err != nil {
		return err
	}
	asked := &requests{counts: map[string]int{}}
	operator, err := b.operator(ctx, cluster, cloud, asked)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, operator.Stop()) }()
	return b.measure(ctx, out, cluster, c, cloud, asked)
}

func clientOf(cluster *controlplane.ControlPlane) (client.Client, error) {
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	config := cluster.Config()
	config.QPS, config.Burst = 1000, 1000 // all at once
	return client.New(config, client.Options{Scheme: scheme})
}

func (b bench) operator(ctx context.Context, cluster *controlplane.ControlPlane, cloud *world.Cloud, asked *requests) (*world.Operator, error) {
	config := cluster.Config()
	config.Wrap(asked.wrap)
	if b.log == "" {
		return world.RunOperator(ctx, config, cloud, nil)
	}
	file, err := os.Create(b.log)
	if err != nil {
		return nil, err
	}
	encoder := zap.NewProductionEncoderConfig()
	encoder.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
	core := zapcore.NewCore(zapcore.NewConsoleEncoder(encoder), zapcore.Lock(file), zap.DebugLevel)
	return world.RunOperator(ctx, config, cloud, func(o *app.Options) { o.Log = zapr.NewLogger(zap.New(core)) })
}

func (b bench) measure(ctx context.Context, out io.Writer, cluster *controlplane.ControlPlane, c client.Client, cloud *world.Cloud, asked *requests) error {
	if err := b.settle(ctx, c); err != nil {
		return err
	}
	cloud.ResetCalls()
	asked.reset()
	fmt.Fprintf(out, "Creating %d Services of two ports each; each operation of the cloud takes %s.\n", b.services, b.delay)
	watching, stop := context.WithCancel(ctx)
	defer stop()
	w, err := watchReadiness(watching, cluster.Config(), c.Scheme())
	if err != nil {
		return err
	}
	start := time.Now()
	created, err := b.createAll(ctx, c)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "  created in the cluster after %s\n", seconds(time.Since(start)))
	ready, err := w.all(ctx, b.services)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "  all Ready after %s; the least is %s for create, add, add\n", seconds(last(ready).Sub(start)), seconds(3*b.delay))
	fmt.Fprintf(out, "  one Service, from its creation on: %s\n", quantiles(durations(created, ready)))
	calls := countCalls(cloud.Calls(), cloud.MutatingCalls())
	calls.print(out)
	fmt.Fprintf(out, "  requests to the Kubernetes API server: %s\n", listed(asked.soFar()))

	cloud.ResetCalls()
	asked.reset()
	fmt.Fprintf(out, "Deleting them.\n")
	start = time.Now()
	if err := b.deleteAll(ctx, c); err != nil {
		return err
	}
	if err := b.emptied(ctx, c, cloud); err != nil {
		return err
	}
	fmt.Fprintf(out, "  cloud and cluster empty after %s; the least is %s for delete, delete, delete\n", seconds(time.Since(start)), seconds(3*b.delay))
	countCalls(cloud.Calls(), cloud.MutatingCalls()).print(out)
	fmt.Fprintf(out, "  requests to the Kubernetes API server: %s\n", listed(asked.soFar()))
	return calls.check(b.services)
}

// settle waits until the operator answers, since its start isn't what is
// measured: it says of an NLB that isn't there that it isn't there.
func (b bench) settle(ctx context.Context, c client.Client) error {
	asked := &v1alpha1.NetworkLoadBalancer{
		ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: "is-anybody-there"},
		Spec:       v1alpha1.NetworkLoadBalancerSpec{ManagementPolicy: v1alpha1.External, Name: "nothing"},
	}
	if err := c.Create(ctx, asked); err != nil {
		return err
	}
	if err := until(ctx, "the operator to answer", func(ctx context.Context) (bool, error) {
		err := c.Get(ctx, client.ObjectKeyFromObject(asked), asked)
		return asked.Status.ObservedGeneration == asked.Generation, err
	}); err != nil {
		return err
	}
	if err := c.Delete(ctx, asked); err != nil {
		return err
	}
	return until(ctx, "what was asked for to go", func(ctx context.Context) (bool, error) {
		err := c.Get(ctx, client.ObjectKeyFromObject(asked), asked)
		return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
	})
}

// createAll returns when each Service was asked for, by name.
func (b bench) createAll(ctx context.Context, c client.Client) (map[string]time.Time, error) {
	created := make([]time.Time, b.services)
	group, ctx := errgroup.WithContext(ctx)
	for i := range b.services {
		group.Go(func() error {
			created[i] = time.Now()
			return c.Create(ctx, service(i))
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("creating the Services: %w", err)
	}
	byName := make(map[string]time.Time, b.services)
	for i := range b.services {
		byName[service(i).Name] = created[i]
	}
	return byName, nil
}

func (b bench) deleteAll(ctx context.Context, c client.Client) error {
	group, ctx := errgroup.WithContext(ctx)
	for i := range b.services {
		group.Go(func() error { return c.Delete(ctx, service(i)) })
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("deleting the Services: %w", err)
	}
	return nil
}

// emptied waits until nothing of the Services is left on either side.
func (b bench) emptied(ctx context.Context, c client.Client, cloud *world.Cloud) error {
	return until(ctx, "cloud and cluster to be empty", func(ctx context.Context) (bool, error) {
		if len(cloud.LoadBalancers("")) > 0 {
			return false, nil
		}
		left := &corev1.ServiceList{}
		if err := c.List(ctx, left); err != nil {
			return false, err
		}
		for i := range left.Items {
			if left.Items[i].Spec.Type == corev1.ServiceTypeLoadBalancer {
				return false, nil
			}
		}
		return true, nil
	})
}

func until(ctx context.Context, what string, condition wait.ConditionWithContextFunc) error {
	if err := wait.PollUntilContextCancel(ctx, 100*time.Millisecond, true, condition); err != nil {
		return fmt.Errorf("waiting for %s: %w", what, errors.Join(err, context.Cause(ctx)))
	}
	return nil
}

func service(i int) *corev1.Service {
	class := v1alpha1.LoadBalancerClass
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: fmt.Sprintf("converge-%03d", i)},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeLoadBalancer, LoadBalancerClass: &class,
			Ports: []corev1.ServicePort{{Name: "http", Port: 80}, {Name: "https", Port: 443}},
		},
	}
}
