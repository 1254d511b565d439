//go:build linux

package e2e

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/zapr"
	"github.com/google/uuid"
	"github.com/onsi/gomega"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/internal/identity"
	"github.com/exoscale-community/nlb-operator/test/controlplane"
	"github.com/exoscale-community/nlb-operator/test/e2e/images"
	"github.com/exoscale-community/nlb-operator/test/e2e/node"
	"github.com/exoscale-community/nlb-operator/test/e2e/sandbox"
	"github.com/exoscale-community/nlb-operator/test/exosim"
	"github.com/exoscale-community/nlb-operator/test/world"
)

// patience is for a machine that has other things to do.
const patience = 2 * time.Minute

// logsVariable names the folder that gets what each program says, if it is to be kept.
const logsVariable = "E2E_LOGS"

// nodeName is of the Node and of the instance that it is.
const nodeName = "worker-1"

// scene is what runs.
type scene struct {
	*testing.T
	gomega.Gomega
	logs string

	cluster  *controlplane.ControlPlane
	client   client.Client
	cloud    *world.Cloud
	instance exosim.Instance
}

// image is the reference of the image of a program.
func image(program string) string { return "e2e.invalid/" + program + ":built" }

// newScene starts all of it, and waits until the node is Ready.
func newScene(t *testing.T) *scene {
	s := (&scene{logs: os.Getenv(logsVariable)}).in(t)
	if s.logs == "" {
		s.logs = t.TempDir()
	}
	s.must(node.Connect(t.Context()))
	s.startCluster()
	s.install()
	s.startCloud()
	s.startNode()
	s.startOperator()
	return s
}

// in is the scene as seen by another test, which fails by itself.
func (s *scene) in(t *testing.T) *scene {
	g := gomega.NewWithT(t)
	g.SetDefaultEventuallyTimeout(patience)
	g.SetDefaultEventuallyPollingInterval(100 * time.Millisecond)
	seen := *s
	seen.T, seen.Gomega = t, g
	return &seen
}

func (s *scene) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// stops is called when the test ends, last first.
func (s *scene) stops(stop func() error) {
	s.Cleanup(func() {
		if err := stop(); err != nil {
			s.Error(err)
		}
	})
}

func (s *scene) startCluster() {
	var err error
	s.cluster, err = controlplane.Start(s.Context(), controlplane.Options{
		ControllerManager: true,
		WithoutCRDs:       true, // they are installed with the rest
		LogDir:            s.logs,
		APIServerArgs: map[string][]string{
			"advertise-address":         {node.Outside},
			"bind-address":              {"0.0.0.0"},
			"authorization-mode":        {"Node", "RBAC"},
			"enable-admission-plugins":  {"NodeRestriction"},
			"disable-admission-plugins": nil,
		},
	})
	s.must(err)
	s.stops(s.cluster.Stop)
	scheme := runtime.NewScheme()
	s.must(errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)))
	config := s.cluster.Config()
	config.QPS, config.Burst = 100, 100 // it looks often
	s.client, err = client.New(config, client.Options{Scheme: scheme})
	s.must(err)
}

// startCloud makes a pool of one instance, whose public IP is the node's. Health
// checks are sped up: at the defaults, an interval of 10 s becomes one of 1 s.
func (s *scene) startCloud() {
	var err error
	s.cloud, err = world.ServeCloud(exosim.Options{DataPlane: true, ProbeTimeScale: 10})
	s.must(err)
	s.stops(s.cloud.Stop)
	pool := s.cloud.AddPool("", exosim.InstancePool{Name: "workers", InstancePrefix: "worker"})
	s.instance = s.cloud.AddInstance("", exosim.Instance{
		ID: uuid.NewString(), Name: nodeName, PublicIP: node.Address,
		Manager: &exosim.Manager{ID: pool.ID, Type: "instance-pool"},
	})
}

func (s *scene) startNode() {
	var files []string
	for _, program := range []string{"pause", "udpecho", "udp-healthcheck"} {
		file := filepath.Join(s.TempDir(), program+".tar")
		s.must(images.Write(file, image(program), filepath.Join(os.Getenv(binariesVariable), "e2e", program)))
		files = append(files, file)
	}
	s.must(node.BearID(s.instance.ID))
	running, err := node.Start(s.Context(), node.Options{
		Name: nodeName, ProviderID: identity.ProviderPrefix + s.instance.ID,
		Binaries: os.Getenv(binariesVariable),
		Images:   files, PauseImage: image("pause"),
		CgroupRoot: sandbox.Cgroup(), Cluster: s.cluster, LogDir: s.logs,
	})
	s.must(err)
	s.stops(running.Stop)
	s.Eventually(func(g gomega.Gomega) {
		is := &corev1.Node{}
		g.Expect(s.client.Get(s.Context(), client.ObjectKey{Name: nodeName}, is)).To(gomega.Succeed())
		for _, condition := range is.Status.Conditions {
			if condition.Type == corev1.NodeReady {
				g.Expect(condition.Status).To(gomega.Equal(corev1.ConditionTrue), condition.Message)
				return
			}
		}
		g.Expect(is.Status.Conditions).NotTo(gomega.BeEmpty())
	}).Should(gomega.Succeed(), "the Node gets Ready")
}

func (s *scene) startOperator() {
	log, err := s.operatorLog()
	s.must(err)
	operator, err := world.RunOperator(s.Context(), s.cluster.Config(), s.cloud, func(o *app.Options) {
		o.SyncPeriod = time.Second
		o.Log = log
		o.UDPSidecarImage = image("udp-healthcheck")
		o.WebhookNamespace = system
		o.WebhookBindAddress = net.JoinHostPort(node.Outside, strconv.Itoa(webhookPort))
	})
	s.must(err)
	s.stops(operator.Stop)
}

// operatorLog writes beside the logs of the others.
func (s *scene) operatorLog() (logr.Logger, error) {
	file, err := os.Create(filepath.Join(s.logs, "operator.log"))
	if err != nil {
		return logr.Discard(), err
	}
	s.stops(file.Close)
	log := zapr.NewLogger(zap.New(zapcore.NewCore(zapcore.NewConsoleEncoder(zap.NewProductionEncoderConfig()), zapcore.Lock(file), zap.InfoLevel)))
	ctrl.SetLogger(log)
	klog.SetLogger(log.WithName("client-go"))
	return log, nil
}
