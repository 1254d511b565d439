package integration

import (
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	. "github.com/onsi/gomega"

	"github.com/exoscale-community/nlb-operator/test/ccm"
)

// ccmSyncs has the CCM sync Services, one after the other.
func (w *world) ccmSyncs(services ...*corev1.Service) {
	w.t.Helper()
	for _, service := range services {
		w.g.Eventually(func() error {
			if err := w.client.Get(w.t.Context(), client.ObjectKeyFromObject(service), service); err != nil {
				return err
			}
			return w.ccm().Sync(w.t.Context(), service)
		}).Should(Succeed())
	}
}

func (w *world) ccm() ccm.CCM {
	return ccm.CCM{Client: w.client, Cloud: w.sim.Cloud, Pool: w.pool.ID}
}
