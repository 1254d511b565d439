package app

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// findLease finds the namespace in which operators agree on who works: as given,
// the Pod's, or that of the only lease of ours. It stays empty if there is none, or
// if it is about to go: nobody could hold the lease there.
func (r *releasing) findLease(ctx context.Context) error {
	namespace := r.LeaderElectionNamespace
	if namespace == "" {
		namespace, _ = leaseNamespace(Options{LeaderElect: true}) // not in a Pod: looked for
	}
	if namespace == "" {
		var leases coordinationv1.LeaseList
		if err := r.uncached.List(ctx, &leases, client.MatchingFields{"metadata.name": Name}); err != nil {
			return fmt.Errorf("looking for the operator's lease: %w. --leader-election-namespace tells where it is", err)
		}
		if len(leases.Items) > 1 {
			return fmt.Errorf("there are %d leases %s: --leader-election-namespace has to say whose operator is meant", len(leases.Items), Name)
		}
		for _, lease := range leases.Items {
			namespace = lease.Namespace
		}
	}
	r.LeaderElectionNamespace = ""
	if namespace == "" {
		fmt.Fprintf(r.Out, "There is no lease %s: see to it that no operator runs.\n", Name)
		return nil
	}
	in := &corev1.Namespace{}
	err := r.uncached.Get(ctx, types.NamespacedName{Name: namespace}, in)
	switch {
	case apierrors.IsNotFound(err), err == nil && !in.DeletionTimestamp.IsZero():
		fmt.Fprintf(r.Out, "Namespace %s, where the operator ran, is gone or going, and it with it.\n", namespace)
		return nil
	case err != nil:
		return fmt.Errorf("reading namespace %s: %w", namespace, err)
	}
	r.LeaderElectionNamespace = namespace
	return nil
}

// stopOperator scales the operator down, if that was asked for; the lease then says
// when it has ended.
func (r *releasing) stopOperator(ctx context.Context) error {
	name, namespace := r.StopOperator, r.LeaderElectionNamespace
	if name == "" || namespace == "" {
		return nil
	}
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	patch := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"replicas":0}}`))
	switch err := r.uncached.SubResource("scale").Patch(ctx, deployment, patch); {
	case apierrors.IsNotFound(err):
		fmt.Fprintf(r.Out, "There is no Deployment %s in namespace %s: it is gone already.\n", name, namespace)
		return nil
	case err != nil:
		return fmt.Errorf("scaling Deployment %s in namespace %s to 0: %w", name, namespace, err)
	}
	fmt.Fprintf(r.Out, "Deployment %s in namespace %s is scaled to 0.\n", name, namespace)
	return nil
}

// refuseWhileRenewed ends the work if an operator renews its lease. It goes by what
// it sees and not by the time that the lease tells: clocks differ.
func (r *releasing) refuseWhileRenewed(ctx context.Context, end context.CancelCauseFunc) {
	namespace := r.LeaderElectionNamespace
	var before *coordinationv1.Lease
	for {
		lease := &coordinationv1.Lease{}
		err := r.uncached.Get(ctx, types.NamespacedName{Namespace: namespace, Name: Name}, lease)
		if err == nil {
			if before != nil && renewedSince(before, lease) {
				end(r.runs(lease))
				return
			}
			before = lease
		}
		select {
		case <-ctx.Done():
			return
		case <-r.manager.Elected():
			return
		case <-time.After(leaseLook):
		}
	}
}

// leaseLook is how often a lease is looked at that somebody else holds; an operator
// renews it every two seconds.
const leaseLook = 500 * time.Millisecond

// renewedSince tells whether the one who held the lease still does.
func renewedSince(before, now *coordinationv1.Lease) bool {
	holder := now.Spec.HolderIdentity
	same := holder != nil && *holder != "" && before.Spec.HolderIdentity != nil && *before.Spec.HolderIdentity == *holder
	return same && !now.Spec.RenewTime.Equal(before.Spec.RenewTime)
}

func (r *releasing) runs(lease *coordinationv1.Lease) error {
	return fmt.Errorf("the operator runs: %q renews the lease %s/%s, and would take back what is let go. Stop it first: kubectl --namespace %[2]s scale deployment %[4]s --replicas=0; or add --stop-operator=%[4]s",
		*lease.Spec.HolderIdentity, lease.Namespace, lease.Name, Name)
}
