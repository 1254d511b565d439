//go:build linux

package node

import (
	"context"
	"fmt"
	"path/filepath"
)

// What isn't the default is so since the node is for an hour and alone: it serves
// nobody (logs are read as files), and a full disk or swap of the machine are none
// of its business. Cgroups of version 1 are all that some machines have.
const kubeletConfig = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
containerRuntimeEndpoint: unix://` + containerdSocket + `
providerID: %s
cgroupDriver: cgroupfs
cgroupRoot: %s
failCgroupV1: false
failSwapOn: false
oomScoreAdj: 0
enableServer: false
healthzBindAddress: ` + Address + `
resolvConf: ""
makeIPTablesUtilChains: false
volumePluginDir: /var/lib/kubelet/volume-plugins
imageGCHighThresholdPercent: 100
evictionHard:
  memory.available: 0%%
  nodefs.available: 0%%
  nodefs.inodesFree: 0%%
  imagefs.available: 0%%
  imagefs.inodesFree: 0%%
`

func (n *Node) startKubelet(ctx context.Context, o Options) error {
	settings, kubeconfig := filepath.Join(dir, "kubelet.yaml"), filepath.Join(dir, "kubelet.kubeconfig")
	if err := write(settings, fmt.Sprintf(kubeletConfig, o.ProviderID, o.CgroupRoot)); err != nil {
		return err
	}
	if err := writeKubeconfig(kubeconfig, o.Cluster, "system:node:"+o.Name, "system:nodes"); err != nil {
		return err
	}
	kubelet, err := n.launch(filepath.Join(o.Binaries, "kubelet"),
		"--config="+settings, "--kubeconfig="+kubeconfig, "--hostname-override="+o.Name, "--node-ip="+Address)
	if err != nil {
		return err
	}
	return kubelet.awaits(ctx, serves("http://"+Address+":10248/healthz"))
}
