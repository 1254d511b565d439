//go:build linux

package node

import (
	"context"
	"fmt"
	"path/filepath"
)

// Limits of connection tracking are the whole machine's: they stay as they are.
const proxyConfig = `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clientConnection:
  kubeconfig: %s
hostnameOverride: %s
clusterCIDR: ` + podRange + `
conntrack:
  maxPerCore: 0
  min: 0
  tcpEstablishedTimeout: 0s
  tcpCloseWaitTimeout: 0s
`

func (n *Node) startProxy(ctx context.Context, o Options) error {
	settings, kubeconfig := filepath.Join(dir, "kube-proxy.yaml"), filepath.Join(dir, "kube-proxy.kubeconfig")
	if err := write(settings, fmt.Sprintf(proxyConfig, kubeconfig, o.Name)); err != nil {
		return err
	}
	if err := writeKubeconfig(kubeconfig, o.Cluster, "system:kube-proxy"); err != nil {
		return err
	}
	proxy, err := n.launch(filepath.Join(o.Binaries, "kube-proxy"), "--config="+settings)
	if err != nil {
		return err
	}
	return proxy.awaits(ctx, serves("http://"+Address+":10256/livez"))
}
