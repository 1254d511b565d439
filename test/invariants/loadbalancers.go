package invariants

import (
	"maps"
	"slices"
	"strings"

	gocmp "github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

func conditionsOf(object client.Object) []metav1.Condition {
	switch object := object.(type) {
	case *v1alpha1.NetworkLoadBalancer:
		return object.Status.Conditions
	case *v1alpha1.NLBService:
		return object.Status.Conditions
	case *corev1.Service:
		return object.Status.Conditions
	default:
		return nil
	}
}

// loadBalancer compares one object, its NLB and its services.
func (r *reckoning) loadBalancer(want LoadBalancer) {
	key := Object{KindLoadBalancer, want.Object}
	object, is := r.find(key).(*v1alpha1.NetworkLoadBalancer)
	if !is {
		return // said already
	}
	r.ready(key, object)
	if object.Status.Operation != nil {
		r.say("%s has %s of operation %q in flight", key, object.Status.Operation.Action, object.Status.Operation.ID)
	}
	lb, found := r.nlb(object.Status.ID)
	if !found {
		r.say("%s records NLB %q, which doesn't exist", key, object.Status.ID)
		return
	}
	// Two objects may attach to one external NLB.
	delete(r.unclaimed, lb.ID)
	if want.NLB.ID != "" && want.NLB.ID != lb.ID {
		r.say("%s has NLB %s, which was %s", key, lb.ID, want.NLB.ID)
	}
	if want.NLB.IP != "" && want.NLB.IP != lb.IP {
		r.say("%s has address %s, which was %s", key, lb.IP, want.NLB.IP)
	}
	if object.Status.Address != lb.IP {
		r.say("%s shows address %q, and that of its NLB is %q", key, object.Status.Address, lb.IP)
	}
	if lb.State != exosim.StateRunning || lb.Name != want.NLB.Name || lb.Description != want.NLB.Description {
		r.say("the NLB of %s is %s, called %q with description %q, and is to be %q with %q", key, lb.State, lb.Name, lb.Description, want.NLB.Name, want.NLB.Description)
	}
	shown := maps.Clone(lb.Labels)
	if shown[v1alpha1.CloudLabelMarks] == v1alpha1.MarksVersion && nlb.Made(object) {
		delete(shown, v1alpha1.CloudLabelMarks) // as a newer version leaves it; an older one doesn't
	}
	if labels := r.labels(want, object); !maps.Equal(labels, shown) {
		r.say("the NLB of %s has other labels (-want +got):\n%s", key, gocmp.Diff(labels, lb.Labels))
	}
	r.ports(key, want, lb)
}

func (r *reckoning) nlb(id string) (exosim.LoadBalancer, bool) {
	i := slices.IndexFunc(r.seen.Cloud, func(lb exosim.LoadBalancer) bool { return lb.ID == id })
	if i < 0 {
		return exosim.LoadBalancer{}, false
	}
	return r.seen.Cloud[i], true
}

// labels that an NLB is to have.
func (r *reckoning) labels(want LoadBalancer, object *v1alpha1.NetworkLoadBalancer) map[string]string {
	labels := maps.Clone(want.NLB.Labels)
	if want.External {
		return labels
	}
	if labels == nil {
		labels = map[string]string{}
	}
	labels[v1alpha1.CloudLabelCluster] = nlb.LabelValue(r.seen.ClusterID)
	labels[v1alpha1.CloudLabelOwner] = nlb.LabelValue(want.Object.String())
	labels[v1alpha1.CloudLabelOwnerUID] = nlb.LabelValue(string(object.UID))
	return labels
}

// ports compares the services of an NLB, ours and others'.
func (r *reckoning) ports(key Object, want LoadBalancer, lb exosim.LoadBalancer) {
	left := slices.Clone(lb.Services)
	take := func(what string, wanted exosim.Service, ours bool) exosim.Service {
		i := slices.IndexFunc(left, func(s exosim.Service) bool { return s.Port == wanted.Port && s.Protocol == wanted.Protocol })
		if i < 0 {
			r.say("the NLB of %s lacks %s, on port %d/%s", key, what, wanted.Port, wanted.Protocol)
			return exosim.Service{}
		}
		got := left[i]
		left = slices.Delete(left, i, i+1)
		if wanted.ID == "" {
			wanted.ID = got.ID
		}
		wanted.State, wanted.HealthStatus, got.HealthStatus = exosim.StateRunning, nil, nil
		if ours {
			got.Description = Unmarked(got.Description)
		}
		if difference := gocmp.Diff(wanted, got); difference != "" {
			r.say("on the NLB of %s, %s isn't as it is to be (-want +got):\n%s", key, what, difference)
		}
		return got
	}
	for _, foreign := range want.Foreign {
		take("the service of others "+foreign.Name, foreign, false)
	}
	for _, port := range r.portsOn(lb.ID, want) {
		got := take("the service of "+port.Object.String(), port.Service, true)
		r.nlbService(port.Object, lb, got)
	}
	for _, service := range left {
		r.say("the NLB of %s has service %s (%q) on port %d/%s, which nobody is to have", key, service.ID, service.Name, service.Port, service.Protocol)
	}
}

// portsOn are the ports of all objects that stand for an NLB.
func (r *reckoning) portsOn(id string, want LoadBalancer) []Port {
	ports := want.Ports
	for _, other := range r.want.LoadBalancers {
		object, is := r.find(Object{KindLoadBalancer, other.Object}).(*v1alpha1.NetworkLoadBalancer)
		if is && other.Object != want.Object && object.Status.ID == id {
			ports = slices.Concat(ports, other.Ports)
		}
	}
	return ports
}

func (r *reckoning) nlbService(name client.ObjectKey, lb exosim.LoadBalancer, service exosim.Service) {
	key := Object{KindNLBService, name}
	object, is := r.find(key).(*v1alpha1.NLBService)
	if !is {
		return // said already
	}
	r.ready(key, object)
	if object.Status.Operation != nil {
		r.say("%s has %s of operation %q in flight", key, object.Status.Operation.Action, object.Status.Operation.ID)
	}
	if object.Status.Probe != nil {
		r.say("%s records a probe service on port %d", key, object.Status.Probe.Port)
	}
	if object.Status.LoadBalancerID != lb.ID || object.Status.ID != service.ID {
		r.say("%s records service %q on NLB %q, and its service is %s on NLB %s", key, object.Status.ID, object.Status.LoadBalancerID, service.ID, lb.ID)
	}
}

// services compares what Kubernetes Services show.
func (r *reckoning) services() {
	for name, loadBalancer := range r.want.Services {
		key := Object{KindService, name}
		service, isService := r.find(key).(*corev1.Service)
		object, isLoadBalancer := r.find(Object{KindLoadBalancer, loadBalancer}).(*v1alpha1.NetworkLoadBalancer)
		if !isService || !isLoadBalancer {
			continue // said already
		}
		r.ready(key, service)
		var shown []string
		for _, ingress := range service.Status.LoadBalancer.Ingress {
			shown = append(shown, ingress.IP)
		}
		if lb, _ := r.nlb(object.Status.ID); !slices.Equal(shown, []string{lb.IP}) {
			r.say("%s shows %q, and the address of its NLB is %q", key, shown, lb.IP)
		}
	}
}

// foreign NLBs are as they were.
func (r *reckoning) foreign(want exosim.LoadBalancer) {
	lb, found := r.nlb(want.ID)
	if !found {
		r.say("NLB %s (%q) of others is gone", want.ID, want.Name)
		return
	}
	delete(r.unclaimed, lb.ID)
	if difference := gocmp.Diff(withoutHealth(want), withoutHealth(lb)); difference != "" {
		r.say("NLB %s (%q) of others isn't as it was (-was +is):\n%s", want.ID, want.Name, difference)
	}
}

// retained NLBs are there, and say that they are.
func (r *reckoning) retained(want exosim.LoadBalancer) {
	lb, found := r.nlb(want.ID)
	if !found {
		r.say("NLB %s (%q), which is to be retained, is gone", want.ID, want.Name)
		return
	}
	delete(r.unclaimed, lb.ID)
	if lb.IP != want.IP || lb.Labels[v1alpha1.CloudLabelOwnerUID] != v1alpha1.OwnerUIDRetained {
		r.say("NLB %s (%q), which is to be retained, has address %s instead of %s, and labels %v", lb.ID, lb.Name, lb.IP, want.IP, lb.Labels)
	}
}

func withoutHealth(lb exosim.LoadBalancer) exosim.LoadBalancer {
	lb.Services = slices.Clone(lb.Services)
	slices.SortFunc(lb.Services, func(a, b exosim.Service) int { return strings.Compare(a.ID, b.ID) })
	for i := range lb.Services {
		lb.Services[i].HealthStatus = nil
	}
	return lb
}
