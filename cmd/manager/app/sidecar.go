package app

import (
	"crypto/tls"
	"errors"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/exoscale-community/nlb-operator/controllers/sidecar"
	"github.com/exoscale-community/nlb-operator/controllers/webhookcert"
	"github.com/exoscale-community/nlb-operator/internal/metrics"
)

// servesWebhook: without an image there is nothing to add to Pods.
func (o Options) servesWebhook() bool { return o.UDPSidecarImage != "" && o.WebhookBindAddress != Off }

// setupWebhook adds the webhook for Pods to the manager, if it is switched on, and
// what gives it its certificate. None of it can end the manager, or hold it up.
func (a *App) setupWebhook(mgr manager.Manager) error {
	if !a.options.servesWebhook() {
		return nil
	}
	namespace, err := webhookNamespace(a.options)
	if err != nil {
		return err
	}
	objects, err := a.webhookCache(mgr, namespace)
	if err != nil {
		return err
	}
	certificate, err := a.webhookCertificate(mgr, objects, namespace)
	if err != nil {
		return err
	}
	told, err := metrics.NewWebhook(a.options.Metrics, certificate.GetCertificate)
	if err != nil {
		return fmt.Errorf("registering the metrics of the webhook: %w", err)
	}
	handler := sidecar.NewHandler(sidecar.Options{
		Reader:          mgr.GetCache(),
		LimitRanges:     objects,
		Decoder:         admission.NewDecoder(mgr.GetScheme()),
		Image:           a.options.UDPSidecarImage,
		OwnNamespace:    namespace,
		WatchNamespaces: a.options.WatchNamespaces,
		Count:           told.Pod,
	})
	server := &sidecar.Server{
		Address:        a.options.WebhookBindAddress,
		Handler:        handler,
		GetCertificate: certificate.GetCertificate,
		Callers:        a.options.webhookCallers(),
		Clock:          a.options.Clock,
		Log:            a.options.Log.WithName("webhook"),
	}
	return errors.Join(mgr.Add(server), mgr.AddReadyzCheck("webhook", server.Ready))
}

// webhookCallers are those whom the webhook answers; nil: everybody.
func (o Options) webhookCallers() *sidecar.Callers {
	if o.WebhookClientCAFile == "" {
		return nil
	}
	return &sidecar.Callers{File: o.WebhookClientCAFile, Names: o.WebhookClientNames, Clock: o.Clock}
}

// webhookNamespace is where the webhook's Secret and Service are.
func webhookNamespace(options Options) (string, error) {
	if options.WebhookNamespace != "" {
		return options.WebhookNamespace, nil
	}
	namespace, err := ownNamespace()
	if err != nil {
		return "", fmt.Errorf("--udp-sidecar-image: outside of a Pod, --webhook-namespace has to say where the webhook's Service is (%w)", err)
	}
	return namespace, nil
}

// replicaCache is filled in every replica.
type replicaCache struct{ cache.Cache }

// NeedLeaderElection implements manager.LeaderElectionRunnable.
func (replicaCache) NeedLeaderElection() bool { return false }

// webhookCache is for what only the webhook reads. In the manager's cache, objects
// that can't be read, since a right is missing, would hold up every controller.
func (a *App) webhookCache(mgr manager.Manager, namespace string) (cache.Cache, error) {
	objects, err := cache.New(mgr.GetConfig(), cache.Options{
		HTTPClient:        mgr.GetHTTPClient(),
		Scheme:            mgr.GetScheme(),
		Mapper:            mgr.GetRESTMapper(),
		DefaultNamespaces: watched(a.options.WatchNamespaces),
		DefaultTransform:  cache.TransformStripManagedFields(),
		ByObject:          webhookcert.Cached(a.options.WebhookName, namespace),
	})
	if err != nil {
		return nil, err
	}
	return objects, mgr.Add(replicaCache{objects})
}

// certificate is where the webhook's comes from.
type certificate interface {
	GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error)
}

// webhookCertificate is that of files, if somebody else makes them; else our own.
func (a *App) webhookCertificate(mgr manager.Manager, objects cache.Cache, namespace string) (certificate, error) {
	log := a.options.Log.WithName("webhook")
	if a.options.WebhookCertDir != "" {
		files := webhookcert.NewFiles(a.options.WebhookCertDir, log)
		return files, mgr.Add(files)
	}
	writer, err := client.New(mgr.GetConfig(), client.Options{HTTPClient: mgr.GetHTTPClient(), Scheme: mgr.GetScheme(), Mapper: mgr.GetRESTMapper()})
	if err != nil {
		return nil, err
	}
	maker := webhookcert.New(webhookcert.Options{
		Reader:             objects,
		Writer:             writer,
		Clock:              a.options.Clock,
		Name:               a.options.WebhookName,
		Namespace:          namespace,
		Lifetime:           a.options.WebhookCertLifetime,
		Settle:             a.options.WebhookCertSettle,
		SkipNameValidation: a.options.SkipNameValidation,
	})
	if err := maker.SetupWithManager(mgr, objects); err != nil {
		return nil, err
	}
	secret := webhookcert.NewSecret(objects, log)
	return secret, mgr.Add(secret)
}
