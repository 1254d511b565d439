package webhookcert

import (
	"context"
	"crypto/tls"
	"errors"
	"sync/atomic"

	"github.com/go-logr/logr"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// errNone is for whoever connects too early.
var errNone = errors.New("the webhook has no certificate yet")

// Cached keeps all Secrets and webhooks but the two that are meant out of a cache;
// for cache.Options.ByObject. So the right to read these two will do.
func Cached(name, namespace string) map[client.Object]cache.ByObject {
	only := fields.OneTermEqualSelector("metadata.name", name)
	return map[client.Object]cache.ByObject{
		&corev1.Secret{}: {Namespaces: map[string]cache.Config{namespace: {FieldSelector: only}}},
		&admissionregistrationv1.MutatingWebhookConfiguration{}: {Field: only},
	}
}

// Secret is what servers of every replica show: the certificate that the Secret
// holds. It is a Runnable of a manager.
type Secret struct {
	cache   cache.Cache
	log     logr.Logger
	current atomic.Pointer[tls.Certificate]
}

// NewSecret reads from a cache that is limited as Cached says.
func NewSecret(from cache.Cache, log logr.Logger) *Secret { return &Secret{cache: from, log: log} }

// GetCertificate is for a tls.Config.
func (s *Secret) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return orNone(s.current.Load())
}

// NeedLeaderElection implements manager.LeaderElectionRunnable.
func (*Secret) NeedLeaderElection() bool { return false }

// Start follows the Secret until ctx ends.
func (s *Secret) Start(ctx context.Context) error {
	informer, err := s.cache.GetInformer(ctx, &corev1.Secret{}, cache.BlockUntilSynced(false))
	if err == nil {
		_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
			AddFunc:    s.take,
			UpdateFunc: func(_, object any) { s.take(object) },
			// Deleted, it is shown on: API servers still believe it.
		})
	}
	if err != nil {
		s.log.Error(err, "Following the webhook's Secret; the webhook isn't served")
	}
	<-ctx.Done()
	return nil
}

// take shows what a Secret holds, unless that can't be shown.
func (s *Secret) take(object any) {
	secret, is := object.(*corev1.Secret)
	if !is || len(secret.Data[keyCertificate]) == 0 {
		return
	}
	certificate, err := tls.X509KeyPair(secret.Data[keyCertificate], secret.Data[keyPrivateKey])
	if err != nil {
		s.log.Error(err, "Reading the webhook's certificate", "secret", secret.Name)
		return
	}
	s.current.Store(&certificate)
}

func orNone(certificate *tls.Certificate) (*tls.Certificate, error) {
	if certificate == nil {
		return nil, errNone
	}
	return certificate, nil
}
