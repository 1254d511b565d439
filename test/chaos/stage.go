package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/controlplane"
)

// stage is what all histories share: a control plane, and its objects as seen
// through one cache. Each history has a namespace, a cloud and Nodes of its own: the
// instances of pool A.
type stage struct {
	cluster *controlplane.ControlPlane
	config  *rest.Config
	client  client.Client
	seen    client.Reader
	witness *witness
	stop    context.CancelFunc
}

// The pools of every cloud. Users may forward to B, which holds no Node.
const (
	poolA = "aaaaaaaa-0000-4000-8000-00000000000a"
	poolB = "bbbbbbbb-0000-4000-8000-00000000000b"
)

func setUp(ctx context.Context) (s *stage, err error) {
	cluster, err := controlplane.Start(ctx, controlplane.Options{
		ControllerManager: true, ControllerManagerArgs: map[string]string{"controllers": "garbage-collector-controller"},
	})
	if err != nil {
		return nil, err
	}
	s = &stage{cluster: cluster, config: cluster.Config(), witness: newWitness(), stop: func() {}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.tearDown())
		}
	}()
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	s.config.QPS, s.config.Burst = 5000, 5000
	if s.client, err = client.New(s.config, client.Options{Scheme: scheme}); err != nil {
		return nil, err
	}
	return s, s.watch(scheme)
}

// watch fills the cache, and shows the witness every version.
func (s *stage) watch(scheme *runtime.Scheme) error {
	objects, err := cache.New(s.config, cache.Options{Scheme: scheme, DefaultTransform: cache.TransformStripManagedFields()})
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(context.Background())
	s.stop, s.seen = stop, objects
	for _, object := range []client.Object{&corev1.Service{}, &v1alpha1.NLBService{}, &v1alpha1.NetworkLoadBalancer{}} {
		informer, err := objects.GetInformer(running, object, cache.BlockUntilSynced(false))
		if err != nil {
			return err
		}
		if _, is := object.(*v1alpha1.NetworkLoadBalancer); is {
			if _, err := informer.AddEventHandler(s.witness); err != nil {
				return err
			}
		}
	}
	go func() { _ = objects.Start(running) }() // returns nil when it is stopped
	synced, cancel := context.WithTimeout(running, time.Minute)
	defer cancel()
	if !objects.WaitForCacheSync(synced) {
		return fmt.Errorf("the cache wasn't filled within a minute")
	}
	return nil
}

func (s *stage) tearDown() error {
	s.stop()
	return s.cluster.Stop()
}
