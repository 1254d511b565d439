package monitoring

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/uuid"
	. "github.com/onsi/gomega"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/test/controlplane"
	"github.com/exoscale-community/nlb-operator/test/exosim"
	"github.com/exoscale-community/nlb-operator/test/ports"
	"github.com/exoscale-community/nlb-operator/test/world"
)

// patience is for a busy machine, and for the half minute after which a Node
// that looks gone is looked at again.
const patience = 2 * time.Minute

// scene is a cluster and a cloud in which something of everything is wrong.
type scene struct {
	Gomega
	client.Client
	t       *testing.T
	cloud   *world.Cloud
	pool    exosim.InstancePool
	plane   *controlplane.ControlPlane
	metrics string // where they are served
}

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	if err := v1alpha1.AddToScheme(scheme.Scheme); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func newScene(t *testing.T) *scene {
	t.Helper()
	plane, err := controlplane.Start(t.Context(), controlplane.Options{})
	if err != nil {
		t.Fatal(err)
	}
	stopped(t, plane.Stop)
	c, err := client.New(plane.Config(), client.Options{Scheme: scheme.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	cloud, err := world.ServeCloud(exosim.Options{Zones: []string{exosim.DefaultZone, abroad}})
	if err != nil {
		t.Fatal(err)
	}
	stopped(t, cloud.Stop)
	s := &scene{Gomega: NewWithT(t), Client: c, t: t, plane: plane, cloud: cloud, metrics: ports.FreeAddress(t)}
	s.SetDefaultEventuallyTimeout(patience)
	s.pool = cloud.AddPool("", exosim.InstancePool{Name: "workers", Size: 3})
	s.Expect(world.JoinNodes(t.Context(), c, cloud.Members(s.pool.ID))).To(Succeed())

	operator, err := world.RunOperator(t.Context(), plane.Config(), cloud, func(o *app.Options) {
		// The registry that is served, with what controller-runtime tells.
		o.Metrics, o.MetricsBindAddress, o.MetricsSecure = metrics.Registry, s.metrics, false
		o.SyncPeriod, o.PollInterval = 300*time.Millisecond, 20*time.Millisecond
		o.NodeInitialization, o.NodeCSRApproval, o.NodeDeletion = true, true, true
		o.Clock = ahead{}
		o.UDPSidecarImage, o.WebhookBindAddress, o.WebhookNamespace = "example.com/operator", ports.FreeAddress(t), namespace
	})
	if err != nil {
		t.Fatal(err)
	}
	stopped(t, operator.Stop)
	return s
}

func stopped(t *testing.T, stop func() error) {
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// ahead is a clock by which Nodes are soon old enough to be removed, and lists
// that were just read not too old to tell of them.
type ahead struct{ clock.RealClock }

const headStart = 4*time.Minute + 57*time.Second

// Now implements clock.PassiveClock.
func (ahead) Now() time.Time { return time.Now().Add(headStart) }

// Since implements clock.PassiveClock.
func (a ahead) Since(t time.Time) time.Duration { return a.Now().Sub(t) }

// play makes something happen of all that metrics tell of.
func (s *scene) play() {
	ctx := s.t.Context()
	s.cloud.SetQuota("", "network-load-balancer", 10)
	// More than are tried for one call: so the call fails.
	s.cloud.Fault(exosim.Fault{Operation: "list-load-balancers", Kind: exosim.FaultStatus, Status: http.StatusTooManyRequests, Count: 8})
	s.cloud.Fault(exosim.Fault{Operation: "list-instance-types", Kind: exosim.FaultStatus, Status: http.StatusForbidden})
	s.spoilNodes()

	s.make(service("web", nil))
	s.eventually("web has its address", func() bool {
		web := s.service("web")
		return len(web.Status.LoadBalancer.Ingress) > 0
	})
	shared := s.cloud.PutLoadBalancer("", exosim.LoadBalancer{Name: "shared", Services: []exosim.Service{s.foreignService(80)}})
	s.make(
		&v1alpha1.NetworkLoadBalancer{ObjectMeta: named("shared"), Spec: v1alpha1.NetworkLoadBalancerSpec{ManagementPolicy: v1alpha1.External, ID: shared.ID}},
		nlbService("conflict", "shared", 80),
		&v1alpha1.NetworkLoadBalancer{ObjectMeta: named("leaving")},
		service("ambiguous", map[string]string{v1alpha1.AnnotationInstancePoolID: "no-id"}),
	)
	s.leaves("leaving")
	s.vanish("gone-1", "gone-2", "gone-3")

	s.cloud.SetOperationDelay(time.Hour)
	s.make(&v1alpha1.NetworkLoadBalancer{ObjectMeta: named("slow")})
	s.Expect(ctx.Err()).NotTo(HaveOccurred())
}

// spoilNodes: one is no instance, one says to be another instance than its name
// tells, one has lost its instance while its kubelet goes on.
func (s *scene) spoilNodes() {
	members := s.cloud.Members(s.pool.ID)
	s.make(
		&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "elsewhere"}, Spec: corev1.NodeSpec{ProviderID: "other://x"}},
	)
	s.eventually("the Nodes are known", func() bool {
		var known v1alpha1.NodeIdentityList
		s.Expect(s.List(s.t.Context(), &known)).To(Succeed())
		return len(known.Items) >= len(members)
	})
	extra := s.cloud.AddInstance("", exosim.Instance{Name: "extra"})
	extra.Name = "misnamed"
	s.Expect(world.JoinNodes(s.t.Context(), s, []exosim.Instance{extra})).To(Succeed())
	s.cloud.DeleteInstance(members[0].ID)
}

// leaves deletes a NetworkLoadBalancer on whose NLB stands a service of others.
func (s *scene) leaves(name string) {
	lb := &v1alpha1.NetworkLoadBalancer{}
	s.eventually(name+" has its NLB", func() bool {
		s.Expect(s.Get(s.t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, lb)).To(Succeed())
		return lb.Status.Address != ""
	})
	s.cloud.MutateLoadBalancer(lb.Status.ID, func(l *exosim.LoadBalancer) { l.Services = append(l.Services, s.foreignService(25)) })
	s.Expect(s.Delete(s.t.Context(), lb)).To(Succeed())
}

// vanish makes NLBs abroad, and lets all of them vanish at once.
func (s *scene) vanish(names ...string) {
	for _, name := range names {
		s.make(&v1alpha1.NetworkLoadBalancer{ObjectMeta: named(name), Spec: v1alpha1.NetworkLoadBalancerSpec{Zone: abroad}})
	}
	s.eventually("they have their NLBs", func() bool {
		var all v1alpha1.NetworkLoadBalancerList
		s.Expect(s.List(s.t.Context(), &all)).To(Succeed())
		return !slices.ContainsFunc(all.Items, func(lb v1alpha1.NetworkLoadBalancer) bool {
			return lb.Spec.Zone == abroad && lb.Status.Address == ""
		})
	})
	// At once: while fewer are gone, each may be made anew.
	s.cloud.Fault(exosim.Fault{Zone: abroad, Kind: exosim.FaultOtherOrganization})
}

const namespace = "default"

// abroad is another zone than the operator's.
const abroad = "de-fra-1"

func named(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}

func service(name string, annotations map[string]string) *corev1.Service {
	object := &corev1.Service{ObjectMeta: named(name)}
	object.Annotations = annotations
	class := v1alpha1.LoadBalancerClass
	object.Spec.Type, object.Spec.LoadBalancerClass = corev1.ServiceTypeLoadBalancer, &class
	object.Spec.Ports = []corev1.ServicePort{{Name: "http", Port: 80}}
	return object
}

func nlbService(name, lb string, port int32) *v1alpha1.NLBService {
	return &v1alpha1.NLBService{ObjectMeta: named(name), Spec: v1alpha1.NLBServiceSpec{
		LoadBalancerRef: v1alpha1.LoadBalancerReference{Name: lb}, Port: port, TargetPort: 30000 + port,
		Target: v1alpha1.Target{InstancePoolName: "workers"},
	}}
}

func (s *scene) foreignService(port int64) exosim.Service {
	return exosim.Service{
		ID: uuid.NewString(), Name: fmt.Sprintf("by hand %d", port), Port: port, TargetPort: 30000 + port, Protocol: "tcp", Strategy: "round-robin", State: "running",
		InstancePool: exosim.PoolRef{ID: s.pool.ID}, HealthCheck: exosim.HealthCheck{Mode: "tcp", Port: 30000 + port, Interval: 10, Timeout: 5, Retries: 1},
	}
}

func (s *scene) make(objects ...client.Object) {
	s.t.Helper()
	for _, object := range objects {
		s.Expect(s.Create(s.t.Context(), object)).To(Succeed(), object.GetName())
	}
}

func (s *scene) service(name string) *corev1.Service {
	object := &corev1.Service{}
	s.Expect(s.Get(s.t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, object)).To(Succeed())
	return object
}

func (s *scene) eventually(what string, holds func() bool) {
	s.t.Helper()
	s.Eventually(holds).Should(BeTrue(), what)
}

// served is what a scrape brings, by the name of the family.
type served map[string]*dto.MetricFamily

func (s *scene) scrape() served {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.metrics+"/metrics", http.NoBody)
	s.Expect(err).NotTo(HaveOccurred())
	response, err := http.DefaultClient.Do(request)
	s.Expect(err).NotTo(HaveOccurred())
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(response.StatusCode).To(Equal(http.StatusOK), "%s", text)
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytesOf(text))
	s.Expect(err).NotTo(HaveOccurred())
	return families
}

// answers: there is somebody to be asked for metrics.
func (s *scene) answers() bool {
	connection, err := (&net.Dialer{}).DialContext(s.t.Context(), "tcp", s.metrics)
	if err != nil {
		return false
	}
	return connection.Close() == nil
}

// labels of a family, of all its series, sorted.
func labels(family *dto.MetricFamily) []string {
	var names []string
	for _, metric := range family.GetMetric() {
		for _, label := range metric.GetLabel() {
			names = append(names, label.GetName())
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
