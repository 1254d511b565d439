package index

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// Lives tells which live objects the services on an NLB may be of: by the UIDs in
// their names, and by their marks. A reader that doesn't see all namespaces can't
// know that an object doesn't live: then every one does.
func Lives(ctx context.Context, reader client.Reader, services []nlb.Service, seesAllNamespaces bool) (nlb.Lives, error) {
	if !seesAllNamespaces {
		every := func(string) bool { return true }
		return nlb.Lives{UID: every, Owner: every}, nil
	}
	uids, owners := map[string]bool{}, map[string]bool{}
	for _, service := range services {
		for _, uid := range nlb.UIDsIn(service.Name) {
			live, err := someLive(ctx, reader, client.MatchingFields{ByUID: uid}, &v1alpha1.NLBServiceList{}, &corev1.ServiceList{})
			if err != nil {
				return nlb.Lives{}, fmt.Errorf("looking up UID %s: %w", uid, err)
			}
			uids[uid] = live
		}
		if owner := service.Mark().Owner; owner != "" {
			live, err := someLive(ctx, reader, client.MatchingFields{ByMarkOwner: owner}, &v1alpha1.NLBServiceList{})
			if err != nil {
				return nlb.Lives{}, fmt.Errorf("looking up the owner of mark %s: %w", service.Mark(), err)
			}
			owners[owner] = live
		}
	}
	return nlb.Lives{
		UID:   func(uid string) bool { return uids[uid] },
		Owner: func(owner string) bool { return owners[owner] },
	}, nil
}

func someLive(ctx context.Context, reader client.Reader, by client.ListOption, lists ...client.ObjectList) (bool, error) {
	for _, list := range lists {
		if err := reader.List(ctx, list, by, client.UnsafeDisableDeepCopy); err != nil {
			return false, err
		}
		if meta.LenList(list) > 0 {
			return true, nil
		}
	}
	return false, nil
}
