package helm

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// TestTheChartGrantsWhatConfigGrants holds the two ways to install to the same
// rights for the same features. They stem from the same files; this proves that
// nothing is lost on the way.
func TestTheChartGrantsWhatConfigGrants(t *testing.T) {
	for name, tc := range map[string]struct {
		values values
		// components of config/ that are added to config/default.
		components []string
	}{
		"the default, in place of a CCM": {
			values: values{"claimClasslessServices": true},
		},
		"in place of a CCM, and so said": {
			values{"claimClasslessServices": true}, []string{"classless"},
		},
		"two replicas": {
			values{"claimClasslessServices": true, "replicas": 2, "podDisruptionBudget": values{"enabled": true}}, []string{"two-replicas"},
		},
		"a network policy": {
			values{"claimClasslessServices": true, "networkPolicy": values{"enabled": true}}, []string{"network-policy"},
		},
		"monitoring": {
			values{"claimClasslessServices": true, "serviceMonitor": values{"enabled": true}, "prometheusRule": values{"enabled": true}, "dashboard": values{"enabled": true}},
			[]string{"monitoring"},
		},
		"Argo CD": {
			values{"claimClasslessServices": true, "argocdHealth": values{"enabled": true}}, nil,
		},
		"all that is for Nodes": {
			values{"claimClasslessServices": true, "nodes": values{"initialization": true, "csrApproval": true, "deletion": true}},
			[]string{"nodes"},
		},
		"sidecars for Pods": {
			values{"claimClasslessServices": true, "udpSidecar": sidecars()}, []string{"udp-sidecar"},
		},
		"sidecars for Pods, with cert-manager": {
			values{"claimClasslessServices": true, "udpSidecar": certManager()}, []string{"udp-sidecar", "cert-manager"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			want := grants(t, composed(t, append(tc.components, "argocd")...)) // which has the guard, as the chart does
			got := grants(t, rendered(t, tc.values))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-config +chart:\n%s", diff)
			}
		})
	}
}

// What lets go before an uninstallation may do what config/release may.
func TestTheUninstallationMayDoWhatReleaseMay(t *testing.T) {
	letsGo := release + "-release"
	want := grantsOf(t, letsGo, kustomized(t, "../../../config/release"))
	want[guardLook], want[guardWrite] = true, true // there is none without the chart, or the component for Argo CD
	for _, policy := range []string{"retain", "delete"} {
		got := grantsOf(t, letsGo, rendered(t, values{"uninstall": values{"policy": policy}}))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -config +chart:\n%s", policy, diff)
		}
	}
	if !want[namespace+": patch deployments/scale.apps/"+release] {
		t.Errorf("config/release may not scale down: %v", want)
	}
	there := grantsOf(t, letsGo, rendered(t, values{"watchNamespaces": []string{"shop"}, "uninstall": values{"policy": "delete"}}))
	for right := range want {
		if strings.Contains(right, guard) {
			continue // it is in the operator's namespace
		}
		writes := strings.HasPrefix(right, "patch ")
		if !there["shop: "+right] && writes || there[right] == writes {
			t.Errorf("in one namespace only: %s: everywhere %t, there %t", right, there[right], there["shop: "+right])
		}
	}
	for right := range grantsOf(t, letsGo, rendered(t, nil)) {
		if !strings.HasPrefix(right, "list ") && right != guardLook {
			t.Errorf("who only looks may %s", right)
		}
	}
}

