package nlb

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// balancer is NetworkLoadBalancer shop/web.
func balancer(edits ...func(*v1alpha1.NetworkLoadBalancer)) *v1alpha1.NetworkLoadBalancer {
	object := &v1alpha1.NetworkLoadBalancer{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: ourUID}}
	for _, edit := range edits {
		edit(object)
	}
	return object
}

func TestWhatALoadBalancerWants(t *testing.T) {
	t.Parallel()
	ownership := claimed().Labels()
	derived := "shop-web-" + ourUID
	type object = v1alpha1.NetworkLoadBalancer
	for name, c := range map[string]struct {
		edit func(*object)
		want LoadBalancerWant
	}{
		"nothing set": {func(*object) {}, LoadBalancerWant{Attributes: LoadBalancerAttributes{Name: derived, Labels: ownership}}},
		"a name": {
			func(o *object) { o.Spec.Name = "mine" }, LoadBalancerWant{Attributes: LoadBalancerAttributes{Name: "mine", Labels: ownership}},
		},
		"description and labels": {
			func(o *object) { o.Spec.Description, o.Spec.Labels = "d", map[string]string{"env": "prod"} },
			LoadBalancerWant{Attributes: LoadBalancerAttributes{Name: derived, Description: "d", Labels: plus(ownership, "env", "prod")}},
		},
		"labels that pose as another owner's": {
			func(o *object) { o.Spec.Labels = owned(theirs, "a/b", otherUID) },
			LoadBalancerWant{Attributes: LoadBalancerAttributes{Name: derived, Labels: ownership}},
		},
		"an id": {
			func(o *object) { o.Spec.ID = "lb" },
			LoadBalancerWant{ID: "lb", Retain: true, KeepsUnset: true, Attributes: LoadBalancerAttributes{Labels: ownership}},
		},
		"an id, a name, and to be deleted": {
			func(o *object) { o.Spec.ID, o.Spec.Name, o.Spec.DeletionPolicy = "lb", "mine", v1alpha1.DeletionDelete },
			LoadBalancerWant{ID: "lb", KeepsUnset: true, Attributes: LoadBalancerAttributes{Name: "mine", Labels: ownership}},
		},
		"adopted": {
			func(o *object) { o.Status.Adopted = true },
			LoadBalancerWant{Adopting: true, Retain: true, Attributes: LoadBalancerAttributes{Name: derived, Labels: ownership}},
		},
		"the id of the NLB it has": {
			func(o *object) { o.Spec.ID, o.Status.ID = "lb", "lb" },
			LoadBalancerWant{ID: "lb", Retain: true, KeepsUnset: true, Attributes: LoadBalancerAttributes{Labels: ownership}},
		},
		"another id than the NLB it made": {
			func(o *object) { o.Spec.ID, o.Status.ID = "other", "lb" },
			LoadBalancerWant{ID: "other", KeepsUnset: true, Attributes: LoadBalancerAttributes{Labels: ownership}},
		},
		"to be retained": {
			func(o *object) { o.Spec.DeletionPolicy = v1alpha1.DeletionRetain },
			LoadBalancerWant{Retain: true, Attributes: LoadBalancerAttributes{Name: derived, Labels: ownership}},
		},
		"External": {
			func(o *object) {
				o.Spec.ManagementPolicy, o.Spec.Name, o.Spec.DeletionPolicy = v1alpha1.External, "shared", v1alpha1.DeletionDelete
			},
			LoadBalancerWant{External: true, Retain: true, Attributes: LoadBalancerAttributes{Name: "shared", Labels: ownership}},
		},
		"being deleted": {
			func(o *object) { o.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)} },
			LoadBalancerWant{Deleting: true, Attributes: LoadBalancerAttributes{Name: derived, Labels: ownership}},
		},
		"labels were applied": {
			func(o *object) { o.Status.AppliedLabelKeys = []string{"old"} },
			LoadBalancerWant{AppliedLabelKeys: []string{"old"}, Attributes: LoadBalancerAttributes{Name: derived, Labels: ownership}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			given := balancer(c.edit)
			before := given.DeepCopy()
			if diff := cmp.Diff(c.want, WantedLoadBalancer(given, claimed())); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(before, given); diff != "" {
				t.Errorf("the object was changed:\n%s", diff)
			}
		})
	}
}

