package helm

import (
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestWhatComesOfValues(t *testing.T) {
	for name, tc := range map[string]struct {
		values values
		want   func(Gomega, given)
	}{
		"credentials and zone are enough": {nil, func(g Gomega, is given) {
			g.Expect(*is.deployment.Spec.Replicas).To(BeEquivalentTo(2))
			g.Expect(is.container.Args).To(ContainElements("--zone=ch-gva-2", "--leader-elect", "--leader-election-namespace="+namespace))
			g.Expect(is.container.Image).To(HavePrefix("exoscale-nlb-operator:"))
			g.Expect(is.objects.names("PodDisruptionBudget")).To(HaveLen(1))
			g.Expect(is.objects.names("CustomResourceDefinition")).To(HaveLen(3))
			g.Expect(is.objects.names("Secret")).To(BeEmpty())
			for _, kind := range []string{"NetworkPolicy", "ServiceMonitor", "PrometheusRule"} {
				g.Expect(is.objects.names(kind)).To(BeEmpty())
			}
			g.Expect(is.objects.names("ConfigMap")).To(ConsistOf(namespace + "/" + guard))
		}},
		"somebody's Secret is mounted, and missed in peace": {nil, func(g Gomega, is given) {
			secret := is.pod.Volumes[0].Secret
			g.Expect(secret.SecretName).To(Equal("exoscale-credentials"))
			g.Expect(*secret.Optional).To(BeTrue())
			g.Expect(is.container.Args).To(ContainElement("--exoscale-credentials-file=" + is.container.VolumeMounts[0].MountPath))
		}},
		"a Secret is made of values": {values{"credentials": values{"apiKey": "EXO1", "apiSecret": "s3cret"}}, func(g Gomega, is given) {
			var secret corev1.Secret
			is.objects.get(is.t, "Secret", "-credentials", &secret)
			g.Expect(secret.Data).To(Equal(map[string][]byte{"EXOSCALE_API_KEY": []byte("EXO1"), "EXOSCALE_API_SECRET": []byte("s3cret")}))
			g.Expect(is.pod.Volumes[0].Secret.SecretName).To(Equal(secret.Name))
		}},
		"a digest goes before the tag": {values{"image": values{"repository": "r.example.com/nlb", "tag": "v1", "digest": "sha256:" + strings.Repeat("0", 64)}}, func(g Gomega, is given) {
			g.Expect(is.container.Image).To(Equal("r.example.com/nlb@sha256:" + strings.Repeat("0", 64)))
		}},
		"who initialises Nodes runs on those that aren't": {values{"nodes": values{"initialization": true}}, func(g Gomega, is given) {
			g.Expect(is.pod.Tolerations).To(ConsistOf(HaveField("Key", "node.cloudprovider.kubernetes.io/uninitialized")))
		}},
		"the replicas are spread": {nil, func(g Gomega, is given) {
			g.Expect(is.pod.TopologySpreadConstraints).To(HaveLen(2))
			for _, constraint := range is.pod.TopologySpreadConstraints {
				g.Expect(constraint.LabelSelector).To(Equal(is.deployment.Spec.Selector))
			}
		}},
		"a spread with a selector of its own keeps it": {
			values{"topologySpreadConstraints": []values{{"maxSkew": 1, "topologyKey": "rack", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": values{"matchLabels": values{"tier": "edge"}}}}},
			func(g Gomega, is given) {
				g.Expect(is.pod.TopologySpreadConstraints).To(ConsistOf(HaveField("LabelSelector.MatchLabels", map[string]string{"tier": "edge"})))
			},
		},
		"no external NLBs for anybody": {values{"externalNLBNamespaces": []string{}}, func(g Gomega, is given) {
			g.Expect(is.container.Args).To(ContainElement("--external-nlb-namespaces="))
		}},
		"pools with spaces in their names": {values{"allowedPools": []string{"blue pool", "green"}}, func(g Gomega, is given) {
			g.Expect(is.container.Args).To(ContainElement("--allowed-pools=blue pool,green"))
		}},
		"ports of a control plane, and a range": {values{"allowedTargetPorts": []string{"6443", "30000-32767"}}, func(g Gomega, is given) {
			g.Expect(is.container.Args).To(ContainElement("--allowed-target-ports=6443,30000-32767"))
		}},
		"no port but those of Services": {values{"allowedTargetPorts": []string{}}, func(g Gomega, is given) {
			g.Expect(is.container.Args).To(ContainElement("--allowed-target-ports="))
		}},
		"further arguments and environment": {values{"extraArgs": []string{"--log-level=debug"}, "extraEnv": []values{{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}}}, func(g Gomega, is given) {
			g.Expect(is.container.Args[len(is.container.Args)-1]).To(Equal("--log-level=debug"))
			g.Expect(is.container.Env).To(ConsistOf(HaveField("Name", "GOMEMLIMIT"), Equal(corev1.EnvVar{Name: "HTTPS_PROXY", Value: "http://proxy:3128"})))
		}},
		"who makes the roles also makes those of the uninstallation": {
			values{"rbac": values{"create": false}, "uninstall": values{"policy": "delete"}},
			func(g Gomega, is given) {
				var job batchv1.Job
				is.objects.get(is.t, "Job", "-release", &job)
				g.Expect(job.Spec.Template.Spec.ServiceAccountName).To(Equal(is.pod.ServiceAccountName))
				for _, kind := range []string{"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"} {
					g.Expect(is.objects.names(kind)).To(BeEmpty())
				}
			},
		},
		"nobody looks, if what is held is ignored": {values{"uninstall": values{"policy": "ignore"}}, func(g Gomega, is given) {
			g.Expect(is.objects.names("Job")).To(BeEmpty())
		}},
		"no sidecars, unless asked for": {nil, func(g Gomega, is given) {
			g.Expect(is.objects.names("MutatingWebhookConfiguration")).To(BeEmpty())
			g.Expect(is.container.Args).NotTo(ContainElement(Or(ContainSubstring("webhook"), ContainSubstring("sidecar"))))
			g.Expect(is.container.Ports).NotTo(ContainElement(HaveField("Name", "webhook")))
		}},
		"the sidecar is of the operator's image": {values{"udpSidecar": sidecars(), "image": values{"repository": "r.example.com/nlb", "tag": "v1"}}, func(g Gomega, is given) {
			g.Expect(is.container.Args).To(ContainElement("--udp-sidecar-image=r.example.com/nlb:v1"))
		}},
		"the sidecar is of an image of its own": {values{"udpSidecar": values{"enabled": true, "image": "r.example.com/udp:v2"}}, func(g Gomega, is given) {
			g.Expect(is.container.Args).To(ContainElement("--udp-sidecar-image=r.example.com/udp:v2"))
		}},
		"another port of the webhook": {
			values{"udpSidecar": values{"enabled": true, "webhookPort": 10250}, "networkPolicy": values{"enabled": true}},
			func(g Gomega, is given) {
				g.Expect(is.container.Args).To(ContainElement("--webhook-bind-address=:10250"))
				g.Expect(is.container.Ports).To(ContainElement(And(HaveField("Name", "webhook"), HaveField("ContainerPort", BeEquivalentTo(10250)))))
				var policy networkingv1.NetworkPolicy
				is.objects.get(is.t, "NetworkPolicy", "", &policy)
				g.Expect(policy.Spec.Ingress).To(HaveLen(3))
				g.Expect(ports(policy.Spec.Ingress[2].Ports)).To(Equal("10250/TCP"))
			},
		},
		"callers that show a certificate of some names": {
			values{"udpSidecar": values{"enabled": true, "clientCA": values{"configMap": "callers", "names": []string{"kube-apiserver", "api 2"}}}},
			func(g Gomega, is given) {
				g.Expect(is.container.Args).To(ContainElements("--webhook-client-ca-file=/etc/webhook-clients/ca.crt", "--webhook-client-names=kube-apiserver,api 2"))
				g.Expect(is.pod.Volumes).To(ContainElement(HaveField("ConfigMap.Name", "callers")))
			},
		},
		"somebody's issuer": {
			values{"udpSidecar": values{"enabled": true, "certManager": values{"enabled": true, "issuerRef": values{"kind": "ClusterIssuer", "name": "internal"}}}},
			func(g Gomega, is given) {
				g.Expect(is.objects.names("Issuer")).To(BeEmpty())
				issuer := field(is.t, is.objects, "Certificate", []string{"spec", "issuerRef"})
				g.Expect(issuer).To(Equal(map[string]any{"kind": "ClusterIssuer", "name": "internal"}))
				g.Expect(is.objects.names("Secret")).To(BeEmpty(), "cert-manager makes it")
			},
		},
		"who is watched alone is asked about alone": {values{"udpSidecar": sidecars(), "watchNamespaces": []string{"shop"}}, func(g Gomega, is given) {
			var webhooks admissionregistrationv1.MutatingWebhookConfiguration
			is.objects.get(is.t, "MutatingWebhookConfiguration", "", &webhooks)
			for _, webhook := range webhooks.Webhooks {
				g.Expect(webhook.NamespaceSelector.MatchExpressions).To(ContainElement(metav1.LabelSelectorRequirement{
					Key: corev1.LabelMetadataName, Operator: metav1.LabelSelectorOpIn, Values: []string{"shop"},
				}))
			}
		}},
		"no metrics": {values{"metrics": values{"enabled": false}}, func(g Gomega, is given) {
			g.Expect(is.container.Args).To(ContainElement("--metrics-bind-address=0"))
			g.Expect(is.objects.names("Service")).NotTo(ContainElement(ContainSubstring("metrics")))
		}},
		"CRDs by other hands": {values{"crds": values{"install": false}}, func(g Gomega, is given) {
			g.Expect(is.objects.names("CustomResourceDefinition")).To(BeEmpty())
		}},
		"a name of one's own": {values{"fullnameOverride": "nlb", "commonLabels": values{"team": "network"}}, func(g Gomega, is given) {
			g.Expect(is.deployment.Name).To(Equal("nlb"))
			for _, object := range is.objects {
				g.Expect(object.GetLabels()).To(HaveKeyWithValue("team", "network"), "%s %s", object.GetKind(), object.GetName())
			}
		}},
		"a network policy for DNS, the two APIs and who asks": {
			values{"networkPolicy": values{"enabled": true}, "apiEndpoint": "http://exosim.test:8090/v2", "apiInsecure": true},
			func(g Gomega, is given) {
				var policy networkingv1.NetworkPolicy
				is.objects.get(is.t, "NetworkPolicy", "", &policy)
				g.Expect(ports(policy.Spec.Egress[0].Ports)).To(Equal("53/UDP 53/TCP"))
				g.Expect(ports(policy.Spec.Egress[1].Ports)).To(Equal("8081/TCP"))
				g.Expect(ports(policy.Spec.Egress[2].Ports)).To(Equal("443/TCP 6443/TCP 8090/TCP"))
				g.Expect(policy.Spec.Ingress).To(HaveLen(2))
				g.Expect(policy.Spec.PodSelector.MatchLabels).NotTo(HaveKey("app.kubernetes.io/component"))
			},
		},
		"who may scrape": {
			values{"metrics": values{"readers": []values{{"kind": "ServiceAccount", "name": "prometheus", "namespace": "monitoring"}}}},
			func(g Gomega, is given) {
				g.Expect(is.objects.names("ClusterRoleBinding")).To(ContainElement("exoscale-nlb-operator-metrics-reader"))
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			is := given{t: t, objects: rendered(t, tc.values)}
			is.objects.get(t, "Deployment", "", &is.deployment)
			is.pod = is.deployment.Spec.Template.Spec
			is.container = is.pod.Containers[0]
			tc.want(NewWithT(t), is)
		})
	}
}

// given is what was rendered, and the parts of it that most tests look at.
type given struct {
	t          *testing.T
	objects    objects
	deployment appsv1.Deployment
	pod        corev1.PodSpec
	container  corev1.Container
}

func ports(all []networkingv1.NetworkPolicyPort) string {
	var told []string
	for _, port := range all {
		told = append(told, port.Port.String()+"/"+string(*port.Protocol))
	}
	return strings.Join(told, " ")
}

// With everything on, every object has its labels and is where the release is.
func TestEveryObjectIsTheReleases(t *testing.T) {
	elsewhere := []string{"Role", "RoleBinding"} // in kube-system, to see a CCM at work
	for _, object := range rendered(t, withEverything()) {
		name := object.GetKind() + " " + object.GetName()
		if object.GetLabels()["app.kubernetes.io/instance"] != release || object.GetLabels()["helm.sh/chart"] == "" {
			t.Errorf("%s has the labels %v", name, object.GetLabels())
		}
		if at := object.GetNamespace(); at != "" && at != namespace && !slices.Contains(elsewhere, object.GetKind()) {
			t.Errorf("%s is in %s", name, at)
		}
	}
}

// Kept, and kept by Argo CD, too: with a kind go all its objects.
func TestTheKindsStayWhenTheChartGoes(t *testing.T) {
	for _, object := range rendered(t, nil) {
		if object.GetKind() != "CustomResourceDefinition" {
			continue
		}
		g := NewWithT(t)
		g.Expect(object.GetAnnotations()).To(HaveKeyWithValue("helm.sh/resource-policy", "keep"))
		g.Expect(object.GetAnnotations()).To(HaveKeyWithValue("argocd.argoproj.io/sync-options", "Prune=false,Delete=false"))
		g.Expect(object.GetAnnotations()).To(HaveKey("controller-gen.kubebuilder.io/version"))
	}
}

func TestLint(t *testing.T) {
	for name, arguments := range map[string][]string{
		"as it stands":  nil,
		"as it is used": {"--strict", "--values", "-"},
	} {
		t.Run(name, func(t *testing.T) {
			said, err := helm(t, values{}.complete(), append([]string{"lint", chart, "--kube-version", kubernetes}, arguments...)...)
			if err != nil {
				t.Errorf("%v\n%s", err, said)
			}
		})
	}
}
