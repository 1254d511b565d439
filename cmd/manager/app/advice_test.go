package app

import (
	"errors"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// The chart's advice is for Helm: nothing else has a release to roll back.
func TestTheAdviceFitsWhoUninstalls(t *testing.T) {
	const helm = "helm rollback nlb 1"
	namespace := namespace(t, "advice")
	for name, annotations := range map[string]map[string]string{"by-helm": {"meta.helm.sh/release-name": "nlb"}, "by-argocd": nil} {
		if err := kube(t).Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Annotations: annotations}}); err != nil {
			t.Fatal(err)
		}
	}
	nowhere := &rest.Config{Host: "http://127.0.0.1:1"}
	for name, c := range map[string]struct {
		guard   string
		cluster *rest.Config
		wants   []string
		without string
	}{
		"Helm":                                {"by-helm", cluster.Config(), []string{helm}, "Argo CD"},
		"Argo CD":                             {"by-argocd", cluster.Config(), []string{"Argo CD"}, "helm"},
		"an installation without a guard":     {"", cluster.Config(), []string{helm}, "Argo CD"},
		"an installation whose guard is gone": {"gone", cluster.Config(), []string{helm}, "Argo CD"},
		"a guard that can't be read":          {"by-helm", nowhere, nil, "helm"},
	} {
		for what, failure := range map[string]error{"it holds something": stillHeld(2), "anything else": errors.New("Exoscale refuses the key")} {
			t.Run(name+", "+what, func(t *testing.T) {
				g := NewWithT(t)
				s := newReleaseSettings()
				s.advice, s.UninstallGuard, s.LeaderElectionNamespace = helm, c.guard, namespace
				said := advised(failure, s.fittingAdvice(t.Context(), c.cluster)).Error()
				for _, want := range c.wants {
					g.Expect(said).To(ContainSubstring(want))
				}
				g.Expect(said).NotTo(ContainSubstring(c.without))
				if what != "anything else" {
					g.Expect(said).To(HavePrefix("the operator still holds 2 objects: "))
				} else {
					g.Expect(said).To(HavePrefix(failure.Error()))
				}
			})
		}
	}
	t.Run("nothing went wrong", func(t *testing.T) {
		if err := advised(nil, helm); err != nil {
			t.Error(err)
		}
	})
}
