package app

import (
	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
)

// namedSidecarPorts is the first Kubernetes in which a Service finds the named
// ports of native sidecars: https://github.com/kubernetes/kubernetes/pull/128850.
var namedSidecarPorts = version.MustParseGeneric("1.33")

// sidecarsByNumber tells whether a Service has to name a sidecar's port by its
// number on this cluster. If that can't be told, it is taken for a current one.
func sidecarsByNumber(kubernetes *rest.Config, log logr.Logger) bool {
	reader, err := discovery.NewDiscoveryClientForConfig(kubernetes)
	if err != nil {
		log.Error(err, "asking for the version of Kubernetes")
		return false
	}
	info, err := reader.ServerVersion()
	if err != nil {
		log.Error(err, "asking for the version of Kubernetes")
		return false
	}
	return lacksNamedSidecarPorts(info.GitVersion)
}

func lacksNamedSidecarPorts(gitVersion string) bool {
	running, err := version.ParseGeneric(gitVersion)
	return err == nil && running.LessThan(namedSidecarPorts)
}
