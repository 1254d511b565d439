package projection_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/identity"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/projection"
)

var (
	// advice is how a way out is named: what to do, as a part of a sentence or one of its
	// own, or what is allowed.
	advice = regexp.MustCompile(`(?:[;.,:] |\bor )(?i:(?:or )?(?:add|ask|check|choose|correct|create|delete|give|have|name|remove|rename|scale|select|set|share|use|take it out)\b)` +
		`|, set the label |must (?:not )?(?:be|begin)\b|\ballowed (?:is|only)\b|\bneeds\b`)
	// fields are words of the custom resources, which the owner of a Service may never
	// have seen.
	fields = regexp.MustCompile(`\bspec\.(?:id|name|zone|description|labels|allowedNamespaces|target|targetPort|healthCheck|loadBalancerRef)\b` +
		`|managementPolicy|deletionPolicy|allowedNamespaces|create this object|\b(?:instancePoolID|instancePoolName|sksNodepool)\b`)
)

const (
	clusterID = "blue"
	edgeUID   = "e0000000-0000-4000-8000-000000000001"
	otherUID  = "e0000000-0000-4000-8000-000000000002"
)

// refusals are all messages about what can't be done, by their subject.
// Where a Service never hears of one, since its annotations are judged before, it is named
// with a C for a custom resource.
func refusals() map[string]string {
	all := map[string]string{}
	refusalsOfOwnership(all)
	refusalsOfMoves(all)
	refusalsOfSpecs(all)
	for name, text := range map[string]string{
		"no NetworkLoadBalancer":             nlb.NoLoadBalancer("edge"),
		"a NetworkLoadBalancer that goes":    nlb.LoadBalancerGoes("edge"),
		"a NetworkLoadBalancer that leaves":  nlb.LoadBalancerLeaves("edge"),
		"a namespace that isn't admitted":    nlb.NotAdmitted("infra/edge", "shop", false),
		"a namespace that is evicted":        nlb.NotAdmitted("infra/edge", "shop", true),
		"no External in the namespace":       nlb.ExternalNotAllowed("shop"),
		"a target port":                      nlb.TargetPortNotAllowed(22, nil),
		"labels of Nodes":                    nlb.SelectorNotRestricted([]string{"role"}),
		"an empty pool":                      nlb.PoolIsEmpty(nlb.InstancePool{ID: "p", Name: "pool"}),
		"no pool that can be inferred":       identity.InferPool(identity.Input{}).Refusal().Message,
		"several pools that can be inferred": (identity.Inference{Reason: v1alpha1.ReasonAmbiguousInstancePool, Message: "two"}).Refusal().Message,
		"a pool that isn't this cluster's":   identity.Membership{}.Refusal(nlb.InstancePool{ID: "p", Name: "pool"}).Message,
		"C a description that claims a mark": nlb.RefusedDescription("x "+nlb.MarkStart, nil),
		"an NLB that stands for another":     nlb.MayStandFor(nlb.LoadBalancer{ID: "lb", Labels: labels("green", "a/b", otherUID)}, edge(), clusterID),
	} {
		all[name] = text
	}
	pools := []nlb.InstancePool{{ID: "a", Name: "twice"}, {ID: "b", Name: "twice"}}
	nodepools := []nlb.SKSNodepool{{ID: "a", Name: "twice", ClusterName: "prod"}, {ID: "b", Name: "twice", ClusterName: "prod"}}
	for _, name := range []string{"none", "twice"} {
		_, pool := identity.OnePool(pools, identity.PoolNamed(v1alpha1.Target{InstancePoolName: name}), "ch-gva-2")
		_, nodepool := identity.OneNodepool(nodepools, v1alpha1.SKSNodepoolReference{Cluster: "prod", Nodepool: name}, "ch-gva-2")
		all["a pool named "+name], all["a nodepool named "+name] = pool.Message, nodepool.Message
	}
	return all
}

func edge() *v1alpha1.NetworkLoadBalancer {
	return &v1alpha1.NetworkLoadBalancer{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "edge", UID: edgeUID}}
}

func labels(cluster, object, uid string) map[string]string {
	return map[string]string{v1alpha1.CloudLabelCluster: cluster, v1alpha1.CloudLabelOwner: object, v1alpha1.CloudLabelOwnerUID: uid}
}

// refusalsOfOwnership are those of every kind of NLB to every kind of claim.
func refusalsOfOwnership(all map[string]string) {
	for _, external := range []bool{false, true} {
		for labelled, ls := range map[string]map[string]string{
			"none": nil, "ours": labels(clusterID, "shop/edge", edgeUID), "another's": labels(clusterID, "shop/other", otherUID),
			"another cluster's": labels("green", "shop/edge", otherUID), "retained": labels("green", "a/b", v1alpha1.OwnerUIDRetained),
			"one label": {v1alpha1.CloudLabelCluster: "green"},
		} {
			for _, name := range []string{"by-hand", "k8s-" + otherUID, "k8s-" + uid} {
				for _, recorded := range []string{"", "lb"} {
					for _, holder := range []string{"", "shop/first"} {
						claim := nlb.Claim{
							Cluster: clusterID, Namespace: "shop", Name: "edge", UID: edgeUID, ServiceUID: uid, External: external, RecordedID: recorded,
							HolderOf: func(string) string { return holder },
						}
						if proof, text := nlb.ProofOf(nlb.LoadBalancer{ID: "lb", Name: name, Labels: ls}, claim); proof == nlb.ProofNone {
							all[fmt.Sprintf("an NLB with labels %s, named %s, recorded %q, held %q, external %t", labelled, name, recorded, holder, external)] = text
						}
					}
				}
			}
		}
	}
}

