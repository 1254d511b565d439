package docs

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/test/ccm"
	"github.com/exoscale-community/nlb-operator/test/world"
)

const migrationPage = "docs/migrate-from-ccm.md"

// TestTheMigrationOnARealCluster goes through the page as a reader does, with a
// CCM and an operator that are what the Deployments say at each step.
func TestTheMigrationOnARealCluster(t *testing.T) {
	t.Parallel()
	w := start(t)
	m := &migration{given: w, g: NewWithT(t)}
	t.Cleanup(m.stop)
	w.run(t, "", "kubectl apply -k config/default")
	m.g.Expect(w.create(t.Context(), exampleOfTheCCM())).To(Succeed())
	m.follow(t)
	services := []*corev1.Service{m.service("web", 80), m.service("shop", 80, 443)}
	m.g.Expect(w.create(t.Context(), services[0], services[1])).To(Succeed())
	m.serves(t, services...)
	was := m.summary()

	for _, block := range page(t, migrationPage).Blocks {
		if block.Language != "sh" {
			continue
		}
		w.follow(t, block)
		m.follow(t)
		m.serves(t, services...)
		m.g.Expect(m.summary()).To(Equal(was), "after line %d:\n%s", block.Line, block.Text)
	}
	m.g.Expect(services[0].Finalizers).To(Equal([]string{ccm.Finalizer}), "all has gone back")
}

// migration is a cluster where the CCM and the operator run as their Deployments say.
type migration struct {
	given
	g        Gomega
	claims   bool
	operator *world.Operator
	ccm      func() error // ends it; nil while none runs
}

// container is that of a Deployment, once its controller has seen it as it is.
func (m *migration) container(t *testing.T, namespace, name string) corev1.Container {
	t.Helper()
	deployment := &appsv1.Deployment{}
	m.g.Eventually(func(g Gomega) {
		g.Expect(m.client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, deployment)).To(Succeed())
		g.Expect(deployment.Status.ObservedGeneration).To(Equal(deployment.Generation))
	}, patience).Should(Succeed())
	return deployment.Spec.Template.Spec.Containers[0]
}

// follow starts, restarts and stops what a kubelet would.
func (m *migration) follow(t *testing.T) {
	t.Helper()
	variables := m.container(t, "exoscale-nlb-operator-system", "exoscale-nlb-operator").Env
	claims := slices.ContainsFunc(variables, func(v corev1.EnvVar) bool {
		return v.Name == "EXOSCALE_NLB_CLAIM_CLASSLESS_SERVICES" && v.Value == "true"
	})
	if m.operator == nil || claims != m.claims {
		m.runOperator(t, claims)
	}
	stopped := slices.ContainsFunc(m.container(t, "kube-system", "exoscale-cloud-controller-manager").Args, func(arg string) bool {
		return strings.HasPrefix(arg, "--controllers=") && strings.HasSuffix(arg, ",-service-lb-controller")
	})
	switch {
	case stopped && m.ccm != nil:
		m.g.Expect(m.ccm()).To(Succeed())
		m.ccm = nil
	case !stopped && m.ccm == nil:
		m.runCCM()
	}
}

func (m *migration) runOperator(t *testing.T, claims bool) {
	t.Helper()
	if m.operator != nil {
		m.g.Expect(m.operator.Stop()).To(Succeed())
	}
	key := m.cloud.AdminKey()
	var err error
	m.claims = claims
	m.operator, err = world.RunOperator(t.Context(), m.cluster.Config(), m.cloud, func(o *app.Options) {
		o.Credentials = exoscale.StaticCredentials(key.Key, key.Secret)
		o.ClaimClasslessServices = claims
		o.SyncPeriod, o.PollInterval = 300*time.Millisecond, 20*time.Millisecond
		o.SkipNameValidation = true
	})
	m.g.Expect(err).NotTo(HaveOccurred())
}

func (m *migration) runCCM() {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- ccm.CCM{Client: m.client, Cloud: m.cloud.Cloud, Pool: m.pool.ID}.Run(ctx, metav1.NamespaceDefault)
	}()
	m.ccm = func() error {
		cancel()
		return <-ended
	}
}

func (m *migration) stop() {
	if m.ccm != nil {
		m.g.Expect(m.ccm()).To(Succeed())
	}
	if m.operator != nil {
		m.g.Expect(m.operator.Stop()).To(Succeed())
	}
}

// serves waits until each Service has one holder, whichever is due, and its address.
func (m *migration) serves(t *testing.T, services ...*corev1.Service) {
	t.Helper()
	for _, service := range services {
		m.g.Eventually(func(g Gomega) {
			g.Expect(m.client.Get(t.Context(), client.ObjectKeyFromObject(service), service)).To(Succeed())
			g.Expect(service.Finalizers).To(HaveLen(1))
			g.Expect(service.Status.LoadBalancer.Ingress).To(HaveLen(1))
			if service.Finalizers[0] == v1alpha1.ServiceFinalizer {
				g.Expect(service.Status.Conditions).NotTo(BeEmpty())
			}
			for _, lb := range m.cloud.LoadBalancers("") {
				if lb.IP == service.Status.LoadBalancer.Ingress[0].IP {
					g.Expect(lb.Services).To(HaveLen(len(service.Spec.Ports)))
				}
			}
		}, patience).Should(Succeed(), "Service %s", service.Name)
	}
}

// summary is what must not change: addresses by NLB.
func (m *migration) summary() map[string]string {
	addresses := map[string]string{}
	for _, lb := range m.cloud.LoadBalancers("") {
		addresses[lb.ID] = lb.IP
	}
	return addresses
}

// service is one without a class, as the CCM serves them.
func (m *migration) service(name string, ports ...int32) *corev1.Service {
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: name}}
	service.Spec.Type = corev1.ServiceTypeLoadBalancer
	for _, port := range ports {
		service.Spec.Ports = append(service.Spec.Ports, corev1.ServicePort{Name: fmt.Sprintf("p%d", port), Port: port})
	}
	return service
}

// exampleOfTheCCM is a Deployment such as its documentation has.
func exampleOfTheCCM() *appsv1.Deployment {
	app := map[string]string{"app": "exoscale-cloud-controller-manager"}
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceSystem, Name: app["app"], Labels: app}}
	deployment.Spec.Selector = &metav1.LabelSelector{MatchLabels: app}
	deployment.Spec.Template.Labels = app
	deployment.Spec.Template.Spec.Containers = []corev1.Container{{
		Name: app["app"], Image: "exoscale/cloud-controller-manager", Args: []string{"--leader-elect=true", "--allow-untagged-cloud"},
	}}
	return deployment
}
