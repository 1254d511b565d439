package csr_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"
	certificatesv1 "k8s.io/api/certificates/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/controllers/csr"
	"github.com/exoscale-community/nlb-operator/internal/pacing"
)

func TestARequestThatSomebodyHasDecidedIsLeftAlone(t *testing.T) {
	for name, decision := range map[string]certificatesv1.RequestConditionType{
		"denied": certificatesv1.CertificateDenied, "approved": certificatesv1.CertificateApproved,
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			worker := s.addNode("worker", "192.0.2.71")
			request := s.ask(worker, nil)
			s.refused(request, "NodeIdentity", "has no NodeIdentity")
			s.decide(request, decision)
			s.Eventually(func() int { return len(s.cached(request).Status.Conditions) }).Should(Equal(1))
			s.identify(worker, metav1.ConditionTrue)
			s.approved(s.ask(worker, nil))

			recorder := events.NewFakeRecorder(10)
			s.Expect(s.round(running.GetClient(), recorder, request)).To(Equal(ctrl.Result{}))
			s.Expect(s.decisions(request)).To(Equal([]string{string(decision) + " ByHand"}))
			s.Expect(drain(recorder)).To(BeEmpty())
		})
	}
}

func TestWhoDecidesWhileARequestIsCheckedHasDecided(t *testing.T) {
	s := newScene(t)
	worker := s.addNode("worker", "192.0.2.81")
	request := s.ask(worker, nil)
	s.refused(request, "NodeIdentity", "has no NodeIdentity")
	before := request.DeepCopy()
	s.decide(request, certificatesv1.CertificateDenied)
	s.Eventually(func() int { return len(s.cached(request).Status.Conditions) }).Should(Equal(1))
	s.identify(worker, metav1.ConditionTrue)
	s.Eventually(func() int { return s.cachedIdentitiesOf(worker) }).Should(Equal(1))

	s.Expect(s.round(stale{running.GetClient(), before}, events.NewFakeRecorder(10), request)).To(Equal(ctrl.Result{RequeueAfter: pacing.CacheLag}))
	s.Expect(s.decisions(request)).To(Equal([]string{"Denied ByHand"}))
}

func TestARefusalIsToldOncePerRequestAndRules(t *testing.T) {
	s := newScene(t)
	worker := s.addNode("worker", "192.0.2.91")
	name := worker.name + "-again"
	recorder := events.NewFakeRecorder(10)
	r := csr.New(csr.Options{Client: running.GetClient(), Cluster: occupants, Events: recorder, Clock: clock.RealClock{}})
	look := func() {
		t.Helper()
		s.Expect(r.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Name: name}})).To(Equal(ctrl.Result{}))
	}
	told := func(rule string) {
		t.Helper()
		look()
		look()
		got := drain(recorder)
		s.Expect(got).To(HaveLen(2), "of the request, and of the Node")
		for _, event := range got {
			s.Expect(event).To(ContainSubstring(rule + ": "))
		}
		look()
		s.Expect(drain(recorder)).To(BeEmpty())
	}
	asking := func() *certificatesv1.CertificateSigningRequest {
		request := s.askAs(name, worker, nil)
		s.Eventually(func() bool { return s.cached(request).UID == request.UID }).Should(BeTrue())
		return request
	}

	first := asking()
	told("NodeIdentity")
	identity := s.identify(worker, metav1.ConditionFalse)
	s.Eventually(func() int { return s.cachedIdentitiesOf(worker) }).Should(Equal(1))
	told("Verified")

	// What was told before isn't told again when it comes back.
	s.Expect(s.Delete(t.Context(), identity)).To(Succeed())
	s.Eventually(func() int { return s.cachedIdentitiesOf(worker) }).Should(BeZero())
	look()
	s.Expect(drain(recorder)).To(BeEmpty())

	// Another request of the same name is another request, whether the controller
	// has seen the first one go or not.
	s.Expect(s.Delete(t.Context(), first)).To(Succeed())
	second := asking()
	told("NodeIdentity")
	s.Expect(s.Delete(t.Context(), second)).To(Succeed())
	s.Eventually(func() bool { return s.cached(second).UID == "" }).Should(BeTrue())
	look()
	asking()
	told("NodeIdentity")
}

func TestARefusedRequestIsNotWritten(t *testing.T) {
	s := newScene(t)
	worker := s.addNode("worker", "192.0.2.101")
	request := s.ask(worker, nil)
	before := request.DeepCopy()
	s.refused(request, "NodeIdentity", "has no NodeIdentity")
	s.read(request)
	if diff := cmp.Diff(before, request); diff != "" {
		t.Error(diff)
	}
}

func TestRequestsForOtherSignersAreNeitherCachedNorApproved(t *testing.T) {
	s := newScene(t)
	worker := s.addNode("worker", "192.0.2.111")
	s.identify(worker, metav1.ConditionTrue)
	other := s.ask(worker, func(a *asked) { a.signer = "example.com/serving" })
	// Made later, so that the other would have come before it.
	s.approved(s.ask(worker, nil))
	s.Expect(s.cached(other).UID).To(BeEmpty())
	s.Expect(s.decisions(other)).To(BeEmpty())
}

// round is one of another controller, at a moment of the test's choice.
func (s *scene) round(c client.Client, recorder events.EventRecorder, request *certificatesv1.CertificateSigningRequest) (ctrl.Result, error) {
	r := csr.New(csr.Options{Client: c, Cluster: occupants, Events: recorder, Clock: clock.RealClock{}})
	return r.Reconcile(s.t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(request)})
}

// cached is what the controller knows of a request; empty: nothing.
func (s *scene) cached(request *certificatesv1.CertificateSigningRequest) *certificatesv1.CertificateSigningRequest {
	s.t.Helper()
	object := &certificatesv1.CertificateSigningRequest{}
	if err := running.GetClient().Get(s.t.Context(), client.ObjectKeyFromObject(request), object); !apierrors.IsNotFound(err) {
		s.Expect(err).NotTo(HaveOccurred())
	}
	return object
}

// cachedIdentitiesOf counts the NodeIdentities that the controller knows of.
func (s *scene) cachedIdentitiesOf(n node) (count int) {
	s.t.Helper()
	var list v1alpha1.NodeIdentityList
	s.Expect(running.GetClient().List(s.t.Context(), &list)).To(Succeed())
	for i := range list.Items {
		if list.Items[i].Status.NodeName == n.name {
			count++
		}
	}
	return count
}

// stale is a client whose cache is behind: it still has a request as it was.
type stale struct {
	client.Client
	before *certificatesv1.CertificateSigningRequest
}

func (c stale) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	if request, is := object.(*certificatesv1.CertificateSigningRequest); is && key.Name == c.before.Name {
		c.before.DeepCopyInto(request)
		return nil
	}
	return c.Client.Get(ctx, key, object, options...)
}

// drain takes what was told so far.
func drain(recorder *events.FakeRecorder) (told []string) {
	for {
		select {
		case event := <-recorder.Events:
			told = append(told, strings.TrimSpace(event))
		default:
			return told
		}
	}
}