// refusalsOfMoves are the conflicts of NLBs and of services on them.
func refusalsOfMoves(all map[string]string) {
	running := nlb.LoadBalancer{ID: "lb", Name: "edge", State: nlb.StateRunning, Address: "192.0.2.1"}
	failed := running
	failed.State = nlb.StateError
	named := nlb.LoadBalancerWant{Zone: "ch-gva-2", Attributes: nlb.LoadBalancerAttributes{Name: "taken"}}
	for name, c := range map[string]struct {
		want nlb.LoadBalancerWant
		got  nlb.LoadBalancerGot
	}{
		"no NLB of the id":         {nlb.LoadBalancerWant{ID: "lb", Zone: "ch-gva-2"}, nlb.LoadBalancerGot{}},
		"no NLB of the name":       {nlb.LoadBalancerWant{External: true, Zone: "ch-gva-2"}, nlb.LoadBalancerGot{}},
		"a name that is taken":     {named, nlb.LoadBalancerGot{SameName: &nlb.LoadBalancer{ID: "x", Name: "taken"}}},
		"a name that is, later":    {named, nlb.LoadBalancerGot{NLB: &running, Proof: nlb.ProofLabels, SameName: &nlb.LoadBalancer{ID: "x", Name: "taken"}}},
		"an NLB in state error":    {nlb.LoadBalancerWant{External: true}, nlb.LoadBalancerGot{NLB: &failed, Proof: nlb.ProofExternal}},
		"foreign services":         {nlb.LoadBalancerWant{Deleting: true}, nlb.LoadBalancerGot{NLB: &running, Proof: nlb.ProofLabels, Services: nlb.ServiceCensus{Foreign: []nlb.Service{{Name: "x"}}}}},
		"C a value of a label":     {nlb.LoadBalancerWant{Attributes: nlb.LoadBalancerAttributes{Labels: map[string]string{"a": "1"}}}, nlb.LoadBalancerGot{}},
		"C a value, of ours later": {nlb.LoadBalancerWant{Attributes: nlb.LoadBalancerAttributes{Labels: map[string]string{"a": "1"}}}, nlb.LoadBalancerGot{NLB: &running, Proof: nlb.ProofLabels}},
	} {
		all[name] = nlb.DiffLoadBalancer(c.want, c.got).Message
	}
	other := &nlb.Service{ID: "s", Name: "theirs", State: nlb.StateRunning}
	for name, got := range map[string]nlb.ServiceGot{
		"a port of another NLBService": {OnPort: other, Holder: "shop/first"},
		"a port of others":             {OnPort: other, Consent: nlb.ServiceConsentFor(clusterID, "shop", "web", 80, nlb.TCP).HowTo()},
		"a port that is claimed":       {Rival: "shop/first"},
		"an NLB that is full":          {Count: nlb.MaxServices},
		"a service in state error":     {Own: &nlb.Service{ID: "s", Name: "web", State: nlb.StateError}},
	} {
		want := nlb.ServiceWant{}
		if got.Own != nil {
			want.Attributes = got.Own.Attributes()
		}
		all[name] = nlb.DiffService(want, got).Message
	}
}

