package integration

import (
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// controlledBy is a reference such as the operator sets, to a Service that isn't
// in the object's namespace.
func (v *victim) controlledBy(name, uid string) []metav1.OwnerReference {
	return []metav1.OwnerReference{{
		APIVersion: "v1", Kind: "Service", Name: name, UID: types.UID(uid), Controller: ptr.To(true), BlockOwnerDeletion: ptr.To(true),
	}}
}

func TestNoNetworkLoadBalancerTakesAnNLBOfAnotherNamespace(t *testing.T) {
	t.Parallel()
	v := newVictim(t, setup{Own: true})
	shop, edge := v.nlbNamed("k8s-"+string(v.shop.UID)), v.edge.Status.ID
	spec := func(edit func(*v1alpha1.NetworkLoadBalancerSpec)) func(*v1alpha1.NetworkLoadBalancer) {
		return func(lb *v1alpha1.NetworkLoadBalancer) {
			lb.Spec.DeletionPolicy = v1alpha1.DeletionDelete
			edit(&lb.Spec)
		}
	}
	external := func(id, name string) func(*v1alpha1.NetworkLoadBalancer) {
		return func(lb *v1alpha1.NetworkLoadBalancer) {
			lb.Spec.ManagementPolicy, lb.Spec.ID, lb.Spec.Name = v1alpha1.External, id, name
		}
	}
	for name, attack := range map[string]struct {
		edit func(*v1alpha1.NetworkLoadBalancer)
		says string
	}{
		"the id of a Service's NLB":       {spec(func(s *v1alpha1.NetworkLoadBalancerSpec) { s.ID = shop.ID }), v1alpha1.ReasonInUseByOther},
		"the id of an NLB":                {spec(func(s *v1alpha1.NetworkLoadBalancerSpec) { s.ID = edge }), v1alpha1.ReasonInUseByOther},
		"the id and the name of an NLB":   {spec(func(s *v1alpha1.NetworkLoadBalancerSpec) { s.ID, s.Name = edge, edgeName }), v1alpha1.ReasonInUseByOther},
		"the name of an NLB":              {spec(func(s *v1alpha1.NetworkLoadBalancerSpec) { s.Name = edgeName }), v1alpha1.ReasonInUseByOther},
		"the id of the CCM's NLB":         {spec(func(s *v1alpha1.NetworkLoadBalancerSpec) { s.ID = v.legacyNLB }), v1alpha1.ReasonInUseByOther},
		"the id of a retained NLB":        {spec(func(s *v1alpha1.NetworkLoadBalancerSpec) { s.ID = v.kept }), v1alpha1.ReasonInUseByOther},
		"the name of a retained NLB":      {spec(func(s *v1alpha1.NetworkLoadBalancerSpec) { s.Name = "shop-kept" }), v1alpha1.ReasonInUseByOther},
		"the name of a Service's NLB":     {spec(func(s *v1alpha1.NetworkLoadBalancerSpec) { s.Name = shop.Name }), v1alpha1.ReasonInvalid},
		"the name of the CCM's NLB":       {spec(func(s *v1alpha1.NetworkLoadBalancerSpec) { s.Name = "k8s-" + string(v.legacy.UID) }), v1alpha1.ReasonInvalid},
		"a name that another would get":   {spec(func(s *v1alpha1.NetworkLoadBalancerSpec) { s.Name = v.ns + "-edge-" + string(v.edge.UID) }), v1alpha1.ReasonInvalid},
		"External, a Service's NLB":       {external(shop.ID, ""), v1alpha1.ReasonInUseByOther},
		"External, an NLB":                {external(edge, ""), v1alpha1.ReasonInUseByOther},
		"External, an NLB by name":        {external("", edgeName), v1alpha1.ReasonInUseByOther},
		"External, the CCM's NLB":         {external(v.legacyNLB, ""), v1alpha1.ReasonInUseByOther},
		"External, the CCM's NLB by name": {external("", "k8s-"+string(v.legacy.UID)), v1alpha1.ReasonInvalid},
		"another's Service for owner, and the CCM's NLB": {func(lb *v1alpha1.NetworkLoadBalancer) {
			lb.OwnerReferences = v.controlledBy("legacy", string(v.legacy.UID))
			lb.Spec.ID = v.legacyNLB
		}, v1alpha1.ReasonInUseByOther},
		"another's Service for owner, and the name of the CCM's NLB": {func(lb *v1alpha1.NetworkLoadBalancer) {
			lb.Name, lb.OwnerReferences = "legacy", v.controlledBy("legacy", string(v.legacy.UID))
			lb.Spec.Name = "k8s-" + string(v.legacy.UID)
		}, v1alpha1.ReasonInvalid},
		"another's Service for owner, and its NLB": {func(lb *v1alpha1.NetworkLoadBalancer) {
			lb.Name, lb.OwnerReferences = "shop", v.controlledBy("shop", string(v.shop.UID))
			lb.Labels = map[string]string{v1alpha1.LabelService: "shop"}
			lb.Spec.ID, lb.Spec.DeletionPolicy = shop.ID, v1alpha1.DeletionDelete
		}, v1alpha1.ReasonInUseByOther},
	} {
		t.Run(name, func(t *testing.T) {
			w := v.attacker(t)
			lb := &v1alpha1.NetworkLoadBalancer{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "mallory"}}
			attack.edit(lb)
			w.create(lb)
			w.becomes(lb, v1alpha1.ConditionReady, "False/"+attack.says)
			port := w.nlbService("port", lb.Name, 444, nil)
			w.becomes(port, v1alpha1.ConditionReady, "False/WaitingForLoadBalancer")
			v.unharmed(t)
			w.g.Expect(lb.Status.Address).To(BeEmpty())
			w.remove(port)
			w.remove(lb)
			w.gone(port)
			w.gone(lb)
			v.untouched(t)
		})
	}
	v.unharmed(t)
	v.obeys()
}

