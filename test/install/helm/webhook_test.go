package helm

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// sidecars are switched on, with the certificate that the operator makes itself.
func sidecars() values { return values{"enabled": true} }

// certManager is the other way to a certificate.
func certManager() values { return values{"enabled": true, "certManager": values{"enabled": true}} }

// The API server asks the same about the same Pods, and finds the webhook in the
// same way, whichever way it was installed.
func TestTheChartsWebhookIsThatOfConfig(t *testing.T) {
	for name, tc := range map[string]struct {
		values     values
		components []string
		same       map[string][]string
	}{
		"with a certificate of its own": {
			sidecars(), []string{"udp-sidecar"}, map[string][]string{
				"MutatingWebhookConfiguration":     {"webhooks"},
				"Secret":                           {"type"},
				"ValidatingAdmissionPolicy":        {"spec"},
				"ValidatingAdmissionPolicyBinding": {"spec"},
			},
		},
		"with callers that show a certificate": {
			values{"enabled": true, "clientCA": values{"configMap": "exoscale-nlb-operator-webhook-clients"}},
			[]string{"udp-sidecar", "webhook-client-ca"}, map[string][]string{
				"MutatingWebhookConfiguration": {"webhooks"},
			},
		},
		"with cert-manager": {
			certManager(), []string{"udp-sidecar", "cert-manager"}, map[string][]string{
				"MutatingWebhookConfiguration": {"webhooks"},
				"Issuer":                       {"spec"},
				"Certificate":                  {"spec"},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			config, ours := composed(t, tc.components...), rendered(t, values{"udpSidecar": tc.values})
			for kind, path := range tc.same {
				if diff := cmp.Diff(field(t, config, kind, path), field(t, ours, kind, path)); diff != "" {
					t.Errorf("%s: -config +chart:\n%s", kind, diff)
				}
				if diff := cmp.Diff(config.names(kind), ours.names(kind)); diff != "" {
					t.Errorf("%s: -config +chart:\n%s", kind, diff)
				}
			}
			if diff := cmp.Diff(leading(t, config), leading(t, ours)); diff != "" {
				t.Errorf("-config +chart:\n%s", diff)
			}
		})
	}
}

// wayToWebhook is how the API server gets there, and what it is shown.
type wayToWebhook struct {
	Service      string
	ServicePorts []corev1.ServicePort
	PodPorts     []corev1.ContainerPort
	Certificate  []corev1.Volume
	Mounts       []corev1.VolumeMount
	Clients      string
	Annotations  map[string]string
	Ending       *corev1.Lifecycle
	Grace        *int64
}

func leading(t *testing.T, all objects) wayToWebhook {
	t.Helper()
	var service corev1.Service
	all.get(t, "Service", "-webhook", &service)
	var deployment appsv1.Deployment
	all.get(t, "Deployment", "", &deployment)
	var webhooks admissionregistrationv1.MutatingWebhookConfiguration
	all.get(t, "MutatingWebhookConfiguration", "", &webhooks)
	pod := deployment.Spec.Template.Spec
	way := wayToWebhook{
		Service: service.Name, ServicePorts: service.Spec.Ports, Annotations: webhooks.Annotations,
		Ending: pod.Containers[0].Lifecycle, Grace: pod.TerminationGracePeriodSeconds,
	}
	for _, port := range pod.Containers[0].Ports {
		if port.Name == "webhook" {
			way.PodPorts = append(way.PodPorts, port)
		}
	}
	for _, volume := range pod.Volumes {
		if strings.HasPrefix(volume.Name, "webhook-") {
			way.Certificate = append(way.Certificate, volume)
		}
	}
	for _, mount := range pod.Containers[0].VolumeMounts {
		if strings.HasPrefix(mount.Name, "webhook-") {
			way.Mounts = append(way.Mounts, mount)
		}
	}
	way.Clients = argumentsOf(&deployment)["webhook-client-ca-file"]
	return way
}

