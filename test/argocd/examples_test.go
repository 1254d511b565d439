package argocd

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/exoscale-community/nlb-operator/test/docs/markdown"
)

// application is as much of Argo CD's kind as the examples use, by the schema of
// version 3. Its own types would bring all of Argo CD along.
type application struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Metadata   metav1.ObjectMeta `json:"metadata"`
	Spec       struct {
		Project string `json:"project"`
		Source  struct {
			RepoURL        string `json:"repoURL"`
			TargetRevision string `json:"targetRevision"`
			Path           string `json:"path"`
			Helm           *struct {
				ReleaseName  string         `json:"releaseName"`
				ValuesObject map[string]any `json:"valuesObject"`
			} `json:"helm"`
		} `json:"source"`
		Destination struct {
			Server    string `json:"server"`
			Namespace string `json:"namespace"`
		} `json:"destination"`
		SyncPolicy struct {
			Automated struct {
				Prune    bool `json:"prune"`
				SelfHeal bool `json:"selfHeal"`
			} `json:"automated"`
			SyncOptions []string `json:"syncOptions"`
			Retry       struct {
				Limit int64 `json:"limit"`
			} `json:"retry"`
		} `json:"syncPolicy"`
	} `json:"spec"`
}

func applications(t *testing.T) map[string]application {
	t.Helper()
	all := map[string]application{}
	for _, pattern := range []string{"/docs/examples/argocd/*.yaml", "/docs/examples/argocd/apps/*.yaml"} {
		paths, err := filepath.Glob(root + pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			var app application
			read(t, path, &app)
			all[app.Metadata.Name] = app
		}
	}
	return all
}

// read refuses fields that the type doesn't have.
func read(t *testing.T, path string, into any) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(content, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func TestTheApplicationsLeadWhereTheySay(t *testing.T) {
	all := applications(t)
	options := regexp.MustCompile(`^(CreateNamespace|ServerSideApply|SkipDryRunOnMissingResource)=true$`)
	for name, app := range all {
		if app.APIVersion != "argoproj.io/v1alpha1" || app.Kind != "Application" || app.Spec.Project == "" || app.Spec.Destination.Namespace == "" {
			t.Errorf("%s is incomplete: %+v", name, app)
		}
		if app.Spec.Source.RepoURL != "https://github.com/exoscale-community/nlb-operator.git" {
			t.Errorf("%s comes from %s", name, app.Spec.Source.RepoURL)
		}
		if _, err := os.Stat(filepath.Join(root, app.Spec.Source.Path)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !slices.Contains(app.Metadata.Finalizers, "resources-finalizer.argocd.argoproj.io") {
			t.Errorf("%s leaves all that it made behind when it is deleted", name)
		}
		for _, option := range app.Spec.SyncPolicy.SyncOptions {
			if !options.MatchString(option) {
				t.Errorf("%s: Argo CD has no option %s", name, option)
			}
		}
	}
	operator, web := all["exoscale-nlb-operator"], all["web"]
	if before, after := operator.Metadata.Annotations[wave], web.Metadata.Annotations[wave]; before != "0" || after != "1" {
		t.Errorf("the operator is in wave %q, what it serves in %q", before, after)
	}
	var values map[string]any
	read(t, root+"/charts/exoscale-nlb-operator/values.yaml", &values)
	missing(t, operator.Spec.Source.Helm.ValuesObject, values, "")
}

const (
	wave        = "argocd.argoproj.io/sync-wave"
	syncOptions = "argocd.argoproj.io/sync-options"
)

// missing tells what is set that the chart's values don't have.
func missing(t *testing.T, set, known map[string]any, at string) {
	t.Helper()
	for key, value := range set {
		there, is := known[key]
		if !is {
			t.Errorf("the chart has no value %s%s", at, key)
		}
		if inner, nested := value.(map[string]any); nested {
			below, _ := there.(map[string]any)
			missing(t, inner, below, at+key+".")
		}
	}
}

// The settings of Argo CD that are there already stay, and get the scripts.
func TestTheSettingsAreAppliedAsThePageSays(t *testing.T) {
	s := &scene{Gomega: NewWithT(t), t: t, namespace: "argocd"}
	c, err := client.New(plane.Config(), client.Options{})
	s.Expect(err).NotTo(HaveOccurred())
	s.Client = c
	settings := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "argocd", Name: "argocd-cm"}, Data: map[string]string{"url": "https://argocd.example.com"}}
	s.make(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "argocd"}}, settings)
	page, err := markdown.Read(root + "/docs/argocd.md")
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(page.Blocks).To(HaveLen(1))
	command, is := strings.CutPrefix(strings.TrimSpace(page.In("sh")[0]), "kubectl ")
	s.Expect(is).To(BeTrue())
	s.kubectl(strings.Fields(strings.ReplaceAll(command, "config/", root+"/config/"))...)

	s.Expect(s.Get(t.Context(), client.ObjectKeyFromObject(settings), settings)).To(Succeed())
	want := map[string]string{"url": "https://argocd.example.com"}
	for kind, script := range map[string]string{
		"nlb.exoscale.com_NetworkLoadBalancer": healthScript, "nlb.exoscale.com_NLBService": healthScript,
		"nlb.exoscale.com_NodeIdentity": healthScript, "Service": serviceScript,
	} {
		source, err := os.ReadFile(script)
		s.Expect(err).NotTo(HaveOccurred())
		want["resource.customizations.health."+kind] = string(source)
	}
	s.Expect(settings.Data).To(Equal(want))
}

func TestTheKindsComeFirstAndStay(t *testing.T) {
	g := NewWithT(t)
	overlay, err := filepath.EvalSymlinks(t.TempDir())
	g.Expect(err).NotTo(HaveOccurred())
	config, err := filepath.Abs(root + "/config")
	g.Expect(err).NotTo(HaveOccurred())
	config, err = filepath.Rel(overlay, config)
	g.Expect(err).NotTo(HaveOccurred())
	kustomization := "resources: [" + config + "/default]\ncomponents: [" + config + "/components/argocd]\n"
	g.Expect(os.WriteFile(filepath.Join(overlay, "kustomization.yaml"), []byte(kustomization), 0o600)).To(Succeed())
	built, err := exec.CommandContext(t.Context(), plane.Kubectl(), "kustomize", overlay).Output()
	g.Expect(err).NotTo(HaveOccurred())
	kinds := 0
	for document := range strings.SplitSeq(string(built), "\n---\n") {
		var crd apiextensionsv1.CustomResourceDefinition
		g.Expect(yaml.Unmarshal([]byte(document), &crd)).To(Succeed())
		if crd.Kind != "CustomResourceDefinition" {
			continue
		}
		kinds++
		g.Expect(crd.Annotations).To(And(HaveKeyWithValue(wave, "-1"), HaveKeyWithValue(syncOptions, "Prune=false,Delete=false")), crd.Name)
	}
	g.Expect(kinds).To(Equal(3))
}
