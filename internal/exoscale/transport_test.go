package exoscale

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

func TestAChangeWithoutAnAnswerInTimeIsTransient(t *testing.T) {
	g := NewWithT(t)
	cloud := givenCloud(t)
	cloud.slow(opCreateLoadBalancer, time.Minute)
	client := cloud.client(func(o *Options) { o.Timeout = 50 * time.Millisecond })
	_, err := client.CreateLoadBalancer(context.Background(), emptyZone(cloud.zone), nlb.LoadBalancerAttributes{Name: "web"})
	g.Expect(ClassOf(err)).To(Equal(Transient))
	g.Expect(err).To(MatchError(ContainSubstring("no answer in time")))
}

func TestWhoGivesUpDoesNotWait(t *testing.T) {
	g := NewWithT(t)
	cloud := givenCloud(t)
	cloud.slow(opListLoadBalancers, time.Minute)
	inventory := cloud.inventory(cloud.client(), InventoryOptions{Interval: never})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_, err := inventory.LoadBalancers(ctx, cloud.zone)
	g.Expect(ClassOf(err)).To(Equal(Transient))
	g.Expect(err).To(MatchError(context.DeadlineExceeded))
}

type answering func(*http.Request) (*http.Response, error)

func (a answering) RoundTrip(req *http.Request) (*http.Response, error) { return a(req) }

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestAnAnswerIsBounded(t *testing.T) {
	carrier := &transport{most: 1 << 20, next: answering(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(endless{}), ContentLength: -1}, nil
	})}
	resp, err := carrier.send(&http.Request{Method: http.MethodGet})
	_ = resp.Body.Close()
	if err == nil || !strings.Contains(err.Error(), "longer than") || resp.StatusCode != http.StatusOK {
		t.Errorf("got %v", err)
	}
}

func TestEndpointGetsAVersionIfItHasNoPath(t *testing.T) {
	for given, want := range map[string]string{
		"":                                  "https://api-ch-gva-2.exoscale.com/v2",
		"http://127.0.0.1:8080":             "http://127.0.0.1:8080/v2",
		"http://127.0.0.1:8080/":            "http://127.0.0.1:8080/v2",
		"http://127.0.0.1:8080/v2/":         "http://127.0.0.1:8080/v2",
		"https://proxy.example/exoscale/v2": "https://proxy.example/exoscale/v2",
	} {
		if got := (Options{Endpoint: given}).withDefaults().Endpoint; got != want {
			t.Errorf("%q: got %s, want %s", given, got, want)
		}
	}
}

// One that is too long stopped a zone, and nothing told why or what to do.
func TestAnAnswerThatIsTooLongIsTold(t *testing.T) {
	g, ctx := NewWithT(t), context.Background()
	cloud := givenCloud(t)
	id := cloud.loadBalancer("web", cloud.pool(1))
	gateway, through := cloud.gateway()
	gateway.answer("GET", "load-balancer", func(body string) string { return body + strings.Repeat(" ", 1<<20) })
	gateway.answer("POST", "load-balancer", func(body string) string { return body + strings.Repeat(" ", 1<<20) })
	client := cloud.client(through, func(o *Options) { o.MaxAnswer = 1 << 20 })
	_, err := client.LoadBalancers(ctx, cloud.zone)
	g.Expect(ClassOf(err)).To(Equal(Oversized))
	g.Expect(err).To(MatchError(And(ContainSubstring("1 MiB"), ContainSubstring("--exoscale-max-answer"), Not(ContainSubstring("HTTP")))))
	g.Expect(gateway.changed()).To(Equal(1), "it isn't asked for again at once")
	_, err = client.CreateLoadBalancer(ctx, emptyZone(cloud.zone), nlb.LoadBalancerAttributes{Name: "made"})
	g.Expect(ClassOf(err)).To(Equal(Transient), "a change may have been made all the same")

	larger := cloud.client(through, func(o *Options) { o.MaxAnswer = 2 << 20 })
	list, err := larger.LoadBalancers(ctx, cloud.zone)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(list).To(ContainElement(HaveField("ID", id)))
}
