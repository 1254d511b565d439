package install

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/identity"
	"github.com/exoscale-community/nlb-operator/internal/nodegone"
	"github.com/exoscale-community/nlb-operator/internal/nodeinit"
	"github.com/exoscale-community/nlb-operator/test/exosim"
	"github.com/exoscale-community/nlb-operator/test/world"
)

// worksOnNodes runs the operator with the rights that were installed, until a Node
// was initialised, certified and removed.
func worksOnNodes(t *testing.T, cluster cluster, c client.Client) {
	g, ctx := NewWithT(t), t.Context()
	sim := exosim.StartTestServer(t, exosim.Options{})
	members := pool(sim, "worker-1", "worker-2")
	var log output
	options := app.Defaults()
	options.Log = log.logger()
	options.Zone, options.APIEndpoint = exosim.DefaultZone, sim.Endpoint
	options.Credentials = exoscale.StaticCredentials(sim.Key, sim.Secret)
	options.SyncPeriod = 300 * time.Millisecond
	options.MetricsBindAddress, options.HealthProbeBindAddress = app.Off, app.Off
	options.NodeInitialization, options.NodeCSRApproval, options.NodeDeletion = true, true, true
	options.NodeDeletionMaxShare, options.NodeDeletionLimits = 100, nodegone.Limits{MinAge: 1, Grace: 1}
	options.SkipNameValidation = true
	t.Cleanup(func() { forgetNodes(t, c) }) // once the operator has stopped
	run(t, cluster.operator(t), options)

	g.Expect(world.JoinNodes(ctx, c, members[:1])).To(Succeed())
	node, err := world.Register(ctx, c, "worker-2", members[1].ID, nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Eventually(func(g Gomega) {
		g.Expect(c.Get(ctx, client.ObjectKeyFromObject(node), node)).To(Succeed())
		g.Expect(node.Spec.ProviderID).To(Equal(identity.ProviderPrefix + members[1].ID))
		g.Expect(nodeinit.Uninitialised(node)).To(BeFalse())
	}, patience).Should(Succeed(), "%s", &log)

	g.Expect(world.LetNodesAsk(ctx, c)).To(Succeed())
	var request *certificatesv1.CertificateSigningRequest
	g.Eventually(func() (err error) { // the API server may have to see the role binding first
		request, err = world.AskToServe(ctx, cluster.Config(), "worker-2")
		return err
	}, patience).Should(Succeed())
	g.Eventually(func(g Gomega) {
		g.Expect(c.Get(ctx, client.ObjectKeyFromObject(request), request)).To(Succeed())
		g.Expect(world.Decision(request)).To(Equal("Approved"))
	}, patience).Should(Succeed(), "%s", &log)

	sim.DeleteInstance(members[1].ID)
	g.Expect(world.SetReady(ctx, c, "worker-2", false)).To(Succeed())
	g.Eventually(func() error { return c.Get(ctx, client.ObjectKeyFromObject(node), node) }, patience).
		Should(MatchError(ContainSubstring("not found")), "%s", &log)
	g.Expect(log.String()).NotTo(ContainSubstring("forbidden"))
}

// forgetNodes takes away the Nodes of a simulated account that is gone: with them the
// next one would be taken for another organization's.
func forgetNodes(t *testing.T, c client.Client) {
	t.Helper()
	for _, kind := range []client.Object{&corev1.Node{}, &v1alpha1.NodeIdentity{}} {
		if err := c.DeleteAllOf(context.Background(), kind); err != nil {
			t.Error(err)
		}
	}
}
