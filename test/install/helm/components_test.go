package helm

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// comparedIn tells where each component of config/ is held against the chart,
// besides its rights.
var comparedIn = map[string]string{
	"argocd":         "TestTheChartsKindsAreThoseOfConfig, TestTheChartTellsArgoCDWhatConfigTells",
	"cert-manager":   "TestTheChartsWebhookIsThatOfConfig",
	"classless":      "TestTheChartsPodsAreThoseOfConfig",
	"monitoring":     "TestTheChartMonitorsWhatConfigMonitors",
	"network-policy": "TestTheChartsNetworkPolicyIsThatOfConfig",
	"nodes":          "TestTheChartsPodsAreThoseOfConfig",
	"two-replicas":   "TestTheChartsReplicasAreThoseOfConfig",
	"udp-sidecar":    "TestTheChartsWebhookIsThatOfConfig",

	"webhook-client-ca":      "TestTheChartsWebhookIsThatOfConfig",
	"webhook-network-policy": "TestTheWebhookIsReachedByWhomItIsSaid",
}

func TestEveryComponentIsCompared(t *testing.T) {
	folders, err := os.ReadDir("../../../config/components")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, folder := range folders {
		names = append(names, folder.Name())
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(comparedIn)), names); diff != "" {
		t.Errorf("-compared +in config/components:\n%s", diff)
	}
}

func TestTheChartsKindsAreThoseOfConfig(t *testing.T) {
	want, got := kinds(t, composed(t, "argocd")), kinds(t, rendered(t, nil))
	if len(want) != 3 {
		t.Fatalf("there are %d kinds", len(want))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-config +chart:\n%s", diff)
	}
}

// kinds by their names, without what is helm's.
func kinds(t *testing.T, all objects) map[string]apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	found := map[string]apiextensionsv1.CustomResourceDefinition{}
	for _, name := range all.names("CustomResourceDefinition") {
		var kind apiextensionsv1.CustomResourceDefinition
		all.get(t, "CustomResourceDefinition", name, &kind)
		delete(kind.Annotations, "helm.sh/resource-policy")
		kind.Labels = nil
		found[name] = kind
	}
	return found
}

// The Pods have the same security, are probed and given their key in the same way,
// and what a component switches on the chart does.
func TestTheChartsPodsAreThoseOfConfig(t *testing.T) {
	nodes := values{"initialization": true, "csrApproval": true, "deletion": true}
	config := operatorIn(t, composed(t, "classless", "nodes"))
	ours := operatorIn(t, rendered(t, values{"claimClasslessServices": true, "nodes": nodes}))
	if diff := cmp.Diff(commonPart(config), commonPart(ours)); diff != "" {
		t.Errorf("-config +chart:\n%s", diff)
	}
	told := ours.Spec.Template.Spec.Containers[0].Args
	for _, argument := range config.Spec.Template.Spec.Containers[0].Args {
		if !slices.Contains(told, argument) {
			t.Errorf("the chart doesn't say %s", argument)
		}
	}
}

func operatorIn(t *testing.T, all objects) *appsv1.Deployment {
	t.Helper()
	var deployment appsv1.Deployment
	all.get(t, "Deployment", "", &deployment)
	return &deployment
}

// commonPart is what has to be the same of the Pods.
func commonPart(deployment *appsv1.Deployment) corev1.PodSpec {
	pod := deployment.Spec.Template.Spec.DeepCopy()
	pod.Containers[0].Args, pod.Containers[0].Env, pod.Containers[0].ImagePullPolicy, pod.Containers[0].Image = nil, nil, "", ""
	pod.TopologySpreadConstraints = nil
	for i := range pod.Volumes {
		if secret := pod.Volumes[i].Secret; secret != nil {
			secret.Items = nil // the Secret of config/ may hold more than the key
		}
	}
	return *pod
}

func TestTheChartsReplicasAreThoseOfConfig(t *testing.T) {
	g := NewWithT(t)
	config, ours := composed(t, "two-replicas"), rendered(t, nil)
	theirs, chart := operatorIn(t, config), operatorIn(t, ours)
	g.Expect(chart.Spec.Replicas).To(Equal(theirs.Spec.Replicas))
	for _, deployment := range []*appsv1.Deployment{theirs, chart} {
		for i := range deployment.Spec.Template.Spec.TopologySpreadConstraints {
			constraint := &deployment.Spec.Template.Spec.TopologySpreadConstraints[i]
			g.Expect(constraint.LabelSelector).To(Equal(deployment.Spec.Selector))
			constraint.LabelSelector = nil
		}
	}
	g.Expect(chart.Spec.Template.Spec.TopologySpreadConstraints).To(Equal(theirs.Spec.Template.Spec.TopologySpreadConstraints))
	var want, got policyv1.PodDisruptionBudget
	config.get(t, "PodDisruptionBudget", "", &want)
	ours.get(t, "PodDisruptionBudget", "", &got)
	g.Expect(got.Spec.Selector).To(Equal(chart.Spec.Selector))
	got.Spec.Selector = want.Spec.Selector
	g.Expect(got.Spec).To(Equal(want.Spec))
}

