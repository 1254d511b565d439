package upgrade

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// held is what is true of every object that an operator serves, by kind and name.
type held map[string][]string

// served tells of every object where it is served, and of every Node which instance
// it is. Of an object whose name begins with refused- it doesn't tell whether its
// spec is accepted. Of a Node that isn't verified, as those of other zones weren't,
// it tells no more than its instance: the operator does nothing for it yet.
func (c *cluster) served(g Gomega, t *testing.T) held {
	t.Helper()
	all := held{}
	var balancers v1alpha1.NetworkLoadBalancerList
	g.Expect(c.List(t.Context(), &balancers)).To(Succeed())
	for _, lb := range balancers.Items {
		s := lb.Status
		all.tell("NetworkLoadBalancer", &lb, s.Conditions, "", "id", s.ID, "address", s.Address, "zone", s.Zone, "name", s.Name, "adopted", s.Adopted, "foreign services", s.ForeignServices)
	}
	var nlbServices v1alpha1.NLBServiceList
	g.Expect(c.List(t.Context(), &nlbServices)).To(Succeed())
	for _, service := range nlbServices.Items {
		s := service.Status
		all.tell("NLBService", &service, s.Conditions, "", "id", s.ID, "nlb", s.LoadBalancerID, "address", s.Address, "zone", s.Zone, "name", s.Name, "pool", s.InstancePoolID)
	}
	var services corev1.ServiceList
	g.Expect(c.List(t.Context(), &services)).To(Succeed())
	for _, service := range services.Items {
		if service.Spec.Type == corev1.ServiceTypeLoadBalancer {
			all.tell("Service", &service, service.Status.Conditions, v1alpha1.Prefix, "addresses", service.Status.LoadBalancer.Ingress, "id", service.Annotations[v1alpha1.AnnotationID], "finalizers", service.Finalizers)
		}
	}
	var identities v1alpha1.NodeIdentityList
	g.Expect(c.List(t.Context(), &identities)).To(Succeed())
	verified := map[string]bool{}
	for _, identity := range identities.Items {
		if _, refused := identity.Labels[v1alpha1.LabelRefused]; refused {
			continue
		}
		s := identity.Status
		verified[s.NodeName] = meta.IsStatusConditionTrue(s.Conditions, v1alpha1.ConditionVerified)
		all.tell("NodeIdentity", &identity, s.Conditions, "", "instance", identity.Spec.InstanceID, "node", s.NodeName, "pool", s.InstancePoolID, "addresses", s.Addresses)
	}
	var nodes corev1.NodeList
	g.Expect(c.List(t.Context(), &nodes)).To(Succeed())
	for _, node := range nodes.Items {
		told := []any{"instance", node.Spec.ProviderID}
		if verified[node.Name] {
			told = append(told, "addresses", node.Status.Addresses, "taints", node.Spec.Taints)
		}
		all.tell("Node", &node, nil, "", told...)
	}
	return all
}

// tell of one object, pairs of what and how, and since when it is ready, if it is:
// it must not cease to be for a moment.
func (all held) tell(kind string, object client.Object, conditions []metav1.Condition, prefix string, pairs ...any) {
	var lines []string
	for i := 0; i < len(pairs); i += 2 {
		value, err := json.Marshal(pairs[i+1])
		if err != nil {
			value = []byte(err.Error())
		}
		lines = append(lines, fmt.Sprintf("%s: %s", pairs[i], value))
	}
	for _, name := range []string{v1alpha1.ConditionAccepted, v1alpha1.ConditionProgrammed, v1alpha1.ConditionReady, v1alpha1.ConditionVerified} {
		condition := meta.FindStatusCondition(conditions, prefix+name)
		if condition != nil && !strings.HasPrefix(object.GetName(), "refused-") {
			lines = append(lines, fmt.Sprintf("%s: %s/%s since %s", name, condition.Status, condition.Reason, condition.LastTransitionTime.UTC().Format(time.RFC3339)))
		}
	}
	all[kind+" "+client.ObjectKeyFromObject(object).String()] = lines
}

// holds is all that the cloud has of NLBs, by their ids. How healthy they are is
// left out.
func (c *cluster) holds() map[string]exosim.LoadBalancer {
	all := map[string]exosim.LoadBalancer{}
	for _, zone := range c.cloud.Zones() {
		for _, lb := range c.cloud.LoadBalancers(zone) {
			for i := range lb.Services {
				lb.Services[i].HealthStatus = nil
			}
			all[lb.ID] = lb
		}
	}
	return all
}

// ready waits until objects are served as they ask for.
func (c *cluster) ready(t *testing.T, objects ...client.Object) {
	t.Helper()
	for _, object := range objects {
		NewWithT(t).Eventually(func(g Gomega) {
			g.Expect(c.Get(t.Context(), client.ObjectKeyFromObject(object), object)).To(Succeed())
			g.Expect(unready(object)).To(BeEmpty(), "%T %s", object, client.ObjectKeyFromObject(object))
		}, patience).Should(Succeed(), "%s", c.said())
	}
}

// unready says what an object lacks; empty if it is served.
func unready(object client.Object) string {
	var conditions []metav1.Condition
	kind := v1alpha1.ConditionReady
	switch o := object.(type) {
	case *v1alpha1.NetworkLoadBalancer:
		conditions = o.Status.Conditions
	case *v1alpha1.NLBService:
		conditions = o.Status.Conditions
	case *corev1.Service:
		conditions, kind = o.Status.Conditions, v1alpha1.ServiceConditionProgrammed
	}
	condition := meta.FindStatusCondition(conditions, kind)
	switch {
	case condition == nil, condition.ObservedGeneration != object.GetGeneration():
		return "it isn't looked at yet"
	case condition.Status != metav1.ConditionTrue:
		return condition.Reason + ": " + condition.Message
	default:
		return ""
	}
}
