//go:build linux

package node

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"github.com/exoscale-community/nlb-operator/test/controlplane"
)

// Options of a Node; all are needed.
type Options struct {
	// Name of the Node and of the instance that it is; ProviderID is
	// exoscale://INSTANCE.
	Name, ProviderID string
	// Binaries is the folder with kubelet and kube-proxy.
	Binaries string
	// Images are the files of all images that Pods may use, and PauseImage is the
	// reference of the one that holds a Pod's network.
	Images     []string
	PauseImage string
	// CgroupRoot is an existing cgroup, as a path below the root of each hierarchy.
	CgroupRoot string
	// Cluster is whose node it is; its API server listens at Outside, and lets
	// the authoriser Node decide about kubelets.
	Cluster *controlplane.ControlPlane
	// LogDir gets what each program says.
	LogDir string
}

// Node is a running one.
type Node struct {
	logDir   string
	programs []*program
}

// Start returns when all programs of the node are well; it may not be Ready yet.
// A failed Start leaves none running.
func Start(ctx context.Context, o Options) (_ *Node, err error) {
	if err := os.MkdirAll(o.LogDir, 0o755); err != nil {
		return nil, err
	}
	n := &Node{logDir: o.LogDir}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Stop())
		}
	}()
	for _, start := range []func(context.Context, Options) error{n.startContainerd, n.startKubelet, n.startProxy} {
		if err := start(ctx, o); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// Stop ends the programs, the last first, and adds what is left of the Pods' logs
// to LogDir. Containers stay: they end with the sandbox.
func (n *Node) Stop() error {
	kept := filepath.Join(n.logDir, "pods")
	errs := []error{os.RemoveAll(kept), keepLogs(kept)}
	for _, p := range slices.Backward(n.programs) {
		errs = append(errs, p.stop())
	}
	return errors.Join(errs...)
}

func (n *Node) launch(path string, args ...string) (*program, error) {
	p, err := launch(n.logDir, path, args...)
	if err == nil {
		n.programs = append(n.programs, p)
	}
	return p, err
}