// The same ports are open, with the webhook too, to the Pods of either.
func TestTheChartsNetworkPolicyIsThatOfConfig(t *testing.T) {
	g := NewWithT(t)
	config := composed(t, "udp-sidecar", "network-policy")
	ours := rendered(t, values{"networkPolicy": values{"enabled": true}, "udpSidecar": sidecars()})
	var want, got networkingv1.NetworkPolicy
	config.get(t, "NetworkPolicy", "", &want)
	ours.get(t, "NetworkPolicy", "", &got)
	g.Expect(got.Spec.PolicyTypes).To(Equal(want.Spec.PolicyTypes))
	for policy, deployment := range map[*networkingv1.NetworkPolicy]*appsv1.Deployment{&want: operatorIn(t, config), &got: operatorIn(t, ours)} {
		labels := deployment.Spec.Template.Labels
		for name, value := range policy.Spec.PodSelector.MatchLabels {
			g.Expect(labels).To(HaveKeyWithValue(name, value))
		}
		g.Expect(opens(policy)).To(ConsistOf(listens(t, deployment)), "the ports at which the manager listens, and no others")
	}
	g.Expect(leadsTo(&got)).To(ConsistOf(leadsTo(&want)))
}

// Who may reach the webhook, and that everybody still reaches what else they did.
func TestTheWebhookIsReachedByWhomItIsSaid(t *testing.T) {
	from := []values{{"ipBlock": values{"cidr": "192.0.2.0/24"}}}
	withFrom := sidecars()
	withFrom["from"] = from
	for name, tc := range map[string]struct {
		components []string
		values     values
		types      string
	}{
		"by a policy of its own": {[]string{"udp-sidecar", "webhook-network-policy"}, values{"udpSidecar": withFrom}, "[Ingress]"},
		"by the policy of all": {[]string{"network-policy", "udp-sidecar", "webhook-network-policy"},
			values{"udpSidecar": withFrom, "networkPolicy": values{"enabled": true}}, "[Ingress Egress]"},
	} {
		t.Run(name, func(t *testing.T) {
			for how, all := range map[string]objects{"config": composed(t, tc.components...), "chart": rendered(t, tc.values)} {
				g := NewWithT(t)
				reached, types := map[string]string{}, []string(nil)
				for _, object := range all {
					if object.GetKind() != "NetworkPolicy" {
						continue
					}
					var policy networkingv1.NetworkPolicy
					convert(t, object.Object, &policy)
					types = append(types, fmt.Sprint(policy.Spec.PolicyTypes))
					for _, rule := range policy.Spec.Ingress {
						for _, port := range strings.Fields(ports(rule.Ports)) {
							who := "everybody"
							if len(rule.From) > 0 {
								who = rule.From[0].IPBlock.CIDR
							}
							if reached[port] != "everybody" { // policies add up
								reached[port] = who
							}
						}
					}
				}
				g.Expect(reached).To(Equal(map[string]string{"8081/TCP": "everybody", "8443/TCP": "everybody", "9443/TCP": "192.0.2.0/24"}), how)
				g.Expect(types).To(ContainElement(tc.types), how)
			}
		})
	}
}

// The Go runtime knows of the limit of memory, by either way.
func TestTheMemoryLimitIsKnown(t *testing.T) {
	for name, tc := range map[string]struct {
		objects objects
		want    string
	}{
		"config":                     {composed(t), "460MiB"},
		"the chart":                  {rendered(t, nil), "460MiB"},
		"a gibibyte":                 {rendered(t, limited("1Gi")), "921MiB"},
		"one and a half":             {rendered(t, limited("1.5Gi")), "1382MiB"},
		"a number of bytes":          {rendered(t, limited(536870912)), "460MiB"},
		"a number of bytes, as text": {rendered(t, limited("536870912")), "460MiB"},
		"megabytes":                  {rendered(t, limited("500M")), "429MiB"},
		"nothing that is read":       {rendered(t, limited("5e8")), ""},
		"no limit":                   {rendered(t, values{"resources": values{"limits": nil}}), ""},
		"no memory's limit":          {rendered(t, values{"resources": values{"limits": values{"memory": nil, "cpu": "1"}}}), ""},
		"one's own":                  {rendered(t, values{"extraEnv": []values{{"name": "GOMEMLIMIT", "value": "300MiB"}}}), "300MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			var told []string
			for _, variable := range operatorIn(t, tc.objects).Spec.Template.Spec.Containers[0].Env {
				if variable.Name == "GOMEMLIMIT" {
					told = append(told, variable.Value)
				}
			}
			if got := strings.Join(told, ", "); got != tc.want {
				t.Errorf("it is %q, want %q", got, tc.want)
			}
		})
	}
}

func limited(memory any) values {
	return values{"resources": values{"limits": values{"memory": memory}}}
}

// listens is where the manager of a Deployment does, as it was told or by default.
func listens(t *testing.T, deployment *appsv1.Deployment) []string {
	t.Helper()
	var all []string
	told := argumentsOf(deployment)
	for flag, address := range flags(t) {
		if !strings.HasSuffix(flag, "-bind-address") {
			continue
		}
		if other, is := told[flag]; is {
			address = other
		}
		all = append(all, strings.TrimPrefix(address, ":")+"/TCP")
	}
	return all
}

// opens are the ports that a policy opens to others.
func opens(policy *networkingv1.NetworkPolicy) []string {
	var all []string
	for _, rule := range policy.Spec.Ingress {
		all = append(all, strings.Fields(ports(rule.Ports))...)
	}
	return all
}

// leadsTo are the ports that a policy lets its Pods reach anywhere; helm test, which
// asks a Pod of ours, is the chart's alone.
func leadsTo(policy *networkingv1.NetworkPolicy) []string {
	var all []string
	for _, rule := range policy.Spec.Egress {
		if len(rule.To) == 0 {
			all = append(all, strings.Fields(ports(rule.Ports))...)
		}
	}
	return all
}
