package injection

import (
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

var injectionEnabled = map[string]string{v1alpha1.LabelUDPHealthCheckInjection: "enabled"}

func TestPodsGetTheSidecar(t *testing.T) {
	o := serving(t, nil)

	t.Run("one that asks, behind its own init containers", func(t *testing.T) {
		g := NewWithT(t)
		c := newUser(t)
		p := asking(namespace(t, "labelled", nil), "dns")
		p.Spec.InitContainers = []corev1.Container{{Name: "first", Image: "first"}}
		g.Expect(c.Create(t.Context(), p)).To(Succeed())
		g.Expect(p.Spec.InitContainers).To(HaveLen(2))
		added := p.Spec.InitContainers[1]
		g.Expect(added.Image).To(Equal(image))
		g.Expect(added.RestartPolicy).To(HaveValue(Equal(corev1.ContainerRestartPolicyAlways)))
		g.Expect(*c.warnings).To(BeEmpty())
	})
	t.Run("those of a Deployment, in a namespace that asks, as the Service says", func(t *testing.T) {
		g := NewWithT(t)
		c := newUser(t)
		ns := namespace(t, "whole", injectionEnabled)
		service(t, c, ns, "dns;query=example.com")
		known(t, pod(ns, "probe"), "--target=53/dns;query=example.com.")
		deployment(t, c, ns, nil)
		g.Eventually(func(g Gomega) {
			var pods corev1.PodList
			g.Expect(c.List(t.Context(), &pods, client.InNamespace(ns))).To(Succeed())
			g.Expect(pods.Items).To(HaveLen(2))
			for i := range pods.Items {
				g.Expect(sidecars(&pods.Items[i], nil)).To(Equal([]string{"--target=53/dns;query=example.com."}))
			}
		}, patience).Should(Succeed())
	})
	t.Run("once, if both ask, or it has it already", func(t *testing.T) {
		g := NewWithT(t)
		c := newUser(t)
		ns := namespace(t, "both", injectionEnabled)
		service(t, c, ns, "dns")
		known(t, asking(ns, "probe"), "--target=53/dns")
		p := asking(ns, "dns")
		g.Expect(sidecars(tried(t, c, p))).To(Equal([]string{"--target=53/dns"}))

		again := p.DeepCopy()
		again.ObjectMeta = asking(ns, "again").ObjectMeta
		g.Expect(c.Create(t.Context(), again)).To(Succeed())
		g.Expect(again.Spec.InitContainers).To(Equal(p.Spec.InitContainers))
	})
	t.Run("and none that says no", func(t *testing.T) {
		g := NewWithT(t)
		p := pod("whole", "no")
		p.Labels[v1alpha1.LabelUDPHealthCheck] = "false"
		g.Expect(sidecars(tried(t, newUser(t), p))).To(BeEmpty())
	})
	t.Run("in a dry run, as if it were made", func(t *testing.T) {
		g := NewWithT(t)
		c := newUser(t)
		p := asking("labelled", "dry")
		g.Expect(sidecars(tried(t, c, p))).To(Equal([]string{"--target=53/socket"}))
		g.Expect(c.Get(t.Context(), client.ObjectKeyFromObject(p), p)).To(MatchError(ContainSubstring("not found")))
	})
	t.Run("on the node's network, if it asks twice", func(t *testing.T) {
		g := NewWithT(t)
		p := asking("labelled", "host")
		p.Spec.HostNetwork = true
		p.Annotations[v1alpha1.AnnotationUDPHealthCheckHostNetwork] = "true"
		g.Expect(sidecars(tried(t, newUser(t), p))).To(HaveLen(1))
	})
	t.Run("with the rights that were installed", func(t *testing.T) {
		g := NewWithT(t)
		g.Expect(o.log.String()).NotTo(ContainSubstring("forbidden"))
	})
}

// Where the namespace demands something of every container, the Pod is created.
func TestTheSidecarRefusesNoPod(t *testing.T) {
	serving(t, nil)
	list := func(cpu, memory string) corev1.ResourceList {
		return corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory)}
	}
	for name, tc := range map[string]struct {
		labels map[string]string
		object func(namespace string) client.Object
		want   corev1.PodQOSClass
		edit   func(*corev1.Pod)
	}{
		"restricted": {labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}, want: corev1.PodQOSBurstable},
		"least": {object: func(namespace string) client.Object {
			return &corev1.LimitRange{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "least"}, Spec: corev1.LimitRangeSpec{
				Limits: []corev1.LimitRangeItem{{Type: corev1.LimitTypeContainer, Min: list("50m", "64Mi"), Max: list("100m", "1Gi"), MaxLimitRequestRatio: list("1.5", "1")}},
			}}
		}, want: corev1.PodQOSBurstable},
		"quota": {object: func(namespace string) client.Object {
			hard := corev1.ResourceList{}
			for _, name := range []corev1.ResourceName{corev1.ResourceRequestsCPU, corev1.ResourceLimitsCPU, corev1.ResourceRequestsMemory, corev1.ResourceLimitsMemory} {
				hard[name] = resource.MustParse("10Gi")
			}
			return &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "quota"}, Spec: corev1.ResourceQuotaSpec{Hard: hard}}
		}, want: corev1.PodQOSGuaranteed},
		"whole-pod": {want: corev1.PodQOSGuaranteed, edit: func(p *corev1.Pod) {
			p.Spec.Containers[0].Resources = corev1.ResourceRequirements{}
			p.Spec.Resources = &corev1.ResourceRequirements{Requests: list("1", "1Gi"), Limits: list("1", "1Gi")}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			c := newUser(t)
			ns := namespace(t, name, tc.labels)
			if tc.object != nil {
				g.Expect(c.Create(t.Context(), tc.object(ns))).To(Succeed())
			}
			g.Eventually(func(g Gomega) {
				p := asking(ns, "dns")
				p.Spec = restricted(p.Spec)
				if tc.want == corev1.PodQOSGuaranteed {
					p.Spec.Containers[0].Resources = corev1.ResourceRequirements{Limits: list("50m", "64Mi")}
				} else if tc.object != nil {
					p.Spec.Containers[0].Resources = corev1.ResourceRequirements{Limits: list("60m", "64Mi"), Requests: list("50m", "64Mi")}
				}
				if tc.edit != nil {
					tc.edit(p)
				}
				g.Expect(sidecars(tried(t, c, p))).To(HaveLen(1))
				g.Expect(p.Status.QOSClass).To(Equal(tc.want))
			}, patience).Should(Succeed(), "the webhook knows of the namespace's limits in a moment")
			g.Expect(*c.warnings).To(BeEmpty())
		})
	}
}

