package index

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/test/controlplane"
)

// server is a client of the API server of all tests, and cached a reader with
// the indexes that the operator has.
var (
	server client.Client
	cached cache.Cache
)

func TestMain(m *testing.M) {
	code, err := withServer(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func withServer(run func() int) (code int, err error) {
	if err := v1alpha1.AddToScheme(scheme.Scheme); err != nil {
		return 0, err
	}
	cluster, err := controlplane.Start(context.Background(), controlplane.Options{})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, cluster.Stop()) }()
	if server, err = client.New(cluster.Config(), client.Options{}); err != nil {
		return 0, err
	}
	if cached, err = cache.New(cluster.Config(), cache.Options{}); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	defer func() {
		cancel()
		err = errors.Join(err, <-ended)
	}()
	go func() { ended <- cached.Start(ctx) }()
	if err := Setup(ctx, cached); err != nil {
		return 0, err
	}
	return run(), nil
}

// Two of each kind, of which one has been recorded to be somewhere.
func TestIndexes(t *testing.T) {
	lb := create(t, &v1alpha1.NetworkLoadBalancer{ObjectMeta: named("placed")})
	lb.Status.ID, lb.Status.Zone = "lb-1", "ch-gva-2"
	record(t, lb)
	create(t, &v1alpha1.NetworkLoadBalancer{ObjectMeta: named("fresh")})

	here := create(t, nlbService("here", v1alpha1.LoadBalancerReference{Name: "placed"}))
	here.Status.LoadBalancerID, here.Status.Zone = "lb-1", "ch-gva-2"
	record(t, here)
	create(t, nlbService("from-elsewhere", v1alpha1.LoadBalancerReference{Name: "placed", Namespace: "shop"}))
	create(t, nlbService("said-so", v1alpha1.LoadBalancerReference{Name: "placed", Namespace: "default"}))
	web := create(t, service("web"))

	for name, test := range map[string]struct {
		list       client.ObjectList
		field, key string
		want       []string
	}{
		"a Service by its UID":                               {&corev1.ServiceList{}, ByUID, string(web.UID), []string{"web"}},
		"no Service by another's UID":                        {&corev1.ServiceList{}, ByUID, string(here.UID), nil},
		"an NLBService by its UID":                           {&v1alpha1.NLBServiceList{}, ByUID, string(here.UID), []string{"here"}},
		"a NetworkLoadBalancer by its NLB":                   {&v1alpha1.NetworkLoadBalancerList{}, ByLoadBalancerID, "lb-1", []string{"placed"}},
		"no NetworkLoadBalancer by no NLB":                   {&v1alpha1.NetworkLoadBalancerList{}, ByLoadBalancerID, "", nil},
		"an NLBService by its NLB":                           {&v1alpha1.NLBServiceList{}, ByLoadBalancerID, "lb-1", []string{"here"}},
		"no NLBService by no NLB":                            {&v1alpha1.NLBServiceList{}, ByLoadBalancerID, "", nil},
		"the NLBServices of a NetworkLoadBalancer":           {&v1alpha1.NLBServiceList{}, ByLoadBalancerRef, "default/placed", []string{"here", "said-so"}},
		"the NLBServices of one elsewhere":                   {&v1alpha1.NLBServiceList{}, ByLoadBalancerRef, "shop/placed", []string{"from-elsewhere"}},
		"the NetworkLoadBalancers of a zone":                 {&v1alpha1.NetworkLoadBalancerList{}, ByZone, "ch-gva-2", []string{"placed"}},
		"the NetworkLoadBalancers whose zone isn't recorded": {&v1alpha1.NetworkLoadBalancerList{}, ByZone, "", []string{"fresh"}},
		"the NLBServices of a zone":                          {&v1alpha1.NLBServiceList{}, ByZone, "ch-gva-2", []string{"here"}},
		"the NLBServices whose zone isn't recorded":          {&v1alpha1.NLBServiceList{}, ByZone, "", []string{"from-elsewhere", "said-so"}},
	} {
		t.Run(name, func(t *testing.T) {
			eventually(t, func(g Gomega) {
				g.Expect(cached.List(t.Context(), test.list, client.InNamespace("default"), client.MatchingFields{test.field: test.key})).To(Succeed())
				g.Expect(cmp.Diff(test.want, namesIn(g, test.list))).To(BeEmpty())
			})
		})
	}
}

