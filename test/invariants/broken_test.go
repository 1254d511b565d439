package invariants

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

const (
	lbID      = "11111111-1111-4111-8111-111111111111"
	serviceID = "22222222-2222-4222-8222-222222222222"
	foreignID = "33333333-3333-4333-8333-333333333333"
	keptID    = "44444444-4444-4444-8444-444444444444"
	cluster   = "the-cluster"
	address   = "192.0.2.1"
)

func key(name string) client.ObjectKey { return client.ObjectKey{Namespace: "ns", Name: name} }

func named(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "ns", Name: name, UID: "uid", Generation: 2}
}

// ofWeb is the metadata of an object that belongs to the Service web.
func ofWeb(name string) metav1.ObjectMeta {
	m := named(name)
	m.Labels = map[string]string{v1alpha1.LabelService: "web"}
	m.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "Service", Name: "web", UID: "uid", Controller: ptr.To(true)}}
	return m
}

func condition(kind string, status metav1.ConditionStatus) []metav1.Condition {
	return []metav1.Condition{{Type: kind, Status: status, Reason: "Because", Message: "of that", ObservedGeneration: 2}}
}

func cloudService(port int64) exosim.Service {
	return exosim.Service{Name: "web", Protocol: "tcp", Port: port, TargetPort: 30000 + port, State: exosim.StateRunning}
}

// scene is a want with all there is to want, and what is seen if all is well.
type scene struct {
	want Want
	seen Seen
}

func newScene() *scene {
	foreign := cloudService(443)
	foreign.ID, foreign.Name = foreignID, "theirs"
	ours := cloudService(80)
	ours.ID = serviceID
	ours.HealthStatus = []exosim.HealthStatus{{PublicIP: "192.0.2.9", Status: exosim.HealthSuccess}}
	elsewhere := exosim.LoadBalancer{ID: foreignID, Name: "terraform", IP: "192.0.2.3", State: exosim.StateRunning, Services: []exosim.Service{foreign}}
	kept := exosim.LoadBalancer{ID: keptID, Name: "kept", IP: "192.0.2.4", Labels: map[string]string{v1alpha1.CloudLabelOwnerUID: v1alpha1.OwnerUIDRetained}}
	return &scene{
		want: Want{
			LoadBalancers: []LoadBalancer{{
				Object:  key("web"),
				NLB:     exosim.LoadBalancer{ID: lbID, IP: address, Name: "k8s-web", Description: "shop", Labels: map[string]string{"team": "a"}},
				Foreign: []exosim.Service{foreign},
				Ports:   []Port{{Object: key("web-80"), Service: cloudService(80)}},
			}},
			Services:   map[client.ObjectKey]client.ObjectKey{key("web"): key("web")},
			Companions: map[client.ObjectKey]client.ObjectKey{key("web-udp-health"): key("web")},
			Unserved:   []Object{{KindNLBService, key("too-much")}},
			Foreign:    []exosim.LoadBalancer{elsewhere},
			Retained:   []exosim.LoadBalancer{kept},
		},
		seen: Seen{
			ClusterID: cluster,
			LoadBalancers: []v1alpha1.NetworkLoadBalancer{{ObjectMeta: named("web"), Status: v1alpha1.NetworkLoadBalancerStatus{
				ID: lbID, Address: address, Conditions: condition(v1alpha1.ConditionReady, metav1.ConditionTrue),
			}}},
			NLBServices: []v1alpha1.NLBService{
				{ObjectMeta: named("web-80"), Status: v1alpha1.NLBServiceStatus{
					ID: serviceID, LoadBalancerID: lbID, Conditions: condition(v1alpha1.ConditionReady, metav1.ConditionTrue),
				}},
				{ObjectMeta: named("too-much"), Status: v1alpha1.NLBServiceStatus{Conditions: condition(v1alpha1.ConditionReady, metav1.ConditionFalse)}},
			},
			Services: []corev1.Service{
				{ObjectMeta: named("web"), Status: corev1.ServiceStatus{
					LoadBalancer: corev1.LoadBalancerStatus{Ingress: []corev1.LoadBalancerIngress{{IP: address}}},
					Conditions:   condition(v1alpha1.ServiceConditionProgrammed, metav1.ConditionTrue),
				}},
				{ObjectMeta: named("cluster-ip")},
				{ObjectMeta: ofWeb("web-udp-health")},
			},
			Cloud: []exosim.LoadBalancer{
				{
					ID: lbID, IP: address, Name: "k8s-web", Description: "shop", State: exosim.StateRunning,
					Labels:   map[string]string{"team": "a", v1alpha1.CloudLabelCluster: cluster, v1alpha1.CloudLabelOwner: "ns__web", v1alpha1.CloudLabelOwnerUID: "uid"},
					Services: []exosim.Service{ours, foreign},
				},
				elsewhere, kept,
			},
		},
	}
}