func TestNoNLBServiceTakesAServiceOfAnotherNamespace(t *testing.T) {
	t.Parallel()
	v := newVictim(t, setup{Own: true})
	w := v.attacker(t)
	own := w.loadBalancer("own", nil)
	w.ready(own)
	w.settles()
	v.was, v.writes = w.sim.LoadBalancers(""), len(w.writes())
	victims := func(s *v1alpha1.NLBService) { s.Spec.LoadBalancerRef.Namespace = v.ns }
	for name, attack := range map[string]struct {
		edit func(*v1alpha1.NLBService)
		says string
	}{
		"a port of an NLB that doesn't admit": {func(s *v1alpha1.NLBService) {
			victims(s)
			s.Spec.LoadBalancerRef.Name = "edge"
		}, v1alpha1.ReasonNotAllowedNamespace},
		"a port of a Service's NLB": {func(s *v1alpha1.NLBService) {
			victims(s)
			s.Spec.LoadBalancerRef.Name, s.Spec.Port = "shop", 80
		}, v1alpha1.ReasonNotAllowedNamespace},
		"the service of an NLB that doesn't admit, by name": {func(s *v1alpha1.NLBService) {
			victims(s)
			s.Name, s.Spec.LoadBalancerRef.Name, s.Spec.Name = "front", "edge", frontName
		}, v1alpha1.ReasonNotAllowedNamespace},
		"the service of a Service, by name": {func(s *v1alpha1.NLBService) {
			victims(s)
			s.Spec.LoadBalancerRef.Name, s.Spec.Name = "shop", string(v.shop.UID)+"-443"
		}, v1alpha1.ReasonNotAllowedNamespace},
		"another's Service for owner, and its service": {func(s *v1alpha1.NLBService) {
			victims(s)
			s.Name, s.OwnerReferences = "shop-443-tcp", v.controlledBy("shop", string(v.shop.UID))
			s.Labels = map[string]string{v1alpha1.LabelService: "shop"}
			s.Spec.LoadBalancerRef.Name, s.Spec.Name = "shop", string(v.shop.UID)+"-443"
		}, v1alpha1.ReasonNotAllowedNamespace},
		"a name of another's on an NLB of its own": {func(s *v1alpha1.NLBService) {
			s.Spec.Name = string(v.shop.UID) + "-443"
		}, v1alpha1.ReasonInvalid},
		"another's Service for owner, and a name of its on an NLB of its own": {func(s *v1alpha1.NLBService) {
			s.OwnerReferences = v.controlledBy("shop", string(v.shop.UID))
			s.Spec.Name = string(v.shop.UID) + "-443"
		}, v1alpha1.ReasonInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			w := v.attacker(t)
			service := &v1alpha1.NLBService{
				ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "mallory"},
				Spec: v1alpha1.NLBServiceSpec{
					LoadBalancerRef: v1alpha1.LoadBalancerReference{Name: "own"}, Port: 443, TargetPort: 31999,
					Target: v1alpha1.Target{InstancePoolID: w.pool.ID},
				},
			}
			attack.edit(service)
			w.create(service)
			w.becomes(service, v1alpha1.ConditionAccepted, "False/"+attack.says)
			v.unharmed(t)
			w.remove(service)
			w.gone(service)
			v.untouched(t)
		})
	}
	w.remove(own)
	w.gone(own)
	v.obeys()
}

func TestTheOperatorsLabelsCanNotBeSetByASpec(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{Stopped: true})
	for _, key := range []string{v1alpha1.CloudLabelCluster, v1alpha1.CloudLabelOwner, v1alpha1.CloudLabelOwnerUID, v1alpha1.CloudLabelAdopt} {
		lb := &v1alpha1.NetworkLoadBalancer{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "mallory"}}
		lb.Spec.Labels = map[string]string{key: "forged"}
		w.g.Expect(w.client.Create(t.Context(), lb)).To(MatchError(ContainSubstring("reserved for the operator")), key)
	}
}
