package argocd

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// What Argo CD marks the objects of an application with.
const (
	trackingLabel      = "app.kubernetes.io/instance"
	trackingAnnotation = "argocd.argoproj.io/tracking-id"
)

func TestWhatWasSyncedShowsNoDrift(t *testing.T) {
	samples, example := root+"/config/samples/*.yaml", root+"/docs/examples/argocd/web/*.yaml"
	serverSide := []string{"--server-side", "--field-manager=argocd-controller"}
	for name, tc := range map[string]struct {
		files string
		how   []string
	}{
		"client-side":          {files: samples},
		"server-side":          {files: samples, how: serverSide},
		"the-example":          {files: example},
		"the-example-by-field": {files: example, how: serverSide},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, name)
			s.cloud.PutLoadBalancer("", exosim.LoadBalancer{Name: "shared-ingress"})
			s.operate()
			manifests, objects := s.manifests(tc.files)
			s.kubectl(append([]string{"apply", "--filename", manifests}, tc.how...)...)
			s.settled(objects)
			before := s.versions(objects)

			said := s.kubectl(append([]string{"apply", "--filename", manifests}, tc.how...)...)
			if tc.how == nil {
				for line := range strings.Lines(said) {
					s.Expect(line).To(HaveSuffix(" unchanged\n"))
				}
			}
			s.Expect(s.versions(objects)).To(Equal(before), "a second sync changes something")
			s.kubectl(append([]string{"diff", "--filename", manifests}, tc.how...)...) // fails on a difference
			s.nothingOfOthersIsMarked(objects)
		})
	}
}

// manifests are those of files as Argo CD would sync them into the namespace of
// the scene: with its marks, which a Service must not hand on.
func (s *scene) manifests(files string) (path string, objects []*unstructured.Unstructured) {
	s.t.Helper()
	paths, err := filepath.Glob(files)
	s.Expect(err).NotTo(HaveOccurred())
	var all bytes.Buffer
	for _, path := range paths {
		content, err := os.ReadFile(path)
		s.Expect(err).NotTo(HaveOccurred())
		for document := range strings.SplitSeq(string(content), "\n---\n") {
			object := &unstructured.Unstructured{}
			s.Expect(yaml.Unmarshal([]byte(document), &object.Object)).To(Succeed(), path)
			object.SetNamespace(s.namespace)
			object.SetLabels(with(object.GetLabels(), trackingLabel, "shop"))
			object.SetAnnotations(with(object.GetAnnotations(), trackingAnnotation, "shop:/"+object.GetKind()+":"+object.GetName()))
			marked, err := yaml.Marshal(object.Object)
			s.Expect(err).NotTo(HaveOccurred())
			all.WriteString("---\n" + string(marked))
			objects = append(objects, object)
		}
	}
	s.Expect(objects).NotTo(BeEmpty())
	path = filepath.Join(s.t.TempDir(), "manifests.yaml")
	s.Expect(os.WriteFile(path, all.Bytes(), 0o600)).To(Succeed())
	return path, objects
}

func with(values map[string]string, key, value string) map[string]string {
	if values == nil {
		values = map[string]string{}
	}
	values[key] = value
	return values
}

func (s *scene) kubectl(args ...string) string {
	s.t.Helper()
	kubeconfig := filepath.Join(s.t.TempDir(), "kubeconfig")
	s.Expect(plane.WriteKubeconfig(kubeconfig)).To(Succeed())
	command := exec.CommandContext(s.t.Context(), plane.Kubectl(), args...)
	command.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
	output, err := command.CombinedOutput()
	s.Expect(err).NotTo(HaveOccurred(), "kubectl %s:\n%s", strings.Join(args, " "), output)
	return string(output)
}

// settled waits until the operator has written all that it writes: it holds the
// objects, they are healthy, and a Service has its address and the id of its NLB.
func (s *scene) settled(objects []*unstructured.Unstructured) {
	s.t.Helper()
	s.Eventually(func(g Gomega) {
		for _, object := range objects {
			live := object.DeepCopy()
			g.Expect(s.Get(s.t.Context(), client.ObjectKeyFromObject(live), live)).To(Succeed())
			g.Expect(live.GetFinalizers()).NotTo(BeEmpty(), live.GetName())
			script := healthScript
			if live.GetKind() == "Service" {
				script = serviceScript
				if live.GetAnnotations()[v1alpha1.AnnotationLoadBalancer] == "" {
					g.Expect(live.GetAnnotations()).To(HaveKey(v1alpha1.AnnotationID))
				}
			}
			got := judge(s.t, script, live.Object)
			g.Expect(got.Status).To(Equal(healthy), "%s %s: %s", live.GetKind(), live.GetName(), got.Message)
		}
	}).Should(Succeed())
}

func (s *scene) versions(objects []*unstructured.Unstructured) map[string]int64 {
	s.t.Helper()
	versions := map[string]int64{}
	for _, object := range objects {
		live := object.DeepCopy()
		s.Expect(s.Get(s.t.Context(), client.ObjectKeyFromObject(live), live)).To(Succeed())
		versions[live.GetKind()+" "+live.GetName()] = live.GetGeneration()
	}
	return versions
}

// nothingOfOthersIsMarked: what the operator makes for a Service isn't the
// application's, so that it is neither pruned nor compared with git.
func (s *scene) nothingOfOthersIsMarked(synced []*unstructured.Unstructured) {
	s.t.Helper()
	ours := map[string]bool{}
	for _, object := range synced {
		ours[object.GetKind()+" "+object.GetName()] = true
	}
	var loadBalancers v1alpha1.NetworkLoadBalancerList
	var nlbServices v1alpha1.NLBServiceList
	s.Expect(s.List(s.t.Context(), &loadBalancers, client.InNamespace(s.namespace))).To(Succeed())
	s.Expect(s.List(s.t.Context(), &nlbServices, client.InNamespace(s.namespace))).To(Succeed())
	made := 0
	check := func(kind string, object metav1.Object) {
		if ours[kind+" "+object.GetName()] {
			return
		}
		made++
		s.Expect(object.GetLabels()).NotTo(HaveKey(trackingLabel), "%s %s", kind, object.GetName())
		s.Expect(object.GetAnnotations()).NotTo(HaveKey(trackingAnnotation), "%s %s", kind, object.GetName())
		owner := metav1.GetControllerOf(object)
		s.Expect(owner).NotTo(BeNil())
		s.Expect(owner.Kind).To(Equal("Service"), "so that it is in the tree below it")
	}
	for i := range loadBalancers.Items {
		check("NetworkLoadBalancer", &loadBalancers.Items[i])
	}
	for i := range nlbServices.Items {
		check("NLBService", &nlbServices.Items[i])
	}
	var services corev1.ServiceList
	s.Expect(s.List(s.t.Context(), &services, client.InNamespace(s.namespace))).To(Succeed())
	s.Expect(made).To(BeNumerically(">=", len(services.Items)), "a port at least was projected of each Service")
}
