package main

import "fmt"

// tool is one program and where it comes from.
type tool struct {
	name   string // of the binary
	pins   string // folder of the module that pins it
	module string // whose required version is the tool's version
	pkg    string // main package
	// stamp returns the linker's -X settings that tell the program its version;
	// nil for programs that know it from their source.
	stamp func(version string) []string
}

var catalogue = []tool{
	{name: "etcd", pins: "etcd", module: "go.etcd.io/etcd/server/v3", pkg: "go.etcd.io/etcd/server/v3"},
	{name: "kube-apiserver", pins: "kubernetes", module: "k8s.io/kubernetes", pkg: "k8s.io/kubernetes/cmd/kube-apiserver", stamp: kubernetesVersion},
	{name: "kube-controller-manager", pins: "kubernetes", module: "k8s.io/kubernetes", pkg: "k8s.io/kubernetes/cmd/kube-controller-manager", stamp: kubernetesVersion},
	{name: "kubectl", pins: "kubernetes", module: "k8s.io/kubernetes", pkg: "k8s.io/kubernetes/cmd/kubectl", stamp: kubernetesVersion},
	{name: "kubelet", pins: "kubernetes", module: "k8s.io/kubernetes", pkg: "k8s.io/kubernetes/cmd/kubelet", stamp: kubernetesVersion},
	{name: "kube-proxy", pins: "kubernetes", module: "k8s.io/kubernetes", pkg: "k8s.io/kubernetes/cmd/kube-proxy", stamp: kubernetesVersion},
	{name: "controller-gen", pins: "controller-gen", module: "sigs.k8s.io/controller-tools", pkg: "sigs.k8s.io/controller-tools/cmd/controller-gen", stamp: variable("sigs.k8s.io/controller-tools/pkg/version.version")},
	{name: "golangci-lint", pins: "golangci-lint", module: "github.com/golangci/golangci-lint/v2", pkg: "github.com/golangci/golangci-lint/v2/cmd/golangci-lint", stamp: variable("main.version")},
	{name: "helm", pins: "helm", module: "helm.sh/helm/v3", pkg: "helm.sh/helm/v3/cmd/helm", stamp: variable("helm.sh/helm/v3/internal/version.version")},
	{name: "helm-docs", pins: "helm-docs", module: "github.com/norwoodj/helm-docs", pkg: "github.com/norwoodj/helm-docs/cmd/helm-docs", stamp: variable("main.version")},
}

func find(name string) (tool, error) {
	for _, t := range catalogue {
		if t.name == name {
			return t, nil
		}
	}
	return tool{}, fmt.Errorf("no tool %q in the catalogue; it is test/tools/catalogue.go", name)
}

// variable stamps the version into one string variable.
func variable(name string) func(string) []string {
	return func(version string) []string { return []string{name + "=" + version} }
}

// kubernetesVersion makes a Kubernetes program report its release. Built from
// the module proxy it would call itself v0.0.0-master, and clients that choose
// by the server's version would take it for an ancient one.
func kubernetesVersion(version string) []string {
	var major, minor int
	// A version that doesn't scan leaves 0.0, which version_test.go refuses.
	_, _ = fmt.Sscanf(version, "v%d.%d", &major, &minor)
	const pkg = "k8s.io/component-base/version."
	return []string{
		pkg + "gitVersion=" + version,
		fmt.Sprintf("%sgitMajor=%d", pkg, major),
		fmt.Sprintf("%sgitMinor=%d", pkg, minor),
		pkg + "gitCommit=",
		pkg + "gitTreeState=clean",
	}
}
