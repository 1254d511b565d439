package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
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

// bench is one measurement, of a cluster that grows.
type bench struct {
	sizes      []size
	scaleUp    int
	syncPeriod time.Duration
	intervals  int
	timeout    time.Duration
}

// size of a cluster; the pools are of one size.
type size struct{ nodes, pools int }

// scene is what is measured.
type scene struct {
	client.Client
	cloud   *world.Cloud
	network exosim.PrivateNetwork
	pools   []exosim.InstancePool
}

// run measures and tells. Calls that grow with the Nodes, or a scale-up that isn't
// identified in time, are errors, as is whatever kept it from measuring.
func (b bench) run(ctx context.Context, out io.Writer) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, b.timeout, fmt.Errorf("given up after %s", b.timeout))
	defer cancel()
	cluster, err := controlplane.Start(ctx, controlplane.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Stop()) }()
	cloud, err := world.ServeCloud(exosim.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cloud.Stop()) }()
	s := &scene{cloud: cloud, network: cloud.AddPrivateNetwork("", exosim.PrivateNetwork{
		Name: "nodes", StartIP: "10.0.0.10", EndIP: "10.0.7.250", Netmask: "255.255.248.0",
	})}
	if s.Client, err = clientOf(cluster); err != nil {
		return err
	}
	operator, err := world.RunOperator(ctx, cluster.Config(), cloud, func(o *app.Options) {
		o.SyncPeriod, o.RateLimit = b.syncPeriod, 1000
		o.NodeInitialization, o.NodeCSRApproval, o.NodeDeletion = true, true, true
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, operator.Stop()) }()
	return b.measure(ctx, out, s)
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

func (b bench) measure(ctx context.Context, out io.Writer, s *scene) error {
	fmt.Fprintf(out, "An operator at rest, watched for %d lists of the instances, one every %s. Lists don't march in step: one more or less is chance.\n", b.intervals, b.syncPeriod)
	var rests []rest
	for _, size := range b.sizes {
		if err := s.grow(ctx, size); err != nil {
			return err
		}
		calls, err := b.atRest(ctx, s)
		if err != nil {
			return err
		}
		rests = append(rests, rest{size, calls})
		rests[len(rests)-1].print(out)
	}
	return errors.Join(check(rests), b.measureScaleUp(ctx, out, s))
}

// atRest counts the calls between two lists of the instances, some lists apart.
func (b bench) atRest(ctx context.Context, s *scene) (map[string]int, error) {
	// What the growth has left to do is over after two more lists.
	if err := s.lists(ctx, 2); err != nil {
		return nil, err
	}
	err := s.lists(ctx, b.intervals)
	return s.cloud.Calls().Operations, err
}

// lists counts calls anew, and waits for so many lists of the instances.
func (s *scene) lists(ctx context.Context, lists int) error {
	s.cloud.ResetCalls()
	return until(ctx, "the next list", func(context.Context) (bool, error) { return s.listed() >= lists, nil })
}

// listed is how often the instances were listed since calls were counted anew.
func (s *scene) listed() int { return s.cloud.Calls().Operations[listInstances] }

// grow makes the cluster as large as given, and waits until all of it is verified
// and served.
func (s *scene) grow(ctx context.Context, to size) error {
	for i := len(s.pools); i < to.pools; i++ {
		if err := s.addPool(ctx, fmt.Sprintf("pool-%02d", i)); err != nil {
			return err
		}
	}
	for _, pool := range s.pools {
		s.cloud.ScalePool(pool.ID, to.nodes/to.pools)
	}
	if err := s.join(ctx); err != nil {
		return err
	}
	if err := s.identified(ctx, to.nodes, v1alpha1.ReasonVerified); err != nil {
		return err
	}
	return until(ctx, "the Services to be served", func(ctx context.Context) (bool, error) {
		services := &corev1.ServiceList{}
		if err := s.List(ctx, services, client.InNamespace(metav1.NamespaceDefault), client.MatchingLabels{"bench": "nodes"}); err != nil {
			return false, err
		}
		for i := range services.Items {
			if len(services.Items[i].Status.LoadBalancer.Ingress) == 0 {
				return false, nil
			}
		}
		return true, nil
	})
}

// addPool makes an SKS nodepool on the private network, and a Service to it.
func (s *scene) addPool(ctx context.Context, name string) error {
	pool := s.cloud.AddPool("", exosim.InstancePool{Name: name, InstancePrefix: name, PrivateNetworks: []exosim.Ref{{ID: s.network.ID}}})
	s.cloud.AddCluster("", exosim.SKSCluster{Name: name, Nodepools: []exosim.SKSNodepool{{Name: name, InstancePool: exosim.Ref{ID: pool.ID}}}})
	s.pools = append(s.pools, pool)
	class := v1alpha1.LoadBalancerClass
	return s.Create(ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: metav1.NamespaceDefault, Name: name, Labels: map[string]string{"bench": "nodes"},
			Annotations: map[string]string{v1alpha1.AnnotationInstancePoolID: pool.ID},
		},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeLoadBalancer, LoadBalancerClass: &class, Ports: []corev1.ServicePort{{Name: "http", Port: 80}},
		},
	})
}

// join makes a Node of each instance that has none.
func (s *scene) join(ctx context.Context) error {
	nodes := &corev1.NodeList{}
	if err := s.List(ctx, nodes); err != nil {
		return err
	}
	joined := map[string]bool{}
	for i := range nodes.Items {
		joined[nodes.Items[i].Name] = true
	}
	for _, pool := range s.pools {
		for _, instance := range s.cloud.Members(pool.ID) {
			if joined[instance.Name] {
				continue
			}
			if err := world.JoinNodes(ctx, s.Client, []exosim.Instance{instance}); err != nil {
				return err
			}
		}
	}
	return nil
}

// identified waits until so many NodeIdentities say why they are verified, or not.
func (s *scene) identified(ctx context.Context, count int, reasons ...string) error {
	return until(ctx, fmt.Sprintf("%d NodeIdentities", count), func(ctx context.Context) (bool, error) {
		list := &v1alpha1.NodeIdentityList{}
		if err := s.List(ctx, list); err != nil {
			return false, err
		}
		found := 0
		for i := range list.Items {
			verified := meta.FindStatusCondition(list.Items[i].Status.Conditions, v1alpha1.ConditionVerified)
			for _, reason := range reasons {
				if verified != nil && verified.Reason == reason {
					found++
				}
			}
		}
		return found == count, nil
	})
}

func until(ctx context.Context, what string, condition wait.ConditionWithContextFunc) error {
	if err := wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, condition); err != nil {
		return fmt.Errorf("waiting for %s: %w", what, errors.Join(err, context.Cause(ctx)))
	}
	return nil
}
