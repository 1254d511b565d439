package exoscale

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

func TestWhichEndpointsMayBeAsked(t *testing.T) {
	for endpoint, want := range map[string]struct{ plain, insecure bool }{
		"":                                     {true, true},
		"https://api-ch-gva-2.exoscale.com/v2": {true, true},
		"https://api.example.com":              {true, true},
		"http://127.0.0.1:8080/v2":             {true, true},
		"http://127.9.9.9":                     {true, true},
		"http://[::1]:8080/v2":                 {true, true},
		"http://localhost:8080/v2":             {true, true},
		"http://LOCALHOST":                     {true, true},
		"http://api-ch-gva-2.exoscale.com/v2":  {false, true},
		"http://192.0.2.1:8080":                {false, true},
		"http://exosim.default.svc:8080/v2":    {false, true},
		"http://localhost.example.com":         {false, true},
		"http://127.0.0.1.example.com":         {false, true},
		"http://[::ffff:192.0.2.1]":            {false, true},
		"ftp://127.0.0.1":                      {false, false},
		"127.0.0.1:8080":                       {false, false},
		"https:///v2":                          {false, false},
		"https://me:hunter2@host/v2":           {false, false},
		"https://me:hunter2@ho st/v2":          {false, false},
		"https://host/v2?a=b":                  {false, false},
		"https://host/v2#a":                    {false, false},
	} {
		for insecure, ok := range map[bool]bool{false: want.plain, true: want.insecure} {
			err := CheckEndpoint(endpoint, insecure)
			if (err == nil) != ok {
				t.Errorf("%q, insecure %t: %v", endpoint, insecure, err)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the password is told: %v", err)
			}
		}
	}
}

func TestWhichEndpointsOfZonesAreBelieved(t *testing.T) {
	const public = "https://api-ch-gva-2.exoscale.com/v2"
	for name, test := range map[string]struct {
		base, zone string
		believed   bool
	}{
		"Exoscale's":                             {public, "https://api-de-fra-1.exoscale.com/v2", true},
		"the same":                               {public, public, true},
		"in capitals":                            {public, "https://API-DE-FRA-1.Exoscale.COM/v2", true},
		"on another port":                        {public, "https://api-de-fra-1.exoscale.com:8443/v2", true},
		"unencrypted":                            {public, "http://api-de-fra-1.exoscale.com/v2", false},
		"somebody else's":                        {public, "https://api.example.com/v2", false},
		"one that begins like Exoscale's":        {public, "https://api-de-fra-1.exoscale.com.example.com/v2", false},
		"one that ends like Exoscale's":          {public, "https://notexoscale.com/v2", false},
		"an address":                             {public, "https://192.0.2.1/v2", false},
		"loopback":                               {public, "https://127.0.0.1/v2", false},
		"a metadata service":                     {public, "http://169.254.169.254/v2", false},
		"nothing":                                {public, "", false},
		"no URL":                                 {public, "https://a b/v2", false},
		"with a password":                        {public, "https://a:b@api-de-fra-1.exoscale.com/v2", false},
		"with a query":                           {public, "https://api-de-fra-1.exoscale.com/v2?a=b", false},
		"a mirror's own":                         {"https://api-gva.cloud.example.com/v2", "https://api-fra.cloud.example.com/v2", true},
		"a mirror's, below it":                   {"https://api.example.com/v2", "https://fra.api.example.com/v2", true},
		"a mirror that leads to Exoscale":        {"https://api.example.com/v2", "https://api-de-fra-1.exoscale.com/v2", true},
		"a mirror's domain, further up":          {"https://api-gva.cloud.example.com/v2", "https://api.example.com/v2", false},
		"a neighbour under a public suffix":      {"https://mycompany.co.uk/v2", "https://another.co.uk/v2", false},
		"a neighbour under a provider's suffix":  {"https://mine.github.io/v2", "https://yours.github.io/v2", false},
		"the simulator":                          {"http://127.0.0.1:8080/v2", "http://127.0.0.1:8080/de-fra-1/v2", true},
		"another simulator":                      {"http://127.0.0.1:8080/v2", "http://127.0.0.2:8080/v2", false},
		"the simulator by name":                  {"http://localhost:8080/v2", "http://localhost:8080/de-fra-1/v2", true},
		"from the simulator to somebody else":    {"http://127.0.0.1:8080/v2", "http://api.example.com/v2", false},
		"an insecure one within a cluster":       {"http://exosim.default.svc:8080/v2", "http://exosim.default.svc:8080/de-fra-1/v2", true},
		"a name without a domain":                {"http://exosim/v2", "http://other/v2", false},
		"an address that looks like a subdomain": {"http://10.0.0.1/v2", "http://9.10.0.0.1/v2", false},
	} {
		t.Run(name, func(t *testing.T) {
			if err := believe(test.base, test.zone); (err == nil) != test.believed {
				t.Errorf("%s leads to %s: %v", test.base, test.zone, err)
			}
		})
	}
}

// A list of zones that leads elsewhere, by a fault or by somebody who can answer for
// the endpoint, must not get what is signed.
func TestNothingIsSentToAZoneThatIsntBelieved(t *testing.T) {
	g, ctx := NewWithT(t), context.Background()
	cloud := givenCloud(t)
	var asked atomic.Int32
	stranger := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(stranger.Close)
	gateway, through := cloud.gateway()
	elsewhere := strings.Replace(stranger.URL, "127.0.0.1", "localhost", 1) + "/v2"
	gateway.with("GET", "zone", `{"zones": [{"name": "`+cloud.zone+`", "api-endpoint": "`+elsewhere+`"}]}`)
	moved := clocktesting.NewFakeClock(time.Now())
	client := cloud.client(through, func(o *Options) { o.Clock = moved })

	for range 3 {
		_, err := client.LoadBalancers(ctx, cloud.zone)
		g.Expect(ClassOf(err)).To(Equal(Blocked))
		g.Expect(err).To(MatchError(And(ContainSubstring(elsewhere), ContainSubstring(cloud.zone), ContainSubstring("nothing is sent"))))
		_, err = client.CreateLoadBalancer(ctx, emptyZone(cloud.zone), nlb.LoadBalancerAttributes{Name: "web"})
		g.Expect(ClassOf(err)).To(Equal(Blocked))
	}
	g.Expect(asked.Load()).To(BeZero())
	g.Expect(cloud.calls(opListZones)).To(Equal(1), "nor is the list read again at once")
	gateway.restore()
	moved.Step(2 * zoneListLife)
	_, err := client.LoadBalancers(ctx, cloud.zone)
	g.Expect(err).NotTo(HaveOccurred(), "it heals by itself")
}

// The client itself holds to the rule: it isn't only the flag that is checked.
func TestNothingIsSentToAnInsecureEndpoint(t *testing.T) {
	client, err := NewClient(Options{Endpoint: "http://exosim.invalid/v2", Zone: "ch-gva-2", Credentials: StaticCredentials("k", "s3cret")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.LoadBalancers(context.Background(), "")
	if ClassOf(err) != Blocked || !strings.Contains(err.Error(), "exosim.invalid") {
		t.Errorf("got %v", err)
	}
}

func TestAnEncryptedCloudIsAsked(t *testing.T) {
	cloud := givenCloud(t)
	server := httptest.NewTLSServer(cloud.sim.Cloud)
	t.Cleanup(server.Close)
	client := cloud.client(func(o *Options) { o.Endpoint = server.URL })
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	client.base.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	if _, err := client.LoadBalancers(context.Background(), cloud.zone); err != nil {
		t.Error(err)
	}
}
