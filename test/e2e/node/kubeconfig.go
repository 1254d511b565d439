//go:build linux

package node

import (
	"net"
	"net/url"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/exoscale-community/nlb-operator/test/controlplane"
)

// writeKubeconfig makes a user, and writes how it reaches the API server from the
// node, where that has another address than its certificate says.
func writeKubeconfig(path string, cluster *controlplane.ControlPlane, user string, groups ...string) error {
	added, err := cluster.AddUser(user, groups...)
	if err != nil {
		return err
	}
	config, err := clientcmd.Load(added.Kubeconfig)
	if err != nil {
		return err
	}
	for _, server := range config.Clusters {
		if server.Server, server.TLSServerName, err = fromTheNode(server.Server); err != nil {
			return err
		}
	}
	content, err := clientcmd.Write(*config)
	if err != nil {
		return err
	}
	return write(path, string(content))
}

// fromTheNode is where the node finds a server that names itself with an address
// of the caller's side, and whom its certificate is for.
func fromTheNode(server string) (address, serverName string, err error) {
	there, err := url.Parse(server)
	if err != nil {
		return "", "", err
	}
	serverName = there.Hostname()
	there.Host = net.JoinHostPort(Outside, there.Port())
	return there.String(), serverName, nil
}