func TestTheLabelKeysToRememberAreSorted(t *testing.T) {
	t.Parallel()
	want := []string{"env", v1alpha1.CloudLabelOwner, v1alpha1.CloudLabelCluster, v1alpha1.CloudLabelOwnerUID}
	if diff := cmp.Diff(want, wanted().WantedLabelKeys()); diff != "" {
		t.Error(diff)
	}
}

func nlbService(edits ...func(*v1alpha1.NLBServiceSpec)) *v1alpha1.NLBService {
	object := &v1alpha1.NLBService{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: ourUID}}
	object.Spec = v1alpha1.NLBServiceSpec{Port: 443, Protocol: "TCP", TargetPort: 30443}
	object.Spec.Target.InstancePoolID = "given"
	for _, edit := range edits {
		edit(&object.Spec)
	}
	return object
}

func seconds(n float64) *metav1.Duration {
	return &metav1.Duration{Duration: time.Duration(n * float64(time.Second))}
}

func TestWhatAServiceWants(t *testing.T) {
	t.Parallel()
	type spec = v1alpha1.NLBServiceSpec
	plain := ServiceAttributes{
		Name: ourUID + "-443", InstancePoolID: "pool", Protocol: TCP, Port: 443, TargetPort: 30443, Strategy: RoundRobin,
		HealthCheck: HealthCheck{Mode: ProbeTCP, Port: 30443, Interval: 10 * time.Second, Timeout: 5 * time.Second, Retries: 1},
	}
	wants := func(edit func(*ServiceAttributes)) ServiceAttributes {
		want := plain
		edit(&want)
		return want
	}
	for name, c := range map[string]struct {
		edit func(*spec)
		want ServiceAttributes
	}{
		"nothing set":       {func(*spec) {}, plain},
		"name, description": {func(s *spec) { s.Name, s.Description = "web", "d" }, wants(func(a *ServiceAttributes) { a.Name, a.Description = "web", "d" })},
		"UDP":               {func(s *spec) { s.Protocol = "UDP" }, wants(func(a *ServiceAttributes) { a.Name, a.Protocol = ourUID+"-443-udp", UDP })},
		"round robin":       {func(s *spec) { s.Strategy = v1alpha1.StrategyRoundRobin }, plain},
		"source hash":       {func(s *spec) { s.Strategy = v1alpha1.StrategySourceHash }, wants(func(a *ServiceAttributes) { a.Strategy = SourceHash })},
		"Maglev":            {func(s *spec) { s.Strategy = v1alpha1.StrategyMaglevHash }, wants(func(a *ServiceAttributes) { a.Strategy = MaglevHash })},
		"probed by HTTP":    {func(s *spec) { s.HealthCheck.Mode = "HTTP" }, wants(func(a *ServiceAttributes) { a.HealthCheck.Mode, a.HealthCheck.Path = ProbeHTTP, "/" })},
		"probed at a path":  {func(s *spec) { s.HealthCheck.Mode, s.HealthCheck.Path = "HTTP", "/up" }, wants(func(a *ServiceAttributes) { a.HealthCheck.Mode, a.HealthCheck.Path = ProbeHTTP, "/up" })},
		"probed elsewhere":  {func(s *spec) { s.HealthCheck.Port = 10256 }, wants(func(a *ServiceAttributes) { a.HealthCheck.Port = 10256 })},
		"probed by the book": {
			func(s *spec) {
				s.HealthCheck = v1alpha1.HealthCheck{Mode: "HTTPS", Interval: seconds(60), Timeout: seconds(7), Retries: 3, TLSServerName: "example.org"}
			},
			wants(func(a *ServiceAttributes) {
				a.HealthCheck = HealthCheck{
					Mode: ProbeHTTPS, Port: 30443, Path: "/", Interval: time.Minute, Timeout: 7 * time.Second, Retries: 3, TLSServerName: "example.org",
				}
			}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := WantedService(nlbService(c.edit), "pool")
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if move := DiffService(ServiceWant{Attributes: got}, ServiceGot{Own: standing(got)}); move.Action != None {
				t.Errorf("once it stands, the next step is %s", move.Action)
			}
		})
	}
}

