package controlplane

// Options says what to run. The zero value is an API server with the CRDs of
// this checkout and no controllers.
type Options struct {
	// Binaries is the folder with etcd, kube-apiserver, kubectl and
	// kube-controller-manager. Default: KUBEBUILDER_ASSETS, else .cache/bin of
	// the checkout that the working directory is in.
	Binaries string

	// CRDs are files and folders of CustomResourceDefinitions to install.
	// Default: config/crd/bases of the checkout, if it exists.
	CRDs []string
	// WithoutCRDs installs none, not even the default ones.
	WithoutCRDs bool

	// APIServerArgs are flags of kube-apiserver, without dashes, with their
	// values. They replace the defaults; nil values remove a flag. RBAC is on,
	// privileged Pods are allowed, NodePorts have the usual range. The
	// admission plugin ServiceAccount is off, so that Pods can be created
	// before their namespace has its service account; to have it on, set
	// "disable-admission-plugins" to nil.
	APIServerArgs map[string][]string

	// ControllerManager runs kube-controller-manager as well: garbage
	// collection, namespace deletion, service accounts, EndpointSlices,
	// ReplicaSets and the like.
	ControllerManager bool
	// ControllerManagerArgs are flags of kube-controller-manager, without
	// dashes. They replace the defaults.
	ControllerManagerArgs map[string]string

	// LogDir keeps what each program says in NAME.log. Default: it is dropped,
	// except for the end, which a failed start reports.
	LogDir string
}