func TestWhatIsAsWantedIsNotBroken(t *testing.T) {
	s := newScene()
	if err := s.want.Broken(s.seen); err != nil {
		t.Error(err)
	}
}

func TestWhatIsBrokenIsSaid(t *testing.T) {
	for name, test := range map[string]struct {
		with func(*scene)
		says string
	}{
		"an NLB too many": {func(s *scene) {
			s.seen.Cloud = append(s.seen.Cloud, exosim.LoadBalancer{ID: "orphan", Name: "lost"})
		}, `NLB orphan ("lost"`},
		"no NLB":                    {func(s *scene) { s.seen.Cloud = s.seen.Cloud[1:] }, "doesn't exist"},
		"another NLB":               {func(s *scene) { s.want.LoadBalancers[0].NLB.ID = keptID }, "which was " + keptID},
		"another address":           {func(s *scene) { s.want.LoadBalancers[0].NLB.IP = "192.0.2.2" }, "which was 192.0.2.2"},
		"a stale address":           {func(s *scene) { s.seen.LoadBalancers[0].Status.Address = "" }, `shows address ""`},
		"another description":       {func(s *scene) { s.seen.Cloud[0].Description = "" }, `is to be "k8s-web" with "shop"`},
		"an NLB in error":           {func(s *scene) { s.seen.Cloud[0].State = exosim.StateError }, "is error"},
		"no owner's label":          {func(s *scene) { delete(s.seen.Cloud[0].Labels, v1alpha1.CloudLabelOwner) }, "other labels"},
		"somebody's label off":      {func(s *scene) { delete(s.seen.Cloud[0].Labels, "team") }, "other labels"},
		"labels on an external NLB": {func(s *scene) { s.want.LoadBalancers[0].External = true }, "other labels"},
		"no service":                {func(s *scene) { s.seen.Cloud[0].Services = s.seen.Cloud[0].Services[1:] }, "lacks the service of ns/web-80"},
		"a service too many": {func(s *scene) {
			s.seen.Cloud[0].Services = append(s.seen.Cloud[0].Services, cloudService(81))
		}, "on port 81/tcp, which nobody"},
		"another target port": {func(s *scene) { s.seen.Cloud[0].Services[0].TargetPort = 1 }, "TargetPort"},
		"a service in error":  {func(s *scene) { s.seen.Cloud[0].Services[0].State = exosim.StateError }, "State"},
		"another service than before": {func(s *scene) {
			s.want.LoadBalancers[0].Ports[0].Service.ID = keptID
		}, "ID"},
		"another service recorded":    {func(s *scene) { s.seen.NLBServices[0].Status.ID = keptID }, "records service"},
		"a foreign service changed":   {func(s *scene) { s.seen.Cloud[0].Services[1].TargetPort = 1 }, "the service of others theirs isn't"},
		"a foreign service gone":      {func(s *scene) { s.seen.Cloud[0].Services = s.seen.Cloud[0].Services[:1] }, "lacks the service of others"},
		"a foreign NLB changed":       {func(s *scene) { s.seen.Cloud[1].Description = "mine" }, "isn't as it was"},
		"a foreign NLB gone":          {func(s *scene) { s.seen.Cloud = append(s.seen.Cloud[:1:1], s.seen.Cloud[2]) }, "of others is gone"},
		"a retained NLB gone":         {func(s *scene) { s.seen.Cloud = s.seen.Cloud[:2] }, "which is to be retained, is gone"},
		"a retained NLB still held":   {func(s *scene) { s.seen.Cloud[2].Labels = nil }, "which is to be retained, has"},
		"an object not ready":         {func(s *scene) { s.seen.LoadBalancers[0].Status.Conditions[0].Status = metav1.ConditionFalse }, "isn't Ready"},
		"an object that looks back":   {func(s *scene) { s.seen.NLBServices[0].Status.Conditions[0].ObservedGeneration = 1 }, "isn't Ready"},
		"a Service that isn't served": {func(s *scene) { s.seen.Services[0].Status.Conditions = nil }, "Programmed: generation 2"},
		"a Service without address":   {func(s *scene) { s.seen.Services[0].Status.LoadBalancer.Ingress = nil }, "shows []"},
		"an operation in flight":      {func(s *scene) { s.seen.LoadBalancers[0].Status.Operation = &v1alpha1.Operation{} }, "in flight"},
		"a service's operation in flight": {func(s *scene) {
			s.seen.NLBServices[0].Status.Operation = &v1alpha1.Operation{}
		}, "in flight"},
		"an operation of the cloud":  {func(s *scene) { s.seen.Pending = []exosim.Operation{{ID: "op"}} }, "operation op"},
		"an object that doesn't say": {func(s *scene) { s.seen.NLBServices[1].Status.Conditions = nil }, "doesn't say why"},
		"an object too many":         {func(s *scene) { s.want.Unserved = nil }, "NLBService ns/too-much exists"},
		"an object missing":          {func(s *scene) { s.seen.NLBServices = s.seen.NLBServices[:1] }, "NLBService ns/too-much doesn't exist"},
		"a Service missing":          {func(s *scene) { s.seen.Services = nil }, "Service ns/web doesn't exist"},
		"a companion missing":        {func(s *scene) { s.seen.Services = s.seen.Services[:2] }, "Service ns/web-udp-health doesn't exist"},
		"a companion too many":       {func(s *scene) { s.want.Companions = nil }, "Service ns/web-udp-health exists and isn't to"},
		"a companion of nobody":      {func(s *scene) { s.seen.Services[2].OwnerReferences = nil }, "isn't controlled by Service ns/web"},
		"a leaked finalizer": {func(s *scene) {
			s.seen.Services[1].Finalizers = []string{v1alpha1.ServiceFinalizer}
		}, "Service ns/cluster-ip has finalizer"},
		"a deletion that hangs": {func(s *scene) {
			s.seen.Services[1].DeletionTimestamp, s.seen.Services[1].Finalizers = &metav1.Time{}, []string{"f"}
		}, "still being deleted, held by [f]"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene()
			test.with(s)
			err := s.want.Broken(s.seen)
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, not %q", err, test.says)
			}
		})
	}
}