func TestWhatIsOffIsNotGranted(t *testing.T) {
	all := grants(t, rendered(t, values{"claimClasslessServices": true, "udpSidecar": sidecars(), "nodes": values{"initialization": true, "csrApproval": true, "deletion": true}}))
	for name, tc := range map[string]struct {
		values  values
		without []string
	}{
		"nobody is replaced": {
			values{}, []string{
				"kube-system: get leases.coordination.k8s.io/cloud-controller-manager",
				"delete nodes", "patch nodes", "patch nodes/status", "update certificatesigningrequests/approval.certificates.k8s.io",
				"default: list endpointslices.discovery.k8s.io",
			},
		},
		"Nodes are only initialised": {
			values{"nodes": values{"initialization": true}},
			[]string{"delete nodes", "update certificatesigningrequests/approval.certificates.k8s.io", "approve signers.certificates.k8s.io/kubernetes.io/kubelet-serving"},
		},
		"Nodes are only removed": {
			values{"nodes": values{"deletion": true}}, []string{"patch nodes", "patch nodes/status"},
		},
		"certificates are only approved": {
			values{"nodes": values{"csrApproval": true}}, []string{"patch nodes", "delete nodes"},
		},
		"no sidecars": {
			values{}, append([]string{"list limitranges", exoscaleWebhooks, exoscaleSecret}, forSidecars...),
		},
		"sidecars by hand": {
			values{"udpSidecar": values{"byHand": true}}, []string{"list limitranges", exoscaleWebhooks, exoscaleSecret},
		},
		"sidecars, with cert-manager": {
			values{"udpSidecar": certManager()}, []string{exoscaleWebhooks, exoscaleSecret},
		},
		"sidecars in two namespaces": {
			values{"udpSidecar": sidecars(), "watchNamespaces": []string{"shop", "default"}}, append([]string{"list limitranges", "list services"}, forSidecars...),
		},
		"no metrics": {
			values{"metrics": values{"enabled": false}}, []string{"create tokenreviews.authentication.k8s.io", "create subjectaccessreviews.authorization.k8s.io"},
		},
		"metrics for everybody": {
			values{"metrics": values{"secure": false}}, []string{"create tokenreviews.authentication.k8s.io"},
		},
		"two namespaces": {
			values{"watchNamespaces": []string{"shop", "default"}},
			[]string{"patch services", "create networkloadbalancers.nlb.exoscale.com", "patch services/status", "create events.events.k8s.io"},
		},
		"no roles at all": {
			values{"rbac": values{"create": false}}, []string{"get services", "list nodes"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			granted := grants(t, rendered(t, tc.values))
			for _, right := range tc.without {
				if granted[right] {
					t.Errorf("may %s", right)
				}
				if !all[right] {
					t.Errorf("there is no such right: %s", right)
				}
			}
		})
	}
}

func TestInTwoNamespacesTheSameIsGranted(t *testing.T) {
	everywhere := grants(t, rendered(t, values{"udpSidecar": sidecars()}))
	there := grants(t, rendered(t, values{"udpSidecar": sidecars(), "watchNamespaces": []string{"shop"}}))
	for right := range everywhere {
		if !there[right] && !there["shop: "+right] {
			t.Errorf("may not %s", right)
		}
	}
	if !there["default: create events.events.k8s.io"] || there["default: patch services"] {
		t.Error("Events of what is in no namespace stand in default, and nothing else does")
	}
}

// Nobody needs these but for Services that ask for sidecars, by whatever hand those
// come to the Pods.
var forSidecars = []string{"create services", "delete services", "list pods"}

func TestSidecarsByHandAreProbed(t *testing.T) {
	for where, scope := range map[string]string{"": "", "shop": "shop: "} {
		v := values{"udpSidecar": values{"byHand": true}}
		if where != "" {
			v["watchNamespaces"] = []string{where}
		}
		all := rendered(t, v)
		granted := grants(t, all)
		for _, right := range forSidecars {
			if !granted[scope+right] {
				t.Errorf("may not %s%s", scope, right)
			}
		}
		if names := all.names("MutatingWebhookConfiguration"); len(names) > 0 {
			t.Errorf("there is a webhook: %v", names)
		}
	}
}

// exoscaleWebhooks and exoscaleSecret are what whoever makes the webhook's certificate
// has to write.
const (
	exoscaleWebhooks = "patch mutatingwebhookconfigurations.admissionregistration.k8s.io/" + release + "-webhook"
	guardLook        = namespace + ": get configmaps/" + guard
	guardWrite       = namespace + ": patch configmaps/" + guard
	exoscaleSecret   = namespace + ": update secrets/" + release + "-webhook"
)

// The alerts, the dashboard and how to scrape are the same either way.
func TestTheChartMonitorsWhatConfigMonitors(t *testing.T) {
	config := kustomized(t, "../../../config/components/monitoring")
	ours := rendered(t, values{"serviceMonitor": values{"enabled": true}, "prometheusRule": values{"enabled": true}, "dashboard": values{"enabled": true}})
	for kind, fields := range map[string][]string{
		"PrometheusRule": {"spec"}, "ServiceMonitor": {"spec", "endpoints"}, "ConfigMap": {"data"}, // the dashboard
	} {
		if diff := cmp.Diff(field(t, config, kind, fields), field(t, ours, kind, fields)); diff != "" {
			t.Errorf("%s: -config +chart:\n%s", kind, diff)
		}
	}
}

