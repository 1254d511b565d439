package integration

import (
	"context"

	. "github.com/onsi/gomega"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/internal/nodegone"
	"github.com/exoscale-community/nlb-operator/internal/nodeinit"
	"github.com/exoscale-community/nlb-operator/test/exosim"
	kubelets "github.com/exoscale-community/nlb-operator/test/world"
)

// inPlaceOfTheCCM switches on what an operator does for Nodes, without the delays
// that are for reads which lag.
func inPlaceOfTheCCM(o *app.Options) {
	o.NodeInitialization, o.NodeCSRApproval, o.NodeDeletion = true, true, true
	o.NodeDeletionMaxShare = 100
	o.NodeDeletionLimits = nodegone.Limits{MinAge: 1, Grace: 1}
}

// registers makes a Node of the world as its kubelet does.
func (w *world) registers(name, systemUUID string, edits ...func(*corev1.Node)) *corev1.Node {
	w.t.Helper()
	node, err := kubelets.Register(w.t.Context(), w.client, name, systemUUID, func(n *corev1.Node) {
		n.Labels["world"] = w.ns
		for _, edit := range edits {
			edit(n)
		}
	})
	w.g.Expect(err).NotTo(HaveOccurred())
	w.t.Cleanup(func() { _ = w.client.Delete(context.Background(), node) })
	return node
}

// reports lets the kubelet of a Node write its status.
func (w *world) reports(node *corev1.Node, edit func(*corev1.Node)) {
	w.t.Helper()
	w.g.Eventually(func() error {
		if err := w.client.Get(w.t.Context(), client.ObjectKeyFromObject(node), node); err != nil {
			return err
		}
		edit(node)
		return w.client.Status().Update(w.t.Context(), node)
	}).Should(Succeed())
}

// isSilent is what Kubernetes says of a kubelet that it hears nothing of.
func isSilent(node *corev1.Node) { node.Status.Conditions[0].Status = corev1.ConditionUnknown }

// asks is what the kubelet of a Node asks to be certified: its name, and addresses.
func (w *world) asks(node string, ips ...string) *certificatesv1.CertificateSigningRequest {
	w.t.Helper()
	w.g.Expect(kubelets.LetNodesAsk(w.t.Context(), w.client)).To(Succeed())
	var request *certificatesv1.CertificateSigningRequest
	w.g.Eventually(func() (err error) { // the API server may have to see the role binding first
		request, err = kubelets.AskToServe(w.t.Context(), clientConfig(w.cluster), node, ips...)
		return err
	}).Should(Succeed())
	w.t.Cleanup(func() { _ = w.client.Delete(context.Background(), request) })
	return request
}

// decided is what somebody has decided about a request; empty if nobody has.
func (w *world) decided(request *certificatesv1.CertificateSigningRequest) string {
	if err := w.client.Get(w.t.Context(), client.ObjectKeyFromObject(request), request); err != nil {
		return err.Error()
	}
	return kubelets.Decision(request)
}

// node is a Node as it is now.
func (w *world) node(name string) *corev1.Node {
	w.t.Helper()
	node := &corev1.Node{}
	w.g.Expect(w.client.Get(w.t.Context(), client.ObjectKey{Name: name}, node)).To(Succeed())
	return node
}

// initialised tells whether a Node has been given what a cloud provider gives.
func (w *world) initialised(name string) func() bool {
	return func() bool {
		node := w.node(name)
		return !nodeinit.Uninitialised(node) && node.Spec.ProviderID != ""
	}
}

// member is the n-th instance of the world's pool.
func (w *world) member(n int) exosim.Instance {
	w.t.Helper()
	return w.sim.Members(w.pool.ID)[n]
}
