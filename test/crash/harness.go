package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/zapr"
	"github.com/google/uuid"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
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

// Every cloud has the same two pools, of the same instances, which are the Nodes
// of the one cluster.
const (
	workersID = "aaaaaaaa-0000-4000-8000-000000000000"
	greenID   = "bbbbbbbb-0000-4000-8000-000000000000"
)

var members = []exosim.Instance{
	{ID: "aaaaaaaa-0000-4000-8000-000000000001", Name: "workers-1", PublicIP: "198.18.255.1", Manager: &exosim.Manager{ID: workersID}},
	{ID: "aaaaaaaa-0000-4000-8000-000000000002", Name: "workers-2", PublicIP: "198.18.255.2", Manager: &exosim.Manager{ID: workersID}},
	{ID: "bbbbbbbb-0000-4000-8000-000000000001", Name: "green-1", PublicIP: "198.18.255.3", Manager: &exosim.Manager{ID: greenID}},
	{ID: "bbbbbbbb-0000-4000-8000-000000000002", Name: "green-2", PublicIP: "198.18.255.4", Manager: &exosim.Manager{ID: greenID}},
}

// clusterID is what the operators call the cluster.
const clusterID = "crash"

// nodePorts are for all Services of all points, which are never deleted if it
// isn't by the scenario. Those that scenarios choose are the last of them.
const (
	nodePorts       = "10000-60000"
	chosenNodePorts = 55000
)

// harness is the one control plane that all points share.
type harness struct {
	cluster *controlplane.ControlPlane
	client  client.Client
	log     logr.Logger
	chosen  atomic.Int32 // node ports
	stories atomic.Int32
}

// newHarness starts the control plane and joins the Nodes. log is the file for
// what all operators tell; empty: it isn't kept.
func newHarness(ctx context.Context, log string) (*harness, error) {
	h := &harness{log: logr.Discard()}
	if log != "" {
		file, err := os.Create(log)
		if err != nil {
			return nil, err
		}
		encoder := zap.NewProductionEncoderConfig()
		encoder.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
		h.log = zapr.NewLogger(zap.New(zapcore.NewCore(zapcore.NewConsoleEncoder(encoder), zapcore.Lock(file), zap.DebugLevel)))
	}
	var err error
	if h.cluster, err = controlplane.Start(ctx, controlplane.Options{
		APIServerArgs: map[string][]string{"service-node-port-range": {nodePorts}},
	}); err != nil {
		return nil, err
	}
	if err := h.join(ctx); err != nil {
		return nil, errors.Join(err, h.cluster.Stop())
	}
	return h, nil
}

func (h *harness) join(ctx context.Context) error {
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return err
	}
	config := h.cluster.Config()
	config.QPS, config.Burst = 1000, 1000 // many points at once
	var err error
	if h.client, err = client.New(config, client.Options{Scheme: scheme}); err != nil {
		return err
	}
	st, err := h.newStory(ctx, scenario{name: "before"}, fleet{members: members, labels: sharedNodes})
	if err != nil {
		return err
	}
	return errors.Join(st.identify(), st.cloud.Stop())
}

// fleet is the Nodes of a story and the instances that they are.
type fleet struct {
	members []exosim.Instance
	labels  map[string]string
}

// sharedNodes are the Nodes of all stories that don't need their own.
var sharedNodes = map[string]string{storyLabel: "any"}

const storyLabel = "story"

// ownFleet is like the one that is shared, for a story in which all of it may seem
// to vanish: its NodeIdentities say so then, and others' mustn't.
func ownFleet(story string) fleet {
	own := fleet{labels: map[string]string{storyLabel: story}}
	for _, member := range members {
		member.ID, member.Name = uuid.NewString(), story+"-"+member.Name
		own.members = append(own.members, member)
	}
	return own
}

// identify makes the Nodes and lets an operator write their NodeIdentities, which
// are nothing that a scenario is about.
func (st *story) identify() (err error) {
	ctx := st.ctx
	if err := world.JoinLabeledNodes(ctx, st.client, st.fleet.members, st.fleet.labels); err != nil {
		return err
	}
	operator, err := world.RunOperator(ctx, st.cluster.Config(), st.cloud, func(o *app.Options) {
		o.WatchNamespaces, o.RateLimit, o.SkipNameValidation, o.NodeLabels = []string{st.namespace}, 1000, true, st.fleet.labels
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, operator.Stop()) }()
	return wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		var known v1alpha1.NodeIdentityList
		if err := st.client.List(ctx, &known, client.MatchingLabels(st.fleet.labels)); err != nil {
			return false, err
		}
		verified := 0
		for _, object := range known.Items {
			if meta.IsStatusConditionTrue(object.Status.Conditions, v1alpha1.ConditionVerified) {
				verified++
			}
		}
		return verified == len(st.fleet.members), nil
	})
}

func (h *harness) stop() error { return h.cluster.Stop() }

// story is one run of a scenario, in a namespace and a cloud of its own.
type story struct {
	*harness
	ctx       context.Context // of the whole run
	scenario  scenario
	fleet     fleet
	namespace string
	cloud     *world.Cloud
	gate      *world.Gate // of the last operator
	gates     []*world.Gate
	operators []*world.Operator
	lags      bool // see point

	// before is our NLB as it was before the user acted; foreign are those that
	// are nobody's business; terraformed is one that only services are added to.
	before      exosim.LoadBalancer
	foreign     []exosim.LoadBalancer
	terraformed exosim.LoadBalancer
}

func (h *harness) newStory(ctx context.Context, sc scenario, nodes fleet) (*story, error) {
	st := &story{harness: h, ctx: ctx, scenario: sc, fleet: nodes, namespace: fmt.Sprintf("%s-%d", sc.name, h.stories.Add(1))}
	if nodes.members == nil {
		st.fleet = ownFleet(st.namespace)
	}
	namespace := &corev1.Namespace{}
	namespace.Name = st.namespace
	if err := h.client.Create(ctx, namespace); err != nil {
		return nil, err
	}
	var err error
	if st.cloud, err = world.ServeCloud(exosim.Options{OperationDelay: operationDelay}); err != nil {
		return nil, err
	}
	for _, p := range []exosim.InstancePool{{ID: workersID, Name: "workers"}, {ID: greenID, Name: "green"}} {
		st.cloud.AddPool("", p)
	}
	for _, instance := range st.fleet.members {
		st.cloud.AddInstance("", instance)
	}
	elsewhere(st)
	return st, nil
}

func (st *story) key(name string) client.ObjectKey {
	return client.ObjectKey{Namespace: st.namespace, Name: name}
}

// edit changes the Service, whatever the operator writes meanwhile.
func (st *story) edit(change func(*corev1.Service)) error {
	for {
		service := &corev1.Service{}
		if err := st.client.Get(st.ctx, st.key("web"), service); err != nil {
			return err
		}
		change(service)
		if err := st.client.Update(st.ctx, service); !apierrors.IsConflict(err) {
			return err
		}
	}
}

// nodePort is one that no other story chooses.
func (st *story) nodePort() int32 { return chosenNodePorts + st.chosen.Add(1) }

func (st *story) serviceUID(nlbService string) string {
	object := &v1alpha1.NLBService{}
	if err := st.client.Get(st.ctx, st.key(nlbService), object); err != nil {
		return err.Error()
	}
	return string(object.UID)
}
