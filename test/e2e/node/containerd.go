//go:build linux

package node

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// dir holds the settings of all programs; /run is the sandbox's own.
const dir = "/run/exoscale-nlb-node"

const (
	containerdSocket = "/run/containerd/containerd.sock"
	cniConfigDir     = dir + "/cni"
)

// cniPluginDirs are where Debian and where the plugins' own releases put them.
var cniPluginDirs = []string{"/usr/lib/cni", "/opt/cni/bin"}

// cniPlugins are those that a Pod's network takes.
var cniPlugins = []string{"bridge", "host-local", "loopback"}

// cniPluginDir is the folder that has them all; empty if there is none.
func cniPluginDir() string {
	for _, folder := range cniPluginDirs {
		if hasAll(folder, cniPlugins) {
			return folder
		}
	}
	return ""
}

func hasAll(folder string, names []string) bool {
	for _, name := range names {
		if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
			return false
		}
	}
	return true
}

// A score below the caller's own takes a right that root in a container lacks.
const containerdConfig = `version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
  address = %q
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = %q
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = %q
    conf_dir = %q
`

const cniConfig = `{
  "cniVersion": "0.4.0",
  "name": "pods",
  "plugins": [{
    "type": "bridge",
    "bridge": "pods0",
    "isGateway": true,
    "hairpinMode": true,
    "ipam": {
      "type": "host-local",
      "dataDir": "/run/cni",
      "ranges": [[{"subnet": %q}]],
      "routes": [{"dst": "0.0.0.0/0"}]
    }
  }]
}
`

// startContainerd returns when it has all images.
func (n *Node) startContainerd(ctx context.Context, o Options) error {
	settings := filepath.Join(dir, "containerd.toml")
	if err := write(settings, fmt.Sprintf(containerdConfig, containerdSocket, o.PauseImage, cniPluginDir(), cniConfigDir)); err != nil {
		return err
	}
	if err := write(filepath.Join(cniConfigDir, "10-pods.conflist"), fmt.Sprintf(cniConfig, podRange)); err != nil {
		return err
	}
	containerd, err := n.launch("containerd", "--config", settings)
	if err != nil {
		return err
	}
	if err := containerd.awaits(ctx, func(ctx context.Context) error { return ctr(ctx, "version") }); err != nil {
		return err
	}
	for _, image := range o.Images {
		if err := ctr(ctx, "--namespace", "k8s.io", "images", "import", image); err != nil {
			return err
		}
	}
	return nil
}

// ctr is containerd's own client.
func ctr(ctx context.Context, args ...string) error {
	return do(ctx, append([]string{"ctr", "--address", containerdSocket}, args...)...)
}

func write(path, content string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(content), 0o600)
}
