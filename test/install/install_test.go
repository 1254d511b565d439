package install

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/test/exosim"
	"github.com/exoscale-community/nlb-operator/test/ports"
	"github.com/exoscale-community/nlb-operator/test/world"
)

const (
	patience = time.Minute
	system   = "exoscale-nlb-operator-system"
)

func TestInstall(t *testing.T) {
	cluster := startCluster(t)
	c := cluster.client(t)

	t.Run("kubectl apply takes it without a warning", func(t *testing.T) {
		cluster.apply(t, "config/default")
	})
	t.Run("applied again, it changes nothing", func(t *testing.T) {
		for line := range strings.Lines(cluster.apply(t, "config/default")) {
			if !strings.HasSuffix(line, " unchanged\n") {
				t.Errorf("%s", line)
			}
		}
	})
	t.Run("its Pod passes the restricted pod security of its namespace", func(t *testing.T) {
		podOf(t, c, client.MatchingLabels{"app.kubernetes.io/name": "exoscale-nlb-operator"})
	})
	t.Run("each component is accepted", func(t *testing.T) { eachComponent(t, cluster) })
	t.Run("so is the example of an installation of one's own", func(t *testing.T) { theExample(t, cluster) })
	t.Run("install.yaml holds the same, with the image that was asked for", func(t *testing.T) { oneFile(t, cluster) })
	t.Run("its service account may do all the work", func(t *testing.T) {
		works(t, cluster, c)
	})
	t.Run("its service account may not read Secrets, nor change Nodes", func(t *testing.T) {
		g := NewWithT(t)
		operator, err := client.New(cluster.operator(t), client.Options{})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(operator.List(t.Context(), &corev1.SecretList{}, client.InNamespace(system))).To(MatchError(ContainSubstring("forbidden")))
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-1"}}
		g.Expect(operator.Delete(t.Context(), node)).To(MatchError(ContainSubstring("forbidden")))
	})
	t.Run("nor what only sidecars need", func(t *testing.T) { withoutSidecars(t, cluster) })
	t.Run("a Service that asks for sidecars all the same is told", func(t *testing.T) { sidecarsAreAskedFor(t, cluster, c) })
	t.Run("with the component for Nodes it may do what a CCM does for them", func(t *testing.T) {
		cluster.apply(t, "config/components/nodes")
		worksOnNodes(t, cluster, c)
	})
	t.Run("config/release is accepted, and may do what it is for", func(t *testing.T) {
		cluster.applyRelease(t, c)
		letsGo(t, cluster, c)
	})
}

// works runs the operator with the rights that were installed, until a Service
// has its address and is gone again.
func works(t *testing.T, cluster cluster, c client.Client) {
	g := NewWithT(t)
	sim := exosim.StartTestServer(t, exosim.Options{})
	g.Expect(world.JoinNodes(t.Context(), c, pool(sim, "node-1"))).To(Succeed())
	var log output
	options := optionsFor(sim)
	options.Log = log.logger()
	options.ClaimClasslessServices = true // reads the leases of the CCM
	options.LeaderElect, options.LeaderElectionNamespace = true, system
	options.MetricsBindAddress = ports.FreeAddress(t)
	run(t, cluster.operator(t), options)

	web := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Ports: []corev1.ServicePort{{Port: 80}}},
	}
	g.Expect(c.Create(t.Context(), web)).To(Succeed())
	g.Eventually(func(g Gomega) {
		g.Expect(c.Get(t.Context(), client.ObjectKeyFromObject(web), web)).To(Succeed())
		g.Expect(web.Status.LoadBalancer.Ingress).To(HaveLen(1))
		g.Expect(web.Annotations).To(HaveKey(v1alpha1.AnnotationID))
	}, patience).Should(Succeed(), "%s", &log)
	g.Eventually(func(g Gomega) {
		var events eventsv1.EventList
		g.Expect(c.List(t.Context(), &events, client.InNamespace("default"))).To(Succeed())
		g.Expect(events.Items).To(ContainElement(HaveField("ReportingController", app.Name)))
	}, patience).Should(Succeed(), "%s", &log)
	g.Eventually(func() int {
		return scrape(t, options.MetricsBindAddress, cluster.token(t, system, "exoscale-nlb-operator"))
	}, patience).
		Should(Equal(http.StatusForbidden), "it can ask who scrapes, and may not itself")

	g.Expect(c.Delete(t.Context(), web)).To(Succeed())
	g.Eventually(func() error { return c.Get(t.Context(), client.ObjectKeyFromObject(web), web) }, patience).
		Should(MatchError(ContainSubstring("not found")), "%s", &log)
	g.Expect(log.String()).NotTo(ContainSubstring("forbidden"))
}

// run an operator until the test ends, or until stop is called.
func run(t *testing.T, as *rest.Config, options app.Options) (stop func()) {
	t.Helper()
	a, err := app.New(t.Context(), as, options)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := a.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	stop = func() {
		cancel()
		<-ended
	}
	t.Cleanup(stop)
	return stop
}

// scrape gives the status of a GET of the metrics; 0 without an answer.
func scrape(t *testing.T, address, token string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address+"/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	insecure := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} // self-signed
	response, err := insecure.Do(request)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

// apply applies a kustomization, and gives what kubectl says of each object.
func (cluster cluster) apply(t *testing.T, folder string) string {
	t.Helper()
	var said, warned strings.Builder
	cmd := exec.CommandContext(t.Context(), cluster.Kubectl(), "--kubeconfig", cluster.kubeconfig, "apply", "-k", "../../"+folder)
	cmd.Stdout, cmd.Stderr = &said, &warned
	if err := cmd.Run(); err != nil || warned.Len() > 0 {
		t.Fatalf("%v: %s", err, &warned)
	}
	return said.String()
}