func TestWhatIsInvalidInALoadBalancer(t *testing.T) {
	t.Parallel()
	type object = v1alpha1.NetworkLoadBalancer
	for name, c := range map[string]struct {
		edit func(*object)
		want string // a part of it; "" is nothing
	}{
		"nothing set":                 {func(*object) {}, ""},
		"External by name":            {func(o *object) { o.Spec.ManagementPolicy, o.Spec.Name = v1alpha1.External, "x" }, ""},
		"External by id":              {func(o *object) { o.Spec.ManagementPolicy, o.Spec.ID = v1alpha1.External, "x" }, ""},
		"External by nothing":         {func(o *object) { o.Spec.ManagementPolicy = v1alpha1.External }, "managementPolicy External needs spec.id or spec.name"},
		"its own derived name":        {func(o *object) { o.Spec.Name = "shop-web-" + ourUID }, ""},
		"the name of its Service":     {func(o *object) { o.Spec.Name = "k8s-" + serviceUID }, ""},
		"the name of another Service": {func(o *object) { o.Spec.Name = "k8s-" + otherUID }, `spec.name "k8s-` + otherUID + `" is reserved`},
		"another's UID":               {func(o *object) { o.Spec.Name = "x-" + otherUID }, "is reserved"},
		"a label":                     {func(o *object) { o.Spec.Labels = map[string]string{"example.org/a": "b"} }, ""},
		"a label of the operator":     {func(o *object) { o.Spec.Labels = map[string]string{v1alpha1.CloudLabelOwner: "x"} }, `spec.labels: "nlb.exoscale.com/owned-by" is reserved`},
		"the id of the NLB it holds":  {func(o *object) { o.Spec.ID, o.Status = "lb", held("lb") }, ""},
		"another id than it holds":    {func(o *object) { o.Spec.ID, o.Status = "other", held("lb") }, "spec.id is other, but this object's NLB is lb already"},
		"another id than it has seen": {func(o *object) { o.Spec.ID, o.Status.ID = "other", "lb" }, ""},
		"no id, and it holds one":     {func(o *object) { o.Status = held("lb") }, ""},
		"an id, and it holds none":    {func(o *object) { o.Spec.ID = "lb" }, ""},
		"no selector": {func(o *object) {
			o.Spec.AllowedNamespaces = &v1alpha1.AllowedNamespaces{From: v1alpha1.NamespacesFromAll}
		}, ""},
		"a selector":                 {func(o *object) { o.Spec.AllowedNamespaces = selecting(metav1.LabelSelectorOpIn) }, ""},
		"a selector nobody can read": {func(o *object) { o.Spec.AllowedNamespaces = selecting("Near") }, `spec.allowedNamespaces.selector: "Near" is not a valid label selector operator`},
		"a label below its prefix":   {func(o *object) { o.Spec.Labels = map[string]string{"nlb.exoscale.com/x": "x"} }, "is reserved"},
	} {
		t.Run(name, func(t *testing.T) { thenSays(t, InvalidLoadBalancer(balancer(c.edit), serviceUID), c.want) })
	}
	if got := InvalidLoadBalancer(balancer(func(o *object) { o.Spec.Name = "k8s-" + serviceUID }), ""); got == "" {
		t.Error("without a live Service its name is open to anybody")
	}
}

// held is the status of an object that holds an NLB.
func held(id string) v1alpha1.NetworkLoadBalancerStatus {
	return v1alpha1.NetworkLoadBalancerStatus{ID: id, AppliedLabelKeys: []string{v1alpha1.CloudLabelOwner}}
}

func selecting(operator metav1.LabelSelectorOperator) *v1alpha1.AllowedNamespaces {
	return &v1alpha1.AllowedNamespaces{From: v1alpha1.NamespacesFromSelector, Selector: &metav1.LabelSelector{
		MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "team", Operator: operator, Values: []string{"shop"}}},
	}}
}

func thenSays(t *testing.T, got, want string) {
	t.Helper()
	if (got == "") != (want == "") || !strings.Contains(got, want) {
		t.Errorf("it says %q, want %q", got, want)
	}
}

