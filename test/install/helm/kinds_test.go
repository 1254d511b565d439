package helm

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/exoscale-community/nlb-operator/test/controlplane"
)

// foreignKinds are the CustomResourceDefinitions of others that the chart makes
// objects of, by the module that has them.
var foreignKinds = map[string][]string{
	"github.com/prometheus-operator/prometheus-operator": {
		"example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
		"example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
	},
	"github.com/cert-manager/cert-manager": {
		"deploy/crds/cert-manager.io_certificates.yaml",
		"deploy/crds/cert-manager.io_issuers.yaml",
	},
}

// TestEveryObjectIsTaken has an API server look at all that the chart can make,
// with the kinds of others as they are: no field is unknown, no value refused.
func TestEveryObjectIsTaken(t *testing.T) {
	program(t)
	plane, err := controlplane.Start(t.Context(), controlplane.Options{CRDs: kindsOfOthers(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopped(t, plane.Stop) })
	c := &cluster{ControlPlane: plane, kubeconfig: filepath.Join(t.TempDir(), "kubeconfig")}
	if err := plane.WriteKubeconfig(c.kubeconfig); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{namespace, "shop"} {
		if said, err := c.kubectl(t, "", "create", "namespace", name); err != nil {
			t.Fatal(said)
		}
	}
	for name, v := range map[string]values{
		"the default": nil, "all at once": withEverything(), "in one namespace": {"watchNamespaces": []string{"shop"}, "udpSidecar": sidecars()},
		"letting go": {"uninstall": values{"policy": "delete"}}, "letting go in one namespace": {"watchNamespaces": []string{"shop"}, "uninstall": values{"policy": "retain"}},
	} {
		t.Run(name, func(t *testing.T) {
			manifests, err := template(t, v.complete())
			if err != nil {
				t.Fatal(err)
			}
			if said, err := c.kubectl(t, manifests, "create", "--dry-run=server", "--validate=strict", "--filename", "-"); err != nil || strings.Contains(said, "Warning") {
				t.Errorf("%v\n%s", err, said)
			}
		})
	}
}

// withEverything is a value for all that is off otherwise.
func withEverything() values {
	v := everything()
	for _, switched := range []string{"networkPolicy", "serviceMonitor", "prometheusRule", "dashboard", "argocdHealth"} {
		v[switched] = values{"enabled": true}
	}
	v["watchNamespaces"] = nil
	v["metrics"] = values{"readers": []values{{"kind": "ServiceAccount", "name": "prometheus", "namespace": "monitoring"}}}
	return v
}

func (c *cluster) kubectl(t *testing.T, stdin string, arguments ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), c.Kubectl(), append(arguments, "--kubeconfig", c.kubeconfig)...)
	cmd.Stdin = strings.NewReader(stdin)
	said, err := cmd.CombinedOutput()
	return string(said), err
}

// kindsOfOthers are their files, in the module cache.
func kindsOfOthers(t *testing.T) []string {
	t.Helper()
	arguments := []string{"mod", "download", "-json"}
	for module := range foreignKinds {
		arguments = append(arguments, module)
	}
	cmd := exec.CommandContext(t.Context(), "go", arguments...)
	cmd.Dir = "../../tools/kinds"
	var complained bytes.Buffer
	cmd.Stderr = &complained
	said, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s%s", err, said, &complained)
	}
	var files []string
	for modules := json.NewDecoder(bytes.NewReader(said)); modules.More(); {
		var module struct{ Path, Dir string }
		if err := modules.Decode(&module); err != nil {
			t.Fatal(err)
		}
		for _, file := range foreignKinds[module.Path] {
			files = append(files, filepath.Join(module.Dir, file))
		}
	}
	return files
}
