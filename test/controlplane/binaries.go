package controlplane

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// assetsVariable is envtest's own, so that whoever has its binaries already
// needs no second variable.
const assetsVariable = "KUBEBUILDER_ASSETS"

// binaries are the paths of the programs.
type binaries struct {
	etcd, apiServer, controllerManager, kubectl string
}

// findBinaries checks that every program needed is there, since envtest would
// only say that something didn't become healthy.
func findBinaries(o Options) (binaries, error) {
	dir, err := binariesDir(o.Binaries)
	if err != nil {
		return binaries{}, err
	}
	b := binaries{
		etcd:              filepath.Join(dir, "etcd"),
		apiServer:         filepath.Join(dir, "kube-apiserver"),
		controllerManager: filepath.Join(dir, "kube-controller-manager"),
		kubectl:           filepath.Join(dir, "kubectl"),
	}
	needed := []string{b.etcd, b.apiServer}
	if o.ControllerManager {
		needed = append(needed, b.controllerManager)
	}
	for _, path := range needed {
		if _, err := os.Stat(path); err != nil {
			return binaries{}, fmt.Errorf("%w (make tools builds it, or set %s to a folder that has it)", err, assetsVariable)
		}
	}
	return b, nil
}

func binariesDir(given string) (string, error) {
	if given != "" {
		return filepath.Abs(given)
	}
	if dir := os.Getenv(assetsVariable); dir != "" {
		return filepath.Abs(dir)
	}
	root, err := checkout()
	if err != nil {
		return "", fmt.Errorf("find the control plane's binaries: %w; set %s", err, assetsVariable)
	}
	return filepath.Join(root, ".cache", "bin"), nil
}

// crdPaths are the CRDs to install. Only the default ones may be missing.
func crdPaths(o Options) ([]string, error) {
	if o.WithoutCRDs {
		return nil, nil
	}
	for _, path := range o.CRDs {
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("find the CRDs: %w", err)
		}
	}
	if len(o.CRDs) > 0 {
		return o.CRDs, nil
	}
	root, err := checkout()
	if err != nil {
		return nil, fmt.Errorf("find config/crd/bases: %w; set Options.CRDs or WithoutCRDs", err)
	}
	return []string{filepath.Join(root, "config", "crd", "bases")}, nil
}

// checkout is the root of the checkout that the working directory is in. Tests
// run in their package's folder, programs wherever they are started.
func checkout() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		_, err := os.Stat(filepath.Join(dir, "go.mod"))
		if err == nil {
			return dir, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod in %s or above it", start)
		}
	}
}
