package csr

import (
	"context"
	"fmt"
	"strings"
	"sync"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/exoscale-community/nlb-operator/internal/brief"
	"github.com/exoscale-community/nlb-operator/internal/kubeletserving"
	"github.com/exoscale-community/nlb-operator/internal/outcome"
)

// ReasonCertificateNotApproved is the reason of Events about requests that are
// left pending.
const ReasonCertificateNotApproved = "CertificateNotApproved"

// refuse tells, of the request and of its Node, which rules are broken. Nothing
// is written into the request.
func (r *Reconciler) refuse(ctx context.Context, csr *certificatesv1.CertificateSigningRequest, node *corev1.Node, violations []kubeletserving.Violation) {
	broken := rules(violations)
	if !r.told.isNews(csr.Name, csr.UID, broken) {
		return
	}
	var ofRequest, ofNode outcome.Notices
	message := refusal(violations)
	// The rules are in the action, too: Events that differ in nothing but their
	// text are counted as one, and the second text is lost.
	ofRequest.Warning(ReasonCertificateNotApproved, action(broken), "Left pending: %s.", message)
	ofRequest.Send(r.Events, csr)
	if node.UID != "" {
		ofNode.Warning(ReasonCertificateNotApproved, action(broken), "CertificateSigningRequest %s for the kubelet to serve with is left pending: %s.", csr.Name, message)
		ofNode.Send(r.Events, node)
	}
	log.FromContext(ctx).Info("Left the serving certificate of a kubelet pending", "node", kubeletserving.NodeName(csr), "rules", broken)
}

// rules are the names of the broken ones, in their order.
func rules(violations []kubeletserving.Violation) string {
	names := make([]string, len(violations))
	for i, violation := range violations {
		names[i] = string(violation.Rule)
	}
	return strings.Join(names, ",")
}

// refusal begins each violation with the name of its rule.
func refusal(violations []kubeletserving.Violation) string {
	sentences := make([]string, len(violations))
	for i, violation := range violations {
		sentences[i] = fmt.Sprintf("%s: %s", violation.Rule, violation.Message)
	}
	return brief.Sentences(sentences, "; ")
}

// longestAction is what the API server takes as an Event's action, in bytes.
const longestAction = 128

func action(broken string) string {
	whole := "Check " + broken
	return whole[:min(len(whole), longestAction)]
}

// told remembers what was told of each request, as long as the request is there
// and the process lives. Its zero value remembers nothing.
type told struct {
	mu sync.Mutex
	of map[string]request
}

// request is one that was told of; one of the same name may come after it.
type request struct {
	uid    types.UID
	broken map[string]bool
}

// isNews: these rules haven't been told of the request; from now on they have.
func (t *told) isNews(name string, uid types.UID, broken string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of == nil {
		t.of = map[string]request{}
	}
	known, is := t.of[name]
	if !is || known.uid != uid {
		known = request{uid: uid, broken: map[string]bool{}}
		t.of[name] = known
	}
	if known.broken[broken] {
		return false
	}
	known.broken[broken] = true
	return true
}

func (t *told) forget(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.of, name)
}
