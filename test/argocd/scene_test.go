package argocd

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/uuid"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/test/controlplane"
	"github.com/exoscale-community/nlb-operator/test/exosim"
	"github.com/exoscale-community/nlb-operator/test/world"
)

// patience is for a busy machine.
const patience = time.Minute

// plane is the control plane of all tests; each has a namespace, Nodes and a cloud
// of its own.
var plane *controlplane.ControlPlane

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	if err := v1alpha1.AddToScheme(scheme.Scheme); err != nil {
		panic(err)
	}
	os.Exit(withPlane(m.Run))
}

func withPlane(run func() int) int {
	var err error
	if plane, err = controlplane.Start(context.Background(), controlplane.Options{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() {
		if err := plane.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}()
	return run()
}

// scene is a namespace, and a cloud with a pool of one instance, which is a Node.
type scene struct {
	Gomega
	client.Client
	t         *testing.T
	namespace string
	cloud     *world.Cloud
	pool      exosim.InstancePool
}

func newScene(t *testing.T, namespace string) *scene {
	t.Helper()
	c, err := client.New(plane.Config(), client.Options{Scheme: scheme.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	cloud, err := world.ServeCloud(exosim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	stopped(t, cloud.Stop)
	s := &scene{Gomega: NewWithT(t), Client: c, t: t, namespace: namespace, cloud: cloud}
	s.SetDefaultEventuallyTimeout(patience)
	s.make(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
	s.pool = cloud.AddPool("", exosim.InstancePool{Name: "workers", Size: 1})
	node := cloud.Members(s.pool.ID)[0]
	s.Expect(world.JoinNodes(t.Context(), c, []exosim.Instance{node})).To(Succeed())
	t.Cleanup(func() { // the next scene has Nodes of its own
		s.Expect(c.DeleteAllOf(context.Background(), &corev1.Node{})).To(Succeed())
		s.Expect(c.DeleteAllOf(context.Background(), &v1alpha1.NodeIdentity{})).To(Succeed())
	})
	return s
}

func stopped(t *testing.T, stop func() error) {
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// operate runs the operator for the namespace until the test ends.
func (s *scene) operate() *world.Operator {
	s.t.Helper()
	operator, err := world.RunOperator(s.t.Context(), plane.Config(), s.cloud, func(o *app.Options) {
		o.WatchNamespaces = []string{s.namespace}
		o.SyncPeriod, o.PollInterval = 300*time.Millisecond, 20*time.Millisecond
		o.SkipNameValidation = true
	})
	if err != nil {
		s.t.Fatal(err)
	}
	stopped(s.t, operator.Stop)
	return operator
}

func (s *scene) make(objects ...client.Object) {
	s.t.Helper()
	for _, object := range objects {
		s.Expect(s.Create(s.t.Context(), object)).To(Succeed(), object.GetName())
	}
}

func (s *scene) named(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: s.namespace, Name: name}
}

func (s *scene) loadBalancer(name string) *v1alpha1.NetworkLoadBalancer {
	return &v1alpha1.NetworkLoadBalancer{ObjectMeta: s.named(name)}
}

func (s *scene) nlbService(name, lb string, port int32, pool string) *v1alpha1.NLBService {
	return &v1alpha1.NLBService{ObjectMeta: s.named(name), Spec: v1alpha1.NLBServiceSpec{
		LoadBalancerRef: v1alpha1.LoadBalancerReference{Name: lb}, Port: port, TargetPort: 30000 + port,
		Target: v1alpha1.Target{InstancePoolName: pool},
	}}
}

func service(namespace, name string, annotations map[string]string) *corev1.Service {
	object := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Annotations: annotations}}
	object.Spec.Type, object.Spec.LoadBalancerClass = corev1.ServiceTypeLoadBalancer, ptr.To(v1alpha1.LoadBalancerClass)
	object.Spec.Ports = []corev1.ServicePort{{Name: "http", Port: 80}}
	return object
}

func (s *scene) foreignService(port int64) exosim.Service {
	return exosim.Service{
		ID: uuid.NewString(), Name: fmt.Sprintf("by hand %d", port), Port: port, TargetPort: 30000 + port, Protocol: "tcp", Strategy: "round-robin", State: "running",
		InstancePool: exosim.PoolRef{ID: s.pool.ID}, HealthCheck: exosim.HealthCheck{Mode: "tcp", Port: 30000 + port, Interval: 10, Timeout: 5, Retries: 1},
	}
}

// live is an object as Argo CD reads it; object is brought up to date, too.
func (s *scene) live(g Gomega, object client.Object) map[string]any {
	g.Expect(s.Get(s.t.Context(), client.ObjectKeyFromObject(object), object)).To(Succeed())
	gvk, err := apiutil.GVKForObject(object, scheme.Scheme)
	g.Expect(err).NotTo(HaveOccurred())
	found := &unstructured.Unstructured{}
	found.SetGroupVersionKind(gvk)
	g.Expect(s.Get(s.t.Context(), client.ObjectKeyFromObject(object), found)).To(Succeed())
	return found.Object
}

// is waits until the script says so of an object of our kinds, with a message that
// begins so, and kstatus agrees.
func (s *scene) is(object client.Object, want, message string) {
	s.t.Helper()
	s.Eventually(func(g Gomega) {
		got, err := agreed(s.t, s.live(g, object))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(got.Status).To(Equal(want), got.Message)
		g.Expect(got.Message).To(ContainSubstring(message))
	}).Should(Succeed(), object.GetName())
}

// nodeIdentityIs is is for the NodeIdentity of an instance.
func (s *scene) nodeIdentityIs(instance, want, message string) {
	s.t.Helper()
	s.Eventually(func(g Gomega) {
		var known v1alpha1.NodeIdentityList
		g.Expect(s.List(s.t.Context(), &known)).To(Succeed())
		for i := range known.Items {
			if known.Items[i].Spec.InstanceID != instance {
				continue
			}
			got, err := agreed(s.t, s.live(g, &known.Items[i]))
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(got.Status).To(Equal(want), got.Message)
			g.Expect(got.Message).To(HavePrefix(message))
			return
		}
		g.Expect(known.Items).To(BeNil(), "there is none of instance "+instance)
	}).Should(Succeed())
}

// serviceIs is is for a Service, of which kstatus knows less.
func (s *scene) serviceIs(object *corev1.Service, want, message string) {
	s.t.Helper()
	s.Eventually(func(g Gomega) {
		got := judge(s.t, serviceScript, s.live(g, object))
		g.Expect(got.Status).To(Equal(want), got.Message)
		g.Expect(strings.HasPrefix(got.Message, message)).To(BeTrue(), got.Message)
	}).Should(Succeed(), object.GetName())
}
