package monitoring

import (
	"os"
	"os/exec"
	"path/filepath"

	. "github.com/onsi/gomega"
)

// componentAddsAll builds an installation with the component, as a user's overlay
// does.
func (s *scene) componentAddsAll() {
	s.t.Helper()
	overlay, err := filepath.EvalSymlinks(s.t.TempDir())
	s.Expect(err).NotTo(HaveOccurred())
	config, err := filepath.Abs(root + "/config")
	s.Expect(err).NotTo(HaveOccurred())
	config, err = filepath.Rel(overlay, config)
	s.Expect(err).NotTo(HaveOccurred())
	kustomization := "resources: [" + config + "/default]\ncomponents: [" + config + "/components/monitoring]\n"
	s.Expect(os.WriteFile(filepath.Join(overlay, "kustomization.yaml"), []byte(kustomization), 0o600)).To(Succeed())
	built, err := exec.CommandContext(s.t.Context(), s.plane.Kubectl(), "kustomize", overlay).CombinedOutput()
	s.Expect(err).NotTo(HaveOccurred(), "%s", built)
	s.Expect(string(built)).To(And(
		ContainSubstring("kind: PrometheusRule\n"), ContainSubstring("kind: ServiceMonitor\n"),
		ContainSubstring("grafana_dashboard: \"1\"\n"), ContainSubstring("kind: Deployment\n")))
}
