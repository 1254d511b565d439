package injection

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
)

const settle = 200 * time.Millisecond

// serverName is what the API server calls the webhook.
const serverName = webhookName + "." + system + ".svc"

// secret is what the certificate is kept in.
func secret(t *testing.T, c client.Client) *corev1.Secret {
	t.Helper()
	var s corev1.Secret
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: system, Name: webhookName}, &s); err != nil {
		t.Fatal(err)
	}
	return &s
}

// bundle is by what the API server believes the webhook.
func bundle(ctx context.Context, c client.Client) ([]byte, error) {
	var webhooks admissionregistrationv1.MutatingWebhookConfiguration
	err := c.Get(ctx, client.ObjectKey{Name: webhookName}, &webhooks)
	if err != nil {
		return nil, err
	}
	first, second := webhooks.Webhooks[0].ClientConfig.CABundle, webhooks.Webhooks[1].ClientConfig.CABundle
	if !bytes.Equal(first, second) {
		return nil, errors.New("the two webhooks are believed by different authorities")
	}
	return first, nil
}

// shown is the certificate that a webhook shows to somebody who believes in a bundle.
func shown(ctx context.Context, port int32, bundle []byte) (*x509.Certificate, error) {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(bundle)
	dialer := tls.Dialer{Config: &tls.Config{RootCAs: roots, ServerName: serverName}}
	connection, err := dialer.DialContext(ctx, "tcp4", "127.0.0.1:"+strconv.Itoa(int(port)))
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	return connection.(*tls.Conn).ConnectionState().PeerCertificates[0], nil
}

// forgotten has nobody hold a certificate any more, as when it was just installed.
func forgotten(t *testing.T) {
	t.Helper()
	spoil(t, func(s *corev1.Secret) { s.Data = nil })
	configure(t, func(webhook *admissionregistrationv1.MutatingWebhook) { webhook.ClientConfig.CABundle = nil })
}

// spoil changes the Secret, whatever an operator writes meanwhile.
func spoil(t *testing.T, edit func(*corev1.Secret)) {
	t.Helper()
	c := newUser(t)
	NewWithT(t).Eventually(func() error {
		s := secret(t, c)
		edit(s)
		return c.Update(t.Context(), s)
	}, patience).Should(Succeed())
}

// visitor asks the webhook again and again, through the API server and by itself.
type visitor struct {
	mu       sync.Mutex
	visits   int
	failures []error
}

func (v *visitor) visit(ctx context.Context, c client.Client, port int32) {
	for ctx.Err() == nil {
		err := visit(ctx, c, port)
		if ctx.Err() != nil {
			return
		}
		v.mu.Lock()
		v.visits++
		if err != nil {
			v.failures = append(v.failures, err)
		}
		v.mu.Unlock()
	}
}

func visit(ctx context.Context, c client.Client, port int32) error {
	believed, err := bundle(ctx, c)
	if err != nil {
		return err
	}
	if _, err := shown(ctx, port, believed); err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	p := asking("default", "visitor")
	err = c.Create(ctx, p, client.DryRunAll)
	if got, err := sidecars(p, err); err != nil || len(got) != 1 {
		return fmt.Errorf("a Pod got %v: %w", got, err)
	}
	return nil
}

func (v *visitor) count() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.visits
}