func TestWhatIsInvalidInAService(t *testing.T) {
	t.Parallel()
	type spec = v1alpha1.NLBServiceSpec
	target := "exactly one of instancePoolID, instancePoolName, sksNodepool and nodeSelector must be set"
	for name, c := range map[string]struct {
		edit func(*spec)
		want string
	}{
		"nothing set": {func(*spec) {}, ""},
		"no target":   {func(s *spec) { s.Target = v1alpha1.Target{} }, target},
		"two targets": {func(s *spec) { s.Target.InstancePoolName = "x" }, target},
		"all targets": {
			func(s *spec) {
				s.Target = v1alpha1.Target{InstancePoolID: "x", InstancePoolName: "x", SKSNodepool: &v1alpha1.SKSNodepoolReference{}, NodeSelector: &metav1.LabelSelector{}}
			}, target,
		},
		"a nodepool":              {func(s *spec) { s.Target = v1alpha1.Target{SKSNodepool: &v1alpha1.SKSNodepoolReference{}} }, ""},
		"a node selector":         {func(s *spec) { s.Target = v1alpha1.Target{NodeSelector: &metav1.LabelSelector{}} }, ""},
		"a pool by name":          {func(s *spec) { s.Target = v1alpha1.Target{InstancePoolName: "x"} }, ""},
		"its own derived name":    {func(s *spec) { s.Name = ourUID + "-443" }, ""},
		"its Service's":           {func(s *spec) { s.Name = serviceUID + "-443" }, ""},
		"another's name":          {func(s *spec) { s.Name = otherUID + "-443" }, "is reserved"},
		"the operator's prefix":   {func(s *spec) { s.Name = "k8s-x" }, `spec.name "k8s-x" is reserved`},
		"interval, least":         {func(s *spec) { s.HealthCheck.Interval = seconds(5) }, ""},
		"interval, too short":     {func(s *spec) { s.HealthCheck.Interval = seconds(4) }, "interval 4s must be whole seconds from 5s to 5m"},
		"interval, most":          {func(s *spec) { s.HealthCheck.Interval = seconds(300) }, ""},
		"interval, too long":      {func(s *spec) { s.HealthCheck.Interval = seconds(301) }, "interval 5m1s must be whole seconds"},
		"interval, broken":        {func(s *spec) { s.HealthCheck.Interval = seconds(7.5) }, "interval 7.5s must be whole seconds"},
		"interval, zero":          {func(s *spec) { s.HealthCheck.Interval = seconds(0) }, "interval 0s must be whole seconds"},
		"timeout, least":          {func(s *spec) { s.HealthCheck.Timeout = seconds(2) }, ""},
		"timeout, too short":      {func(s *spec) { s.HealthCheck.Timeout = seconds(1) }, "timeout 1s must be whole seconds from 2s to 1m"},
		"timeout, most":           {func(s *spec) { s.HealthCheck.Timeout, s.HealthCheck.Interval = seconds(60), seconds(60) }, ""},
		"timeout, too long":       {func(s *spec) { s.HealthCheck.Timeout, s.HealthCheck.Interval = seconds(61), seconds(90) }, "timeout 1m1s must be whole seconds"},
		"timeout, broken":         {func(s *spec) { s.HealthCheck.Timeout = seconds(2.5) }, "timeout 2.5s must be whole seconds"},
		"timeout beyond interval": {func(s *spec) { s.HealthCheck.Timeout = seconds(11) }, "timeout 11s must not be longer than interval 10s"},
		"a protocol":              {func(s *spec) { s.Protocol = "SCTP" }, `spec.protocol "SCTP" must be TCP or UDP`},
		"a strategy":              {func(s *spec) { s.Strategy = "Fastest" }, `spec.strategy "Fastest" must be`},
		"a port":                  {func(s *spec) { s.Port = 70000 }, "spec.port 70000 must be from 1 to 65535"},
		"no target port":          {func(s *spec) { s.TargetPort = 0 }, "spec.targetPort 0 must be"},
		"a mode":                  {func(s *spec) { s.HealthCheck.Mode = "ICMP" }, `spec.healthCheck.mode "ICMP" must be TCP, HTTP or HTTPS`},
		"a probed port":           {func(s *spec) { s.HealthCheck.Port = -1 }, "spec.healthCheck.port -1 must be"},
		"a path without HTTP":     {func(s *spec) { s.HealthCheck.Path = "/x" }, `spec.healthCheck.path "/x" is allowed only with mode`},
		"a path without slash":    {func(s *spec) { s.HealthCheck.Mode, s.HealthCheck.Path = "HTTP", "x" }, `spec.healthCheck.path "x" must begin`},
		"a name without HTTPS":    {func(s *spec) { s.HealthCheck.Mode, s.HealthCheck.TLSServerName = "HTTP", "x" }, "spec.healthCheck.tlsServerName"},
		"retries":                 {func(s *spec) { s.HealthCheck.Retries = 21 }, "spec.healthCheck.retries 21 must be from 1 to 20"},
		"default beyond interval": {func(s *spec) { s.HealthCheck.Interval = seconds(5) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			thenSays(t, InvalidService(nlbService(c.edit), []string{ourUID, serviceUID}), c.want)
		})
	}
}