func TestTwoObjectsMayStandForOneExternalNLB(t *testing.T) {
	s := newScene()
	s.seen.Cloud[0].Labels = map[string]string{"team": "a"}
	s.want.LoadBalancers[0].External = true
	second := LoadBalancer{Object: key("second"), NLB: s.want.LoadBalancers[0].NLB, External: true, Foreign: s.want.LoadBalancers[0].Foreign}
	s.want.LoadBalancers = append(s.want.LoadBalancers, second)
	object := *s.seen.LoadBalancers[0].DeepCopy()
	object.Name = "second"
	s.seen.LoadBalancers = append(s.seen.LoadBalancers, object)
	if err := s.want.Broken(s.seen); err != nil {
		t.Error(err)
	}
}

func TestAMarkIsNoPartOfWhatTheUserDescribes(t *testing.T) {
	for description, want := range map[string]string{
		"": "", "the shop": "the shop", "[beta] the shop": "[beta] the shop", "the shop [beta]": "the shop [beta]",
		"[nlb.exoscale.com/the-cluster/uid]":                 "",
		"the shop [nlb.exoscale.com/the-cluster/uid]":        "the shop",
		"the shop [nlb.exoscale.com/the-cluster/uid] indeed": "the shop [nlb.exoscale.com/the-cluster/uid] indeed",
	} {
		if got := Unmarked(description); got != want {
			t.Errorf("%q without its mark is %q, want %q", description, got, want)
		}
	}
	s := newScene()
	s.seen.Cloud[0].Services[0].Description = "[nlb.exoscale.com/the-cluster/uid]"
	s.seen.Cloud[0].Services[1].Description = "[nlb.exoscale.com/the-cluster/uid]"
	if err := s.want.Broken(s.seen); err == nil || !strings.Contains(err.Error(), "the service of others theirs") || strings.Contains(err.Error(), "web-80") {
		t.Errorf("a mark belongs on a service of ours, and on none of others: %v", err)
	}
}