// What Argo CD goes by, too.
func TestTheChartTellsArgoCDWhatConfigTells(t *testing.T) {
	content, err := os.ReadFile("../../../config/argocd/argocd-cm.yaml")
	if err != nil {
		t.Fatal(err)
	}
	config := field(t, parsed(t, string(content)), "ConfigMap", []string{"data"})
	ours := field(t, rendered(t, values{"argocdHealth": values{"enabled": true}}), "ConfigMap", []string{"data"})
	if diff := cmp.Diff(config, ours); diff != "" {
		t.Errorf("-config +chart:\n%s", diff)
	}
}

// field of the only object of a kind.
func field(t *testing.T, all objects, kind string, path []string) any {
	t.Helper()
	var object unstructured.Unstructured
	all = slices.DeleteFunc(slices.Clone(all), func(o unstructured.Unstructured) bool { return o.GetName() == guard })
	all.get(t, kind, "", &object.Object)
	value, found, err := unstructured.NestedFieldNoCopy(object.Object, path...)
	if err != nil || !found {
		t.Fatalf("%s has no %v: %v", kind, path, err)
	}
	return value
}

// kustomized are the objects of a folder; a component's are its own.
func kustomized(t *testing.T, folder string) objects {
	t.Helper()
	program(t)
	kubectl := filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl")
	said, err := exec.CommandContext(t.Context(), kubectl, "kustomize", folder).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	return parsed(t, string(said))
}

// grants are what the operator's service account may do, one right a line:
// [namespace: ]verb resource[.group][/name].
func grants(t *testing.T, all objects) map[string]bool {
	t.Helper()
	return grantsOf(t, release, all)
}

// grantsOf a service account in the operator's namespace.
func grantsOf(t *testing.T, account string, all objects) map[string]bool {
	t.Helper()
	rules := map[string][]rbacv1.PolicyRule{}
	for _, object := range all {
		if object.GetKind() == "ClusterRole" || object.GetKind() == "Role" {
			var role rbacv1.ClusterRole
			convert(t, object.Object, &role)
			rules[object.GetKind()+" "+object.GetNamespace()+"/"+object.GetName()] = role.Rules
		}
	}
	granted := map[string]bool{}
	for _, object := range all {
		if object.GetKind() != "ClusterRoleBinding" && object.GetKind() != "RoleBinding" {
			continue
		}
		var binding rbacv1.RoleBinding
		convert(t, object.Object, &binding)
		ours := slices.ContainsFunc(binding.Subjects, func(s rbacv1.Subject) bool { return s.Namespace == namespace && s.Name == account })
		scope := ""
		if object.GetNamespace() != "" {
			scope = object.GetNamespace() + ": "
		}
		held := rules[binding.RoleRef.Kind+" "+strings.TrimSuffix(scope, ": ")+"/"+binding.RoleRef.Name]
		if len(held) == 0 {
			t.Errorf("%s %s binds %s %s, which grants nothing", object.GetKind(), object.GetName(), binding.RoleRef.Kind, binding.RoleRef.Name)
		}
		if !ours {
			continue
		}
		for _, rule := range held {
			for _, right := range rights(rule) {
				granted[scope+right] = true
			}
		}
	}
	return granted
}

func rights(rule rbacv1.PolicyRule) []string {
	var all []string
	names := rule.ResourceNames
	if len(names) == 0 {
		names = []string{""}
	}
	for _, verb := range rule.Verbs {
		for _, url := range rule.NonResourceURLs {
			all = append(all, verb+" "+url)
		}
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, name := range names {
					right := verb + " " + strings.TrimSuffix(resource+"."+group, ".")
					all = append(all, strings.TrimSuffix(right+"/"+name, "/"))
				}
			}
		}
	}
	return all
}

func convert(t *testing.T, object map[string]any, into any) {
	t.Helper()
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object, into); err != nil {
		t.Fatal(err)
	}
}