// What can't be done is told, and the Pod is created as it is.
func TestNonsenseIsTold(t *testing.T) {
	serving(t, nil)
	ns := namespace(t, "nonsense", nil)
	for name, tc := range map[string]struct {
		edit func(*corev1.Pod)
		want string
	}{
		"an annotation that nobody can read": {func(p *corev1.Pod) { p.Annotations[v1alpha1.AnnotationUDPHealthCheckProbe] = "53/tcp" }, `"tcp" is no mode`},
		"a port that isn't there":            {func(p *corev1.Pod) { p.Annotations[v1alpha1.AnnotationUDPHealthCheckProbe] = "voice/dns" }, "names port voice"},
		"no port at all":                     {func(p *corev1.Pod) { p.Spec.Containers[0].Ports = nil }, "nothing tells which UDP port"},
		"the node's network":                 {func(p *corev1.Pod) { p.Spec.HostNetwork = true }, "node's network"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			c := newUser(t)
			p := asking(ns, "dns")
			tc.edit(p)
			g.Expect(sidecars(tried(t, c, p))).To(BeEmpty())
			g.Expect(*c.warnings).To(ConsistOf(And(HavePrefix("no UDP health-check sidecar: "), ContainSubstring(tc.want))))
		})
	}
}

func deployment(t *testing.T, c client.Client, namespace string, labels map[string]string) {
	t.Helper()
	template := pod(namespace, "dns")
	for key, value := range labels {
		template.Labels[key] = value
	}
	object := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "dns"},
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To[int32](2), Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "dns"}},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: template.Labels}, Spec: template.Spec},
		},
	}
	if err := c.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
}
