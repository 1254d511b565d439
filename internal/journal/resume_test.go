package journal

import (
	"context"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// counted reads from the API server and counts how often.
type counted struct {
	client.Reader
	lists int
}

func (c *counted) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	c.lists++
	return c.Reader.List(ctx, list, options...)
}

func TestResumption(t *testing.T) {
	s := newScene(t)
	ctx := t.Context()
	adding := s.serviceInFlight()
	creating := s.loadBalancer().started()
	lost := s.loadBalancer()
	lost.Now.Status.Operation = &v1alpha1.Operation{Action: v1alpha1.ActionCreate, Name: lost.Now.Name, StartedAt: metav1.Now()}
	s.g.Expect(lost.Status(ctx)).To(Succeed())
	idle := s.loadBalancer()

	s.restart()
	reader := &counted{Reader: server}
	resumption := NewResumption(reader, s.operations)
	gone, cancel := context.WithCancel(ctx)
	cancel()
	s.g.Expect(resumption.Once(gone)).To(MatchError(ContainSubstring("listing what is in flight")))
	s.g.Expect(s.stateOf(creating.Now.Status.Operation)).To(Equal(exoscale.Unknown))

	s.g.Expect(resumption.Once(ctx)).To(Succeed(), "what failed is tried again")
	s.g.Expect(s.stateOf(creating.Now.Status.Operation)).To(Equal(exoscale.Pending))
	s.g.Expect(s.stateOf(adding.Status.Operation)).To(Equal(exoscale.Pending))
	before := reader.lists
	later := s.loadBalancer()
	later.Now.Status.Zone = exosim.DefaultZone
	later.Now.Status.Operation = &v1alpha1.Operation{Action: v1alpha1.ActionCreate, Name: "later", ID: "00000000-0000-4000-8000-000000000000", StartedAt: metav1.Now()}
	s.g.Expect(later.Status(ctx)).To(Succeed())
	s.g.Expect(resumption.Once(ctx)).To(Succeed())
	s.g.Expect(reader.lists).To(Equal(before), "once is enough")
	s.g.Expect(s.stateOf(later.Now.Status.Operation)).To(Equal(exoscale.Unknown))

	// What was resumed is known to be busy, under the key that the next change has.
	for name, test := range map[string]struct {
		key  exoscale.Key
		busy bool
	}{
		"the NLB that is being created":        {exoscale.Key{Zone: exosim.DefaultZone, Name: creating.Now.Name}, true},
		"the NLB whose service is added":       {exoscale.Key{Zone: exosim.DefaultZone, ID: adding.Status.LoadBalancerID}, true},
		"an NLB whose create's answer is lost": {exoscale.Key{Zone: exosim.DefaultZone, Name: lost.Now.Name}, false},
		"an NLB of which nothing is known":     {exoscale.Key{Zone: exosim.DefaultZone, Name: idle.Now.Name}, false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.operations.Start(ctx, test.key, idle.owner(), func(context.Context) (exoscale.Operation, error) {
				return exoscale.Operation{}, &exoscale.Error{Class: exoscale.Invalid, Message: "not busy"}
			})
			if busy := exoscale.ClassOf(err) == exoscale.Busy; busy != test.busy {
				t.Errorf("busy: %t (%v)", busy, err)
			}
		})
	}

	s.cloudTime.Step(operationDelay)
	s.g.Eventually(s.woken.heard).Should(ContainElements(
		creating.owner(), exoscale.Owner{Kind: KindNLBService, NamespacedName: client.ObjectKeyFromObject(adding)},
	))
	s.g.Expect(s.sim.Calls().Operations[opCreate]).To(Equal(2), "nothing is begun a second time")
}

func (s *scene) stateOf(op *v1alpha1.Operation) exoscale.OperationState {
	return s.operations.Result(exosim.DefaultZone, op.ID).State
}

// serviceInFlight makes an NLB, and an object whose service is being added to it.
func (s *scene) serviceInFlight() *v1alpha1.NLBService {
	s.t.Helper()
	ctx := s.t.Context()
	made, err := s.cloud.CreateLoadBalancer(ctx, s.listed(), nlb.LoadBalancerAttributes{Name: "edge"})
	s.g.Expect(err).NotTo(HaveOccurred())
	s.cloudTime.Step(operationDelay)
	pool := s.sim.AddPool("", exosim.InstancePool{Name: "workers", Size: 1})

	object := &v1alpha1.NLBService{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "nlbsvc-", Namespace: "default"},
		Spec: v1alpha1.NLBServiceSpec{
			LoadBalancerRef: v1alpha1.LoadBalancerReference{Name: "edge"},
			Port:            80, TargetPort: 30080, Target: v1alpha1.Target{InstancePoolName: pool.Name},
		},
	}
	s.g.Expect(server.Create(ctx, object)).To(Succeed())
	s.t.Cleanup(func() { _ = server.Delete(context.Background(), object) })
	seen, err := s.inventory.Evidence(ctx, exosim.DefaultZone, made.ReferenceID)
	s.g.Expect(err).NotTo(HaveOccurred())
	op, err := s.cloud.AddService(ctx, seen, nlb.WantedService(object, pool.ID))
	s.g.Expect(err).NotTo(HaveOccurred())
	object.Status = v1alpha1.NLBServiceStatus{
		Zone: exosim.DefaultZone, LoadBalancerID: made.ReferenceID,
		Operation: &v1alpha1.Operation{Action: v1alpha1.ActionCreate, ID: op.ID, StartedAt: metav1.Now()},
	}
	s.g.Expect(server.Status().Update(ctx, object)).To(Succeed())
	return object
}
