package helm

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// TestTheKeyIsFollowed changes the Secret, removes it and brings it back, under an
// operator that goes on.
func TestTheKeyIsFollowed(t *testing.T) {
	c := startCluster(t)
	c.create(t, prometheus())
	c.install(t, chart, c.watched())
	before := c.service(t, "before")
	replicas := c.replicas(t)

	// What mounts the Secrets here does so at once: the minute is the operator's.
	t.Run("a new key is used within a minute", func(t *testing.T) {
		g := NewWithT(t)
		old := c.key
		c.key = exosim.Key{Key: "EXOrotated", Secret: "rotated-secret"}
		c.cloud.AddKey(c.key)
		g.Expect(c.Update(t.Context(), c.secret())).To(Succeed())
		c.cloud.RevokeKey(old.Key)
		after := service("default", "after")
		c.create(t, after)
		g.Eventually(func(g Gomega) {
			g.Expect(c.Get(t.Context(), client.ObjectKeyFromObject(after), after)).To(Succeed())
			g.Expect(after.Status.LoadBalancer.Ingress).To(HaveLen(1))
		}, time.Minute).Should(Succeed(), "%s", c.said())
		c.hasKey(t, "accepted")
	})
	t.Run("without a Secret a condition and a metric tell what is missing", func(t *testing.T) {
		g := NewWithT(t)
		g.Expect(c.Delete(t.Context(), c.secret())).To(Succeed())
		c.says(t, "before", v1alpha1.ReasonInvalidCredentials)
		c.hasKey(t, "missing")
		g.Expect(c.addressOf(t, "before")).To(Equal(before))
	})
	t.Run("with it all goes on", func(t *testing.T) {
		c.create(t, c.secret())
		c.hasKey(t, "accepted")
		c.says(t, "before", v1alpha1.ReasonReady)
		c.service(t, "later")
	})
	t.Run("nobody was restarted", func(t *testing.T) {
		g := NewWithT(t)
		g.Expect(c.replicas(t)).To(ConsistOf(replicas))
		for _, pod := range c.managers(t) {
			g.Expect(pod.Status.ContainerStatuses[0].RestartCount).To(BeZero())
		}
	})
	t.Run("no secret was logged", func(t *testing.T) {
		NewWithT(t).Expect(c.said().String()).NotTo(Or(ContainSubstring(c.key.Secret), ContainSubstring(c.cloud.AdminKey().Secret)))
	})
}

// says waits until the NLB of a Service is Ready, or not, for a reason.
func (c *cluster) says(t *testing.T, name, reason string) {
	t.Helper()
	object := &v1alpha1.NetworkLoadBalancer{}
	NewWithT(t).Eventually(func(g Gomega) {
		g.Expect(c.Get(t.Context(), client.ObjectKey{Namespace: "default", Name: name}, object)).To(Succeed())
		g.Expect(object.Status.Conditions).To(ContainElement(And(
			HaveField("Type", v1alpha1.ConditionReady), HaveField("Reason", reason))))
	}, patience).Should(Succeed(), "%s", c.said())
}

// hasKey waits until the leader's metrics tell a state of the API key.
func (c *cluster) hasKey(t *testing.T, state string) {
	t.Helper()
	NewWithT(t).Eventually(func(g Gomega) {
		g.Expect(c.metrics(t)).To(ContainElement(ContainSubstring(fmt.Sprintf("exoscale_nlb_operator_cloud_credentials{state=%q} 1\n", state))))
	}, patience).Should(Succeed())
}

// prometheus is who may get the metrics of what is installed as watched.
func prometheus() *corev1.ServiceAccount {
	return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "prometheus"}}
}

func (c *cluster) watched() values {
	v := c.enough()
	v["metrics"] = values{"readers": []values{{"kind": "ServiceAccount", "name": prometheus().Name, "namespace": prometheus().Namespace}}}
	return v
}

// metrics are those of each replica, as the service account prometheus gets them.
func (c *cluster) metrics(t *testing.T) []string {
	t.Helper()
	request := &authenticationv1.TokenRequest{}
	if err := c.SubResource("token").Create(t.Context(), prometheus(), request); err != nil {
		t.Fatal(err)
	}
	insecure := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}} // self-signed
	var all []string
	for _, pod := range c.managers(t) {
		address := "https://" + c.pods.Address(pod.Status.PodIP) + ":8443/metrics"
		get, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		get.Header.Set("Authorization", "Bearer "+request.Status.Token)
		response, err := insecure.Do(get)
		if err != nil {
			continue // it is starting, or ending
		}
		var body strings.Builder
		_, _ = io.Copy(&body, response.Body)
		response.Body.Close()
		all = append(all, body.String())
	}
	return all
}
