package app

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"testing"

	. "github.com/onsi/gomega"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/test/exosim"
	"github.com/exoscale-community/nlb-operator/test/ports"
)

func TestProbesDontDependOnTheCloud(t *testing.T) {
	sim := exosim.StartTestServer(t, exosim.Options{})
	for name, tc := range map[string]struct {
		set    func(*Options)
		reason string
	}{
		"the API can't be reached":     {func(o *Options) { o.APIEndpoint = "http://" + ports.FreeAddress(t) }, "Retrying"},
		"the credentials are wrong":    {func(o *Options) { o.Credentials = exoscale.StaticCredentials(sim.Key, "wrong") }, "InvalidCredentials"},
		"there are no credentials":     {func(o *Options) { o.Credentials = exoscale.StaticCredentials("", "") }, "InvalidCredentials"},
		"there is no such zone":        {func(o *Options) { o.Zone = "xx-xxx-1" }, "UnknownZone"},
		"the cloud is as it should be": {func(*Options) {}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			object := loadBalancer(t, "default", "probed")
			options := optionsFor(sim)
			options.HealthProbeBindAddress = ports.FreeAddress(t)
			tc.set(&options)
			running(t, options)

			if tc.reason == "" {
				g.Eventually(ready(t, object), patience).Should(HavePrefix("True/"))
			} else {
				g.Eventually(ready(t, object), patience).Should(Equal("False/" + tc.reason))
			}
			for _, path := range []string{"/healthz", "/readyz"} {
				g.Eventually(status(http.DefaultClient, "http://"+options.HealthProbeBindAddress+path, ""), patience).WithContext(t.Context()).Should(Equal(http.StatusOK), path)
			}
		})
	}
}

func TestMetricsAreForThoseWhoMay(t *testing.T) {
	g := NewWithT(t)
	sim := exosim.StartTestServer(t, exosim.Options{})
	options := optionsFor(sim)
	options.MetricsBindAddress = ports.FreeAddress(t)
	running(t, options)

	namespace(t, "metrics")
	anybody, scraper := serviceAccount(t, "metrics", "anybody"), serviceAccount(t, "metrics", "scraper")
	mayScrape(t, "metrics", "scraper")
	insecure := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} // self-signed
	url := "https://" + options.MetricsBindAddress + "/metrics"

	g.Eventually(status(insecure, url, ""), patience).WithContext(t.Context()).Should(Equal(http.StatusUnauthorized))
	// controller-runtime's filter takes the API server's "invalid bearer token" for a failure of its own.
	g.Eventually(status(insecure, url, "made-up"), patience).WithContext(t.Context()).Should(Equal(http.StatusInternalServerError))
	g.Eventually(status(insecure, url, anybody), patience).WithContext(t.Context()).Should(Equal(http.StatusForbidden))
	g.Eventually(status(insecure, url, scraper), patience).WithContext(t.Context()).Should(Equal(http.StatusOK))
}

func TestMetricsWithoutTLSAreForAll(t *testing.T) {
	g := NewWithT(t)
	options := optionsFor(exosim.StartTestServer(t, exosim.Options{}))
	options.MetricsBindAddress, options.MetricsSecure = ports.FreeAddress(t), false
	running(t, options)
	g.Eventually(status(http.DefaultClient, "http://"+options.MetricsBindAddress+"/metrics", ""), patience).WithContext(t.Context()).Should(Equal(http.StatusOK))
}

// status of a GET; 0 without an answer.
func status(c *http.Client, url, token string) func(context.Context) int {
	return func(ctx context.Context) int {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return 0
		}
		if token != "" {
			request.Header.Set("Authorization", "Bearer "+token)
		}
		response, err := c.Do(request)
		if err != nil {
			return 0
		}
		defer response.Body.Close()
		_, _ = io.Copy(io.Discard, response.Body)
		return response.StatusCode
	}
}

// serviceAccount makes one, and gives a token of it.
func serviceAccount(t *testing.T, namespace, name string) string {
	t.Helper()
	c := kube(t)
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	if err := c.Create(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	request := &authenticationv1.TokenRequest{}
	if err := c.SubResource("token").Create(t.Context(), account, request); err != nil {
		t.Fatal(err)
	}
	return request.Status.Token
}

func mayScrape(t *testing.T, namespace, name string) {
	t.Helper()
	role := &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: "scrape"},
		Rules:      []rbacv1.PolicyRule{{NonResourceURLs: []string{"/metrics"}, Verbs: []string{"get"}}},
	}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "scrape"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "scrape"},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: namespace, Name: name}},
	}
	c := kube(t)
	if err := c.Create(t.Context(), role); err != nil {
		t.Fatal(err)
	}
	if err := c.Create(t.Context(), binding); err != nil {
		t.Fatal(err)
	}
}
