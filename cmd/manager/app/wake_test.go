package app

import (
	"context"
	"slices"
	"testing"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/index"
)

const (
	oneID     = "00000000-0000-4000-8000-000000000001"
	anotherID = "00000000-0000-4000-8000-000000000002"
)

func TestWhomTheCloudWakes(t *testing.T) {
	w := wakeupsOn(t, namespace(t, "wakes"))
	for name, tc := range map[string]struct {
		happens func()
		want    woken
	}{
		"the owner of an operation that ended": {
			func() { w.operationEnded(ownerOf("NetworkLoadBalancer", "gva-one")) }, woken{loadBalancers: []string{"gva-one"}},
		},
		"the owner of a cloud service's operation": {
			func() { w.operationEnded(ownerOf("NLBService", "gva-http")) }, woken{nlbServices: []string{"gva-http"}},
		},
		"nobody, if the owner is of a kind that has no controller": {
			func() { w.operationEnded(ownerOf("Teapot", "gva-http")) }, woken{},
		},
		"those that record the NLB that changed": {
			func() { w.loadBalancerChanged("ch-gva-2", oneID) }, woken{loadBalancers: []string{"gva-one"}, nlbServices: []string{"gva-http"}},
		},
		"nobody for an NLB that nobody records": {
			func() { w.loadBalancerChanged("ch-gva-2", "00000000-0000-4000-8000-00000000000f") }, woken{},
		},
		"what forwards to pools of the zone, and what is to": {
			func() { w.membersChanged("ch-gva-2") }, woken{nlbServices: []string{"fresh-http", "gva-http"}, services: []string{"public"}},
		},
		"those that have no NLB, when one is gone": {
			func() { w.loadBalancersVanished("de-fra-1") }, woken{loadBalancers: []string{"fra-none", "fresh"}},
		},
		"all of the zone, and those without one": {
			func() { w.zoneChanged("de-fra-1") }, woken{loadBalancers: []string{"fra-none", "fra-two", "fresh"}, nlbServices: []string{"fra-http", "fresh-http"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got := w.listen(t)
			tc.happens()
			if tc.want.empty() {
				w.zoneChanged("elsewhere") // a mark behind what must not come
				tc.want = woken{loadBalancers: []string{"fresh"}, nlbServices: []string{"fresh-http"}}
			}
			g.Eventually(got, patience).Should(Equal(tc.want))
			g.Consistently(got).Should(Equal(tc.want))
		})
	}
}

// The inventory and the tracker call while they hold their locks.
func TestWakingNeverWaits(t *testing.T) {
	w := newWakeups(nil, logr.Discard()) // nobody reads the notes, and no controller runs
	for range 10_000 {
		w.loadBalancerChanged("ch-gva-2", oneID)
		w.membersChanged("ch-gva-2")
		w.zoneChanged("ch-gva-2")
		w.operationEnded(ownerOf("NLBService", "web"))
	}
	if got := len(w.takeNotes()); got != 3 {
		t.Errorf("the same is noted once: %d notes", got)
	}
}

func ownerOf(kind, name string) exoscale.Owner {
	return exoscale.Owner{Kind: kind, NamespacedName: types.NamespacedName{Namespace: "wakes", Name: name}}
}

// listened are wakeups whose queues a test reads in place of the controllers.
type listened struct {
	*wakeups
}

// woken are the names in each queue.
type woken struct{ loadBalancers, nlbServices, services []string }

func (w woken) empty() bool {
	return len(w.loadBalancers)+len(w.nlbServices)+len(w.services) == 0
}

// wakeupsOn runs on objects of two zones and of none.
func wakeupsOn(t *testing.T, namespace string) listened {
	t.Helper()
	recordedLoadBalancer(t, namespace, "gva-one", "ch-gva-2", oneID)
	recordedLoadBalancer(t, namespace, "fra-two", "de-fra-1", anotherID)
	recordedLoadBalancer(t, namespace, "fra-none", "de-fra-1", "")
	recordedLoadBalancer(t, namespace, "fresh", "", "")
	recordedNLBService(t, namespace, "gva-http", "ch-gva-2", oneID)
	recordedNLBService(t, namespace, "fra-http", "de-fra-1", anotherID)
	recordedNLBService(t, namespace, "fresh-http", "", "")
	givenService(t, namespace, "public", corev1.ServiceTypeLoadBalancer)
	givenService(t, namespace, "private", corev1.ServiceTypeClusterIP)

	objects, err := cache.New(cluster.Config(), cache.Options{Scheme: scheme.Scheme, DefaultNamespaces: watched([]string{namespace})})
	if err != nil {
		t.Fatal(err)
	}
	if err := index.Setup(t.Context(), objects); err != nil {
		t.Fatal(err)
	}
	w := newWakeups(objects, logr.Discard())
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{}, 2)
	go func() { _ = objects.Start(ctx); ended <- struct{}{} }()
	go func() { objects.WaitForCacheSync(ctx); _ = w.Start(ctx); ended <- struct{}{} }()
	t.Cleanup(func() { cancel(); <-ended; <-ended })
	return listened{w}
}

// listen gives what is woken from now on.
func (w listened) listen(t *testing.T) func() woken {
	t.Helper()
	var got woken
	drain := map[*queue]func(){}
	for from, into := range map[*queue]*[]string{&w.loadBalancers: &got.loadBalancers, &w.nlbServices: &got.nlbServices, &w.services: &got.services} {
		q := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
		t.Cleanup(q.ShutDown)
		if err := from.Start(t.Context(), q); err != nil {
			t.Fatal(err)
		}
		drain[from] = func() {
			for q.Len() > 0 {
				request, _ := q.Get()
				q.Done(request)
				if !slices.Contains(*into, request.Name) {
					*into = append(*into, request.Name)
				}
			}
			slices.Sort(*into)
		}
	}
	return func() woken {
		for _, take := range drain {
			take()
		}
		return got
	}
}

func recordedLoadBalancer(t *testing.T, namespace, name, zone, id string) {
	t.Helper()
	object := loadBalancer(t, namespace, name)
	object.Status.Zone, object.Status.ID = zone, id
	if err := kube(t).Status().Update(t.Context(), object); err != nil {
		t.Fatal(err)
	}
}

func recordedNLBService(t *testing.T, namespace, name, zone, loadBalancerID string) {
	t.Helper()
	c := kube(t)
	object := &v1alpha1.NLBService{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.NLBServiceSpec{
			LoadBalancerRef: v1alpha1.LoadBalancerReference{Name: "any"}, Port: 80, TargetPort: 30080,
			Target: v1alpha1.Target{InstancePoolID: anotherID},
		},
	}
	if err := c.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Delete(context.Background(), object) })
	object.Status.Zone, object.Status.LoadBalancerID = zone, loadBalancerID
	if err := c.Status().Update(t.Context(), object); err != nil {
		t.Fatal(err)
	}
}

func givenService(t *testing.T, namespace, name string, kind corev1.ServiceType) {
	t.Helper()
	c := kube(t)
	object := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       corev1.ServiceSpec{Type: kind, Ports: []corev1.ServicePort{{Port: 80}}},
	}
	if err := c.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Delete(context.Background(), object, client.PropagationPolicy(metav1.DeletePropagationBackground))
	})
}