// Under any name, in any namespace, all that has to know the other does.
func TestTheWebhookFollowsTheNames(t *testing.T) {
	for name, tc := range map[string]struct {
		release, namespace string
		values             values
		want               string // the name of Service, Secret and configuration
	}{
		"the release":              {"edge", "lb", nil, "edge-exoscale-nlb-operator-webhook"},
		"fullnameOverride":         {"edge", "lb", values{"fullnameOverride": "nlb"}, "nlb-webhook"},
		"a very long one":          {"a-release-whose-name-is-as-long-as-helm-allows-it-123", "lb", nil, "a-release-whose-name-is-as-long-as-helm-allows-webhook"},
		"that of config elsewhere": {"exoscale-nlb-operator-system", "exoscale-nlb-operator-webhook", nil, "exoscale-nlb-operator-system-webhook"},
		"in kube-system":           {"edge", metav1.NamespaceSystem, nil, "edge-exoscale-nlb-operator-webhook"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := NewWithT(t)
			v := tc.values.complete()
			v["udpSidecar"] = sidecars()
			said, err := helm(t, v, "template", tc.release, chart, "--namespace", tc.namespace, "--kube-version", kubernetes, "--values", "-")
			g.Expect(err).NotTo(HaveOccurred())
			all := parsed(t, said)
			g.Expect(all.names("Secret")).To(ConsistOf(tc.namespace + "/" + tc.want))
			g.Expect(all.names("Service")).To(ContainElement(tc.namespace + "/" + tc.want))
			g.Expect(all.names("MutatingWebhookConfiguration")).To(ConsistOf(tc.want))
			var webhooks admissionregistrationv1.MutatingWebhookConfiguration
			all.get(t, "MutatingWebhookConfiguration", "", &webhooks)
			g.Expect(webhooks.Webhooks).To(HaveLen(2))
			for _, webhook := range webhooks.Webhooks {
				g.Expect(*webhook.ClientConfig.Service).To(And(HaveField("Name", tc.want), HaveField("Namespace", tc.namespace)))
				spared := webhook.NamespaceSelector.MatchExpressions[0]
				g.Expect(spared).To(HaveField("Operator", metav1.LabelSelectorOpNotIn))
				g.Expect(spared.Values).To(And(ContainElement(metav1.NamespaceSystem), ContainElement(tc.namespace)))
			}
			var deployment appsv1.Deployment
			all.get(t, "Deployment", "", &deployment)
			g.Expect(deployment.Spec.Template.Spec.Containers[0].Args).To(ContainElements("--webhook-name="+tc.want, "--webhook-namespace="+tc.namespace))
			g.Expect(all.names("ValidatingAdmissionPolicy")).To(ConsistOf(tc.want))
			var binding admissionregistrationv1.ValidatingAdmissionPolicyBinding
			all.get(t, "ValidatingAdmissionPolicyBinding", "", &binding)
			g.Expect(binding.Name).To(Equal(tc.want))
			g.Expect(binding.Spec.PolicyName).To(Equal(tc.want))
			var policy admissionregistrationv1.ValidatingAdmissionPolicy
			all.get(t, "ValidatingAdmissionPolicy", "", &policy)
			account := deployment.Spec.Template.Spec.ServiceAccountName
			g.Expect(policy.Spec.MatchConditions).To(ConsistOf(HaveField("Expression", fmt.Sprintf("request.userInfo.username == 'system:serviceaccount:%s:%s'", tc.namespace, account))))
			g.Expect(policy.Spec.Validations[0].Expression).To(HaveSuffix("request.name == '" + tc.want + "'"))
			for _, kind := range []string{"Role", "ClusterRole"} {
				var role struct {
					metav1.TypeMeta   `json:",inline"`
					metav1.ObjectMeta `json:"metadata"`
					Rules             []struct{ APIGroups, Resources, ResourceNames, Verbs []string }
				}
				all.get(t, kind, "-webhook-certificate", &role)
				g.Expect(role.Rules).To(ConsistOf(HaveField("ResourceNames", []string{tc.want})))
			}
		})
	}
}

// composed are the objects of config/default with components.
func composed(t *testing.T, components ...string) objects {
	t.Helper()
	folder, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	config, err := filepath.Abs("../../../config")
	if err != nil {
		t.Fatal(err)
	}
	if config, err = filepath.Rel(folder, config); err != nil {
		t.Fatal(err)
	}
	var added []string
	for _, component := range components {
		added = append(added, config+"/components/"+component)
	}
	content, err := yaml.Marshal(values{"resources": []string{config + "/default"}, "components": added})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "kustomization.yaml"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	return kustomized(t, folder)
}