// refusalsOfSpecs are those of fields.
func refusalsOfSpecs(all map[string]string) {
	for name, edit := range map[string]func(*v1alpha1.NetworkLoadBalancer){
		"an External NLB that isn't named": func(o *v1alpha1.NetworkLoadBalancer) { o.Spec.ManagementPolicy = v1alpha1.External },
		"a reserved name":                  func(o *v1alpha1.NetworkLoadBalancer) { o.Spec.Name = "k8s-x" },
		"an NLB that is exchanged": func(o *v1alpha1.NetworkLoadBalancer) {
			o.Spec.ID, o.Status.ID, o.Status.AppliedLabelKeys = "b", "a", []string{"x"}
		},
		"C a reserved label":              func(o *v1alpha1.NetworkLoadBalancer) { o.Spec.Labels = map[string]string{v1alpha1.Prefix + "x": "y"} },
		"C a selector that can't be read": func(o *v1alpha1.NetworkLoadBalancer) { o.Spec.AllowedNamespaces = unreadable() },
	} {
		object := edge()
		edit(object)
		all[name] = nlb.InvalidLoadBalancer(object, "")
	}
	for name, edit := range map[string]func(*v1alpha1.NLBServiceSpec){
		"C two targets":       func(s *v1alpha1.NLBServiceSpec) { s.Target.InstancePoolName = "x" },
		"a reserved name, S":  func(s *v1alpha1.NLBServiceSpec) { s.Name = "k8s-x" },
		"C a protocol":        func(s *v1alpha1.NLBServiceSpec) { s.Protocol = "SCTP" },
		"C a strategy":        func(s *v1alpha1.NLBServiceSpec) { s.Strategy = "Any" },
		"C a port":            func(s *v1alpha1.NLBServiceSpec) { s.Port = 0 },
		"C a targetPort":      func(s *v1alpha1.NLBServiceSpec) { s.TargetPort = 70000 },
		"C a mode":            func(s *v1alpha1.NLBServiceSpec) { s.HealthCheck.Mode = "UDP" },
		"C a path":            func(s *v1alpha1.NLBServiceSpec) { s.HealthCheck.Path = "/" },
		"C a path with a gap": func(s *v1alpha1.NLBServiceSpec) { s.HealthCheck.Mode, s.HealthCheck.Path = "HTTP", "x" },
		"C a server name":     func(s *v1alpha1.NLBServiceSpec) { s.HealthCheck.TLSServerName = "x" },
		"C retries":           func(s *v1alpha1.NLBServiceSpec) { s.HealthCheck.Retries = 99 },
	} {
		object := &v1alpha1.NLBService{Spec: v1alpha1.NLBServiceSpec{Port: 80, TargetPort: 30080, Target: v1alpha1.Target{InstancePoolID: "p"}}}
		edit(&object.Spec)
		all[name] = nlb.InvalidService(object, nil)
	}
}

func unreadable() *v1alpha1.AllowedNamespaces {
	return &v1alpha1.AllowedNamespaces{Selector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "may", Operator: "Attach"}}}}
}

func TestEveryRefusalNamesAWayOut(t *testing.T) {
	t.Parallel()
	for name, text := range refusals() {
		if text == "" {
			t.Errorf("%s: isn't refused", name)
			continue
		}
		if !advice.MatchString(text) {
			t.Errorf("%s: %q names no way out", name, text)
		}
		if strings.HasPrefix(name, "C ") {
			continue
		}
		told := projection.InAnnotations(text)
		if found := fields.FindString(told); found != "" {
			t.Errorf("%s: a Service is told of %s: %q", name, found, told)
		}
		if !advice.MatchString(told) {
			t.Errorf("%s: a Service is told no way out: %q", name, told)
		}
	}
}

// What a Service asks for is refused in its own words.
func TestEveryRefusalOfAServiceNamesAWayOut(t *testing.T) {
	t.Parallel()
	held := func(lb *v1alpha1.NetworkLoadBalancer) {
		lb.Status.ID, lb.Status.Zone, lb.Status.ObservedGeneration = ownNLB, "ch-gva-2", 1
	}
	attached := func(lb *v1alpha1.NetworkLoadBalancer) {
		held(lb)
		lb.Spec.ManagementPolicy, lb.Spec.ID = v1alpha1.External, ownNLB
	}
	many := make([]corev1.ServicePort, 501)
	for name, in := range map[string][]func(*projection.Input){
		"external later":          {child(held), annotated(v1alpha1.AnnotationExternal, "true", v1alpha1.AnnotationID, other)},
		"external no more":        {child(attached)},
		"another id":              {child(held), annotated(v1alpha1.AnnotationID, other)},
		"another external id":     {child(attached), annotated(v1alpha1.AnnotationExternal, "true", v1alpha1.AnnotationID, other)},
		"another's object":        {child(held, foreign)},
		"shares its own":          {child(held), annotated(v1alpha1.AnnotationLoadBalancer, "web")},
		"shares, and is external": {annotated(v1alpha1.AnnotationLoadBalancer, "edge", v1alpha1.AnnotationExternal, "true", v1alpha1.AnnotationID, other)},
		"too many ports":          {ports(many...)},
		"IPv6 only":               {func(in *projection.Input) { in.Service.Spec.IPFamilies = []corev1.IPFamily{corev1.IPv6Protocol} }},
		"SCTP":                    {ports(corev1.ServicePort{Port: 80, NodePort: 30080, Protocol: corev1.ProtocolSCTP})},
		"no nodePort":             {ports(tcp(80, 0))},
		"a strategy":              {annotated(v1alpha1.AnnotationStrategy, "random")},
		"external by nothing":     {annotated(v1alpha1.AnnotationExternal, "true")},
		"half a nodepool":         {annotated(v1alpha1.AnnotationSKSClusterName, "prod")},
		"a reserved name":         {annotated(v1alpha1.AnnotationName, "k8s-x")},
		"another zone":            {annotated(v1alpha1.AnnotationOldZone, "at-vie-1")},
	} {
		t.Run(name, func(t *testing.T) {
			plan := projection.Project(given(in...))
			problem := plan.FirstProblem()
			if problem == nil {
				t.Fatalf("it isn't refused: %+v", plan)
			}
			if told := projection.InAnnotations(problem.Message); told != problem.Message || !advice.MatchString(told) {
				t.Errorf("no way out, or not in its own words: %q", problem.Message)
			}
		})
	}
}