// The certificate is renewed three times while somebody asks all the time.
func TestRenewalIsNotNoticed(t *testing.T) {
	g := NewWithT(t)
	forgotten(t)
	clock := clocktesting.NewFakeClock(time.Now())
	o := serving(t, func(options *app.Options) { options.Clock, options.WebhookCertSettle = clock, settle })
	c, caller := newUser(t), newUser(t)
	v := &visitor{}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var visiting sync.WaitGroup
	visiting.Go(func() { v.visit(ctx, caller, o.port) })

	clock.Step(61 * 24 * time.Hour) // of 90; what is made from now on is old at once
	for round := range 3 {
		s := secret(t, c)
		current := s.Data["tls.crt"]
		// The first timer would take 60 days. Later it may have begun the next round by itself.
		touched := fmt.Appendf(nil, `{"metadata":{"annotations":{"round":"%d"}}}`, round)
		g.Expect(c.Patch(t.Context(), s, client.RawPatch(types.MergePatchType, touched))).To(Succeed())
		g.Eventually(func(g Gomega) {
			believed, err := bundle(t.Context(), c)
			g.Expect(err).NotTo(HaveOccurred())
			held := secret(t, c).Data
			g.Expect(held["tls.crt"]).To(Equal(current), "the old certificate is shown yet")
			g.Expect(held).To(HaveKey("next.crt"))
			g.Expect(believed).To(Equal(held["ca.crt"]), "and the next authority is announced")
		}, patience).Should(Succeed(), "round %d", round)
		before := v.count()
		g.Eventually(v.count, patience).Should(BeNumerically(">", before+2))
		g.Eventually(func() []byte {
			shown := secret(t, c).Data["tls.crt"]
			if bytes.Equal(shown, current) {
				clock.Step(settle) // again, if the operator hadn't seen its announcement yet
			}
			return shown
		}, patience, 500*time.Millisecond).ShouldNot(Equal(current), "round %d", round)
		before = v.count()
		g.Eventually(v.count, patience).Should(BeNumerically(">", before+2))
	}
	cancel()
	visiting.Wait()
	g.Expect(v.failures).To(BeEmpty(), "in %d visits", v.visits)
}

// showing waits until an operator shows the certificate of the Secret, and the API
// server is told to believe it.
func showing(t *testing.T, o *operator) {
	t.Helper()
	c := newUser(t)
	NewWithT(t).Eventually(func(g Gomega) {
		data := secret(t, c).Data
		kept, err := tls.X509KeyPair(data["tls.crt"], data["tls.key"])
		g.Expect(err).NotTo(HaveOccurred())
		believed, err := bundle(t.Context(), c)
		g.Expect(err).NotTo(HaveOccurred())
		certificate, err := shown(t.Context(), o.port, believed)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(certificate.Raw).To(Equal(kept.Leaf.Raw))
		g.Expect(data["ca.crt"]).To(Equal(believed))
	}, patience).Should(Succeed())
}

// Two replicas that begin at the same time come to show one certificate, and both
// add sidecars.
func TestTwoReplicas(t *testing.T) {
	for name, elect := range map[string]bool{"one of which leads": true, "both of which lead": false} {
		t.Run(name, func(t *testing.T) {
			forgotten(t)
			options := func(options *app.Options) {
				options.LeaderElect, options.LeaderElectionNamespace = elect, system
			}
			first, second := start(t, options), start(t, options)
			for _, o := range []*operator{first, second} {
				showing(t, o)
				leadTo(t, o.port)
				injecting(t)
			}
			first.stop()
			configure(t, func(webhook *admissionregistrationv1.MutatingWebhook) { webhook.ClientConfig.CABundle = nil })
			showing(t, second) // it has put that right
			injecting(t)
		})
	}
}

// What somebody breaks is made anew.
func TestTheCertificateIsMended(t *testing.T) {
	o := serving(t, nil)
	for name, breaks := range map[string]func(t *testing.T){
		"the authorities are gone": func(t *testing.T) {
			configure(t, func(webhook *admissionregistrationv1.MutatingWebhook) { webhook.ClientConfig.CABundle = nil })
		},
		"the Secret is empty": func(t *testing.T) {
			spoil(t, func(s *corev1.Secret) { s.Data = nil })
		},
		"the Secret holds nonsense": func(t *testing.T) {
			spoil(t, func(s *corev1.Secret) { s.Data["tls.key"], s.Data["ca.crt"] = []byte("?"), []byte("?") })
		},
		"it is installed again": func(t *testing.T) {
			said, err := kubectl(t.Context(), "apply", "-f", "../../config/webhook/webhook.yaml", "-f", "../../config/webhook/certificate/secret.yaml")
			NewWithT(t).Expect(err).NotTo(HaveOccurred(), said)
			leadTo(t, o.port)
		},
	} {
		t.Run(name, func(t *testing.T) {
			breaks(t)
			showing(t, o)
			injecting(t)
		})
	}
}