func TestLives(t *testing.T) {
	ours := create(t, nlbService("alive", v1alpha1.LoadBalancerReference{Name: "edge"}))
	web := create(t, service("alive"))
	gone := create(t, service("gone"))
	if err := server.Delete(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	const nobodys = "00000000-0000-4000-8000-000000000000"
	var names []nlb.Service
	for _, name := range []string{"web", string(ours.UID) + "-443", "k8s-" + string(web.UID), string(gone.UID) + "-80-udp", "default-edge-" + nobodys} {
		names = append(names, nlb.Service{Name: name})
	}
	for _, owner := range []string{"alive", "gone"} {
		names = append(names, nlb.Service{Description: nlb.Marked("", nlb.MarkOf("cluster", "default", owner))})
	}

	t.Run("the UIDs in names are of live objects, or of none", func(t *testing.T) {
		eventually(t, func(g Gomega) {
			lives, err := Lives(t.Context(), cached, names, true)
			g.Expect(err).NotTo(HaveOccurred())
			got := map[string]bool{}
			for _, uid := range []string{string(ours.UID), string(web.UID), string(gone.UID), nobodys} {
				got[uid] = lives.UID(uid)
			}
			want := map[string]bool{string(ours.UID): true, string(web.UID): true, string(gone.UID): false, nobodys: false}
			g.Expect(cmp.Diff(want, got)).To(BeEmpty())
		})
	})
	t.Run("the owners in marks live, or don't", func(t *testing.T) {
		eventually(t, func(g Gomega) {
			lives, err := Lives(t.Context(), cached, names, true)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(lives.Owner(nlb.MarkOwner("default", "alive"))).To(BeTrue())
			g.Expect(lives.Owner(nlb.MarkOwner("default", "gone"))).To(BeFalse())
		})
	})
	t.Run("who doesn't see every namespace can't know that one is of nobody", func(t *testing.T) {
		lives, err := Lives(t.Context(), cached, names, false)
		if err != nil || !lives.UID(nobodys) || !lives.UID(string(gone.UID)) || !lives.Owner(nlb.MarkOwner("default", "gone")) {
			t.Errorf("err %v", err)
		}
	})
	t.Run("no name holds a UID", func(t *testing.T) {
		lives, err := Lives(t.Context(), cached, []nlb.Service{{Name: "web"}, {}}, true)
		if err != nil || lives.UID(nobodys) {
			t.Errorf("err %v", err)
		}
	})
	t.Run("that it can't be looked up is an error", func(t *testing.T) {
		// Only a cache has the indexes: the API server refuses.
		if _, err := Lives(t.Context(), server, names, true); err == nil {
			t.Error("it was looked up")
		}
	})
}

func named(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Namespace: "default"}
}

func nlbService(name string, ref v1alpha1.LoadBalancerReference) *v1alpha1.NLBService {
	return &v1alpha1.NLBService{ObjectMeta: named(name), Spec: v1alpha1.NLBServiceSpec{
		LoadBalancerRef: ref, Port: 443, TargetPort: 30443, Target: v1alpha1.Target{InstancePoolName: "workers"},
	}}
}

func service(name string) *corev1.Service {
	return &corev1.Service{ObjectMeta: named(name), Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}}
}

// create makes an object for as long as the test runs.
func create[T client.Object](t *testing.T, object T) T {
	t.Helper()
	if err := server.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.IgnoreNotFound(server.Delete(context.Background(), object)); err != nil {
			t.Error(err)
		}
	})
	return object
}

func record(t *testing.T, object client.Object) {
	t.Helper()
	if err := server.Status().Update(t.Context(), object); err != nil {
		t.Fatal(err)
	}
}

func namesIn(g Gomega, list client.ObjectList) (names []string) {
	g.Expect(meta.EachListItem(list, func(item runtime.Object) error {
		names = append(names, item.(client.Object).GetName())
		return nil
	})).To(Succeed())
	slices.Sort(names)
	return names
}

// eventually awaits what the cache has yet to hear of.
func eventually(t *testing.T, holds func(Gomega)) {
	t.Helper()
	NewWithT(t).Eventually(holds, time.Minute, 10*time.Millisecond).Should(Succeed())
}
