package csr

import (
	"context"
	"fmt"
	"net/netip"

	certificatesv1 "k8s.io/api/certificates/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/kubeletserving"
	"github.com/exoscale-community/nlb-operator/internal/pacing"
)

// +kubebuilder:rbac:groups=certificates.k8s.io,resources=certificatesigningrequests,verbs=get;list;watch
// +kubebuilder:rbac:groups=certificates.k8s.io,resources=certificatesigningrequests/approval,verbs=update
// +kubebuilder:rbac:groups=certificates.k8s.io,resources=signers,resourceNames=kubernetes.io/kubelet-serving,verbs=approve
// +kubebuilder:rbac:groups=nlb.exoscale.com,resources=nodeidentities,verbs=get;list;watch
// +kubebuilder:rbac:groups=nlb.exoscale.com,resources=nodeidentities/status,verbs=patch
// +kubebuilder:rbac:groups="",resources=nodes;services,verbs=get;list;watch
// +kubebuilder:rbac:groups=nlb.exoscale.com,resources=networkloadbalancers,verbs=get;list;watch
// +kubebuilder:rbac:groups=discovery.k8s.io,namespace=default,resources=endpointslices,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch;update

// Options of a Reconciler; all are required unless they say otherwise.
type Options struct {
	Client client.Client
	// Cluster knows Services and NetworkLoadBalancers of all namespaces, whichever the
	// operator works in, and the endpoints of the API server: a cache with Occupants.
	Cluster client.Reader
	// NodeCIDRs are where Nodes may have addresses of which Exoscale shows no lease; nil:
	// nowhere.
	NodeCIDRs []netip.Prefix
	Events    events.EventRecorder
	Clock     clock.PassiveClock
	// MaxConcurrentReconciles is the number of requests looked at at once;
	// default 4.
	MaxConcurrentReconciles int
	// SkipNameValidation lets several managers live in one process.
	SkipNameValidation bool
}

// Reconciler of CertificateSigningRequests of kubelets.
type Reconciler struct {
	Options
	told told
}

// New makes a Reconciler.
func New(options Options) *Reconciler {
	r := &Reconciler{Options: options}
	if r.MaxConcurrentReconciles <= 0 {
		r.MaxConcurrentReconciles = 4
	}
	return r
}

// SetupWithManager adds the controller to a manager.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("csr").
		For(&certificatesv1.CertificateSigningRequest{}, builder.WithPredicates(ofConcern)).
		Watches(&v1alpha1.NodeIdentity{}, handler.EnqueueRequestsFromMapFunc(r.pendingOfNode)).
		WithOptions(pacing.Options(r.MaxConcurrentReconciles, r.SkipNameValidation)).
		Complete(r)
}

// Reconcile does one round for one request. A request that is refused isn't
// looked at again until the NodeIdentity of its node changes.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	csr := &certificatesv1.CertificateSigningRequest{}
	if err := r.Client.Get(ctx, req.NamespacedName, csr); err != nil {
		if client.IgnoreNotFound(err) == nil {
			r.told.forget(req.Name)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !undecided(csr) {
		return ctrl.Result{}, nil
	}
	identities, err := r.identitiesOf(ctx, kubeletserving.NodeName(csr))
	if err != nil {
		return ctrl.Result{}, err
	}
	node, err := r.requestingNode(ctx, csr)
	if err != nil {
		return ctrl.Result{}, err
	}
	cluster, err := r.occupants(ctx)
	if err != nil {
		return ctrl.Result{}, err
	}
	request := kubeletserving.Request{CSR: csr, Identities: identities, NodeUID: node.GetUID(), NodeCIDRs: r.NodeCIDRs, Cluster: cluster}
	if violations := kubeletserving.Check(request); len(violations) > 0 {
		r.refuse(ctx, csr, node, violations)
		return ctrl.Result{}, nil
	}
	return r.approve(ctx, request)
}

// identitiesOf lists the NodeIdentities that say that they are a node.
func (r *Reconciler) identitiesOf(ctx context.Context, node string) ([]v1alpha1.NodeIdentity, error) {
	if node == "" {
		return nil, nil
	}
	var all v1alpha1.NodeIdentityList
	if err := r.Client.List(ctx, &all, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("looking for the NodeIdentity of node %q: %w", node, err)
	}
	var identities []v1alpha1.NodeIdentity
	for i := range all.Items {
		if all.Items[i].Status.NodeName == node {
			identities = append(identities, all.Items[i])
		}
	}
	return identities, nil
}
