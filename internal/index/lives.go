package index

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// Lives tells which of the UIDs that stand in names are of a live NLBService or
// Service. A reader that doesn't see all namespaces can't know that a UID is of
// no object: then every one lives.
func Lives(ctx context.Context, reader client.Reader, names []string, seesAllNamespaces bool) (func(uid string) bool, error) {
	if !seesAllNamespaces {
		return func(string) bool { return true }, nil
	}
	live := map[string]bool{}
	for _, name := range names {
		for _, uid := range nlb.UIDsIn(name) {
			var objects v1alpha1.NLBServiceList
			var services corev1.ServiceList
			for _, list := range []client.ObjectList{&objects, &services} {
				if err := reader.List(ctx, list, client.MatchingFields{ByUID: uid}); err != nil {
					return nil, fmt.Errorf("looking up UID %s: %w", uid, err)
				}
			}
			live[uid] = len(objects.Items)+len(services.Items) > 0
		}
	}
	return func(uid string) bool { return live[uid] }, nil
}
