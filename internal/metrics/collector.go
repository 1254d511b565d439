package metrics

import (
	"context"
	"errors"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(Prefix+name, help, labels, nil)
}

var (
	objectsDesc = desc("objects", "Objects that the operator holds, by how they are.",
		"kind", "zone", "state", "reason")
	unreadySince = desc("object_unready_since_timestamp_seconds", "When an object that isn't ready ceased to be, or its deletion began; none while it is ready.",
		"kind", "object_namespace", "object_name", "state", "reason")
	operationStarted = desc("operation_started_timestamp_seconds", "When the operation of Exoscale began that is in flight for an object; none while there is none.",
		"kind", "object_namespace", "object_name", "action")
	addressPendingSince = desc("service_address_pending_since_timestamp_seconds", "Since when a Service waits for its address; none once it has one.",
		"object_namespace", "object_name", "reason")
	backendsDesc = desc("backends", "Backends of an NLBService by the result of their last health check.",
		"object_namespace", "object_name", "kubernetes_service", "zone", "state")
	nlbServicesDesc = desc("load_balancer_services", "Services that stand on an NLB at Exoscale, the operator's own and others'.",
		"object_namespace", "object_name", "zone", "owner")
)

// What the labels owner and state, of a backend, may be.
const (
	ownerOperator = "operator"
	ownerForeign  = "foreign"

	backendHealthy   = "healthy"
	backendUnhealthy = "unhealthy"
)

// scrapeLimit is how long a scrape may wait for the cache.
const scrapeLimit = 5 * time.Second

// Collector tells of the objects at the moment of a scrape. A cache of thousands
// costs it milliseconds: nothing is copied but the lists themselves.
type Collector struct {
	reader  client.Reader
	working <-chan struct{}
	log     logr.Logger
}

// NewCollector makes a collector that reads from a cache once working is closed:
// before, another replica may be the one that tells.
func NewCollector(reader client.Reader, working <-chan struct{}, log logr.Logger) Collector {
	return Collector{reader: reader, working: working, log: log}
}

// Describe implements prometheus.Collector.
func (c Collector) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{objectsDesc, unreadySince, operationStarted, addressPendingSince, backendsDesc, nlbServicesDesc} {
		descs <- d
	}
}

// Collect implements prometheus.Collector. What can't be read isn't told, so that
// the other metrics are.
func (c Collector) Collect(metrics chan<- prometheus.Metric) {
	select {
	case <-c.working:
	default:
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), scrapeLimit)
	defer cancel()
	objects, err := c.read(ctx)
	if err != nil {
		c.log.V(1).Info("the objects can't be read for their metrics", "reason", err.Error())
		return
	}
	tell(metrics, Take(objects))
	tellLoadBalancers(metrics, objects.LoadBalancers)
	tellBackends(metrics, objects.NLBServices)
}

func (c Collector) read(ctx context.Context) (Objects, error) {
	var (
		loadBalancers v1alpha1.NetworkLoadBalancerList
		nlbServices   v1alpha1.NLBServiceList
		identities    v1alpha1.NodeIdentityList
		services      corev1.ServiceList
		errs          []error
	)
	for _, list := range []client.ObjectList{&loadBalancers, &nlbServices, &identities, &services} {
		errs = append(errs, c.reader.List(ctx, list, client.UnsafeDisableDeepCopy))
	}
	return Objects{
		LoadBalancers: loadBalancers.Items, NLBServices: nlbServices.Items, NodeIdentities: identities.Items, Services: services.Items,
	}, errors.Join(errs...)
}

func gauge(metrics chan<- prometheus.Metric, d *prometheus.Desc, value float64, labels ...string) {
	metrics <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

func seconds(t time.Time) float64 { return float64(t.Unix()) }

func tell(metrics chan<- prometheus.Metric, census Census) {
	for group, count := range census.Counts {
		gauge(metrics, objectsDesc, float64(count), group.Kind, group.Zone, string(group.State), group.Reason)
	}
	for _, o := range census.Unready {
		gauge(metrics, unreadySince, seconds(o.Since), o.Kind, o.Namespace, o.Name, string(o.State), o.Reason)
	}
	for _, o := range census.Flying {
		gauge(metrics, operationStarted, seconds(o.Operation.StartedAt.Time), o.Kind, o.Namespace, o.Name, string(o.Operation.Action))
	}
	for _, o := range census.Addressless {
		gauge(metrics, addressPendingSince, seconds(o.Since), o.Namespace, o.Name, o.Reason)
	}
}

func tellLoadBalancers(metrics chan<- prometheus.Metric, loadBalancers []v1alpha1.NetworkLoadBalancer) {
	for i := range loadBalancers {
		lb := &loadBalancers[i]
		if lb.Status.ID == "" {
			continue
		}
		foreign := lb.Status.ForeignServices
		gauge(metrics, nlbServicesDesc, float64(lb.Status.ServiceCount-foreign), lb.Namespace, lb.Name, lb.Status.Zone, ownerOperator)
		gauge(metrics, nlbServicesDesc, float64(foreign), lb.Namespace, lb.Name, lb.Status.Zone, ownerForeign)
	}
}

func tellBackends(metrics chan<- prometheus.Metric, services []v1alpha1.NLBService) {
	for i := range services {
		s := &services[i]
		if s.Status.ID == "" {
			continue
		}
		labels := []string{s.Namespace, s.Name, s.Labels[v1alpha1.LabelService], s.Status.Zone}
		gauge(metrics, backendsDesc, float64(s.Status.HealthyBackends), append(labels, backendHealthy)...)
		gauge(metrics, backendsDesc, float64(s.Status.TotalBackends-s.Status.HealthyBackends), append(labels, backendUnhealthy)...)
	}
}
