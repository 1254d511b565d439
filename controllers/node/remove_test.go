package node_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/controllers/node"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

const (
	opList = "list-instances"
	opGet  = "get-instance"
)

// crew is a scene in which every member of the pool is a verified Node that
// reports Ready.
func crew(t *testing.T, size int64) (s *scene, instances []exosim.Instance, nodes []*corev1.Node) {
	t.Helper()
	s = newScene(t, size)
	instances = s.members()
	for _, instance := range instances {
		nodes = append(nodes, s.join(instance))
	}
	return s, instances, nodes
}

// join makes an instance a verified Node that reports Ready.
func (s *scene) join(instance exosim.Instance) *corev1.Node {
	s.t.Helper()
	made := s.register(instance, reports(corev1.ConditionTrue))
	s.identify(instance, metav1.ConditionTrue)
	return made
}

// lose takes instances away, and tells the cluster of it: Kubernetes hears
// nothing from the kubelet, the NodeIdentity is verified no more.
func (s *scene) lose(instances ...exosim.Instance) {
	s.t.Helper()
	for _, instance := range instances {
		s.sim.DeleteInstance(instance.ID)
	}
	for _, instance := range instances {
		s.report(instance.Name, corev1.ConditionUnknown)
		s.identify(instance, metav1.ConditionFalse)
	}
}

func TestTheNodeOfAnInstanceThatIsGoneGoes(t *testing.T) {
	s, instances, nodes := crew(t, 3)
	s.run(deleting)
	s.lose(instances[0])
	s.goes(instances[0].Name)
	s.tells(instances[0].Name, node.ReasonDeletingNode, "is gone from zone "+exosim.DefaultZone+": the last 2 lists lack it")
	s.stays(nodes[1])
	s.stays(nodes[2])
	s.Expect(s.sim.Calls().Operations[opGet]).To(Equal(2), "the instance, and one sibling")
}

func TestNodesThatAreWellOrOnlyStoppedCostNothing(t *testing.T) {
	s, instances, nodes := crew(t, 3)
	stopped, unseen := instances[0], instances[1]
	s.sim.StopInstance(stopped.ID)
	s.run(deleting)
	s.report(stopped.Name, corev1.ConditionUnknown)
	// This one was never seen at Exoscale: what was never there can't be gone.
	s.identify(unseen, metav1.ConditionFalse, func(k *v1alpha1.NodeIdentity) { k.Status.InstanceName = "" })
	s.sim.DeleteInstance(unseen.ID)
	s.report(unseen.Name, corev1.ConditionUnknown)
	s.asks(opList, 5)
	s.stays(nodes[0])
	s.stays(nodes[1])
	s.Expect(s.sim.Calls().Operations).NotTo(HaveKey(opGet))

	s.identify(unseen, metav1.ConditionFalse) // so the test could tell
	s.goes(unseen.Name)
	s.stays(nodes[0])
}

// TestNoErrorIsTakenForAnAbsence lets a read go wrong in each way until it has
// been tried several times, and then lets it go well.
func TestNoErrorIsTakenForAnAbsence(t *testing.T) {
	status := func(operation string, code int) exosim.Fault {
		return exosim.Fault{Operation: operation, Kind: exosim.FaultStatus, Status: code}
	}
	for name, test := range map[string]struct {
		fault exosim.Fault
		told  string // empty: it may pass, and nobody is told
	}{
		"the list fails with 500":            {fault: status(opList, http.StatusInternalServerError)},
		"the list is refused with 403":       {fault: status(opList, http.StatusForbidden)},
		"the list is refused with 404":       {fault: status(opList, http.StatusNotFound)},
		"the list doesn't come in time":      {fault: exosim.Fault{Operation: opList, Kind: exosim.FaultLatency, Latency: 2 * time.Second}},
		"the list is cut off":                {fault: exosim.Fault{Operation: opList, Kind: exosim.FaultResetAfter}},
		"the list is one of before":          {fault: exosim.Fault{Operation: opList, Kind: exosim.FaultStaleRead}},
		"the read fails with 500":            {fault: status(opGet, http.StatusInternalServerError)},
		"the read is refused with 403":       {fault: status(opGet, http.StatusForbidden), told: "it can't be read whether it is there: get-instance"},
		"the read is refused with 401":       {fault: status(opGet, http.StatusUnauthorized), told: "it can't be read whether it is there: get-instance"},
		"the read is refused with 400":       {fault: status(opGet, http.StatusBadRequest), told: "it can't be read whether it is there: get-instance"},
		"the read is answered with too many": {fault: status(opGet, http.StatusTooManyRequests)},
		"the read doesn't come in time":      {fault: exosim.Fault{Operation: opGet, Kind: exosim.FaultLatency, Latency: 2 * time.Second}},
		"the read is cut off":                {fault: exosim.Fault{Operation: opGet, Kind: exosim.FaultResetAfter}},
		"the read is one of before":          {fault: exosim.Fault{Operation: opGet, Kind: exosim.FaultStaleRead}, told: "Exoscale shows the instance when it is read"},
		"nothing is found":                   {fault: status(opGet, http.StatusNotFound), told: "which should be there, can't be read: not found"},
	} {
		t.Run(name, func(t *testing.T) {
			s, instances, nodes := crew(t, 3)
			mend := s.sim.Fault(test.fault)
			if test.fault.Kind == exosim.FaultLatency {
				s.timeout = time.Second
			}
			s.run(deleting)
			s.lose(instances[0])
			s.asks(test.fault.Operation, 4)
			if test.told != "" {
				s.tells(instances[0].Name, node.ReasonNodeDeletionHalted, test.told)
			}
			s.stays(nodes[0])
			mend()
			s.goes(instances[0].Name)
			s.stays(nodes[1])
		})
	}
}

// TestAFailedReadOfTheInstanceAloneIsNoAbsence lets only that read go wrong, with
// all its attempts: the sibling would answer.
func TestAFailedReadOfTheInstanceAloneIsNoAbsence(t *testing.T) {
	for status, attempts := range map[int]int{
		http.StatusInternalServerError: 3, http.StatusTooManyRequests: 3,
		http.StatusForbidden: 1, http.StatusUnauthorized: 1, http.StatusBadRequest: 1,
	} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			s, instances, _ := crew(t, 2)
			s.sim.Fault(exosim.Fault{Operation: opGet, Kind: exosim.FaultStatus, Status: status, Count: attempts})
			s.run(deleting)
			s.lose(instances[0])
			s.goes(instances[0].Name)
			s.Expect(s.sim.Calls().Operations[opGet]).To(Equal(attempts+2), "it is read again, and then the sibling")
		})
	}
}

func TestNoNodeGoesWhenAllInstancesAreGoneAtOnce(t *testing.T) {
	s, instances, nodes := crew(t, 3)
	s.run(deleting)
	s.lose(instances...)
	for i, instance := range instances {
		s.tells(instance.Name, node.ReasonNodeDeletionHalted, "the list of instances of zone "+exosim.DefaultZone+" is empty")
		s.stays(nodes[i])
	}

	// The instance of nobody shows only that somebody has instances.
	s.sim.AddInstance("", exosim.Instance{Name: "bastion"})
	for i, instance := range instances {
		s.tells(instance.Name, node.ReasonNodeDeletionHalted, "the instance of no other Node is in the list")
		s.stays(nodes[i])
	}
	s.Expect(s.sim.Calls().Operations).NotTo(HaveKey(opGet))

	s.join(s.sim.AddInstance("", exosim.Instance{Name: "successor", Manager: &exosim.Manager{ID: s.pool.ID}}))
	s.Eventually(func() int { return s.left(instances) }).Should(Equal(2), "one of four may go")
}

// left is how many of the Nodes of these instances there are.
func (s *scene) left(instances []exosim.Instance) int {
	left := 0
	for _, instance := range instances {
		if _, err := s.node(instance.Name); err == nil {
			left++
		}
	}
	return left
}

func TestNoMoreThanAShareOfTheNodesGoes(t *testing.T) {
	s, instances, _ := crew(t, 10)
	var looks atomic.Int64
	s.run(func(o *node.Options) {
		deleting(o)
		o.Inventory = counting{o.Inventory, &looks}
	})
	// settles waits until each of the others was looked at some times more.
	settles := func() {
		before := looks.Load()
		s.Eventually(looks.Load).Should(BeNumerically(">", before+15))
	}
	lost := instances[:5]
	s.lose(lost...)
	s.Eventually(func() int { return s.left(lost) }).Should(Equal(3))
	settles()
	s.Expect(s.left(instances)).To(Equal(8))
	for _, instance := range lost {
		if _, err := s.node(instance.Name); err == nil {
			s.tells(instance.Name, node.ReasonNodeDeletionHalted, "the Node stays: 2 of 10 Nodes were removed within 10 min, and 2 may be (20 %)")
		}
	}

	s.clock.ahead.Store(int64(11 * time.Minute)) // then one of the eight that are left
	s.Eventually(func() int { return s.left(lost) }).Should(Equal(2))
	settles()
	s.Expect(s.left(instances)).To(Equal(7))
}

func TestANodeWhoseKubeletReportsStays(t *testing.T) {
	s, instances, nodes := crew(t, 2)
	s.run(deleting)
	s.sim.DeleteInstance(instances[0].ID)
	s.identify(instances[0], metav1.ConditionFalse)
	s.tells(instances[0].Name, node.ReasonNodeDeletionHalted, "its kubelet still reports")
	s.stays(nodes[0])
	s.Expect(s.sim.Calls().Operations).NotTo(HaveKey(opGet))

	s.report(instances[0].Name, corev1.ConditionFalse) // a heartbeat of an hour ago
	s.goes(instances[0].Name)
}

// meddling is a client before whose first removal of a Node something happens.
type meddling struct {
	client.Client
	before func()
	done   *bool
}

func (c meddling) Delete(ctx context.Context, object client.Object, opts ...client.DeleteOption) error {
	if !*c.done {
		*c.done = true
		c.before()
	}
	return c.Client.Delete(ctx, object, opts...)
}

// meddle runs the controller so that something happens when a Node is to go.
func (s *scene) meddle(before func()) {
	s.run(func(o *node.Options) {
		deleting(o)
		o.Client = meddling{Client: o.Client, before: before, done: new(bool)}
	})
}

func TestANodeOfTheSameNameThatHasComeMeanwhileStays(t *testing.T) {
	s, instances, nodes := crew(t, 2)
	var successor *corev1.Node
	met := make(chan struct{})
	s.meddle(func() {
		s.Expect(s.Delete(s.t.Context(), nodes[0])).To(Succeed())
		successor = s.register(instances[0], reports(corev1.ConditionTrue))
		close(met)
	})
	s.lose(instances[0])
	s.Eventually(met).Should(BeClosed())
	s.tells(instances[0].Name, node.ReasonNodeDeletionHalted, "its kubelet still reports") // the new one was looked at
	s.stays(successor)
}

func TestANodeThatReportsAgainMeanwhileStays(t *testing.T) {
	s, instances, nodes := crew(t, 2)
	met := make(chan struct{})
	s.meddle(func() {
		s.report(instances[0].Name, corev1.ConditionTrue)
		close(met)
	})
	s.lose(instances[0])
	s.Eventually(met).Should(BeClosed())
	s.tells(instances[0].Name, node.ReasonNodeDeletionHalted, "its kubelet still reports")
	s.stays(nodes[0])
}

func TestTwoListsAreNeeded(t *testing.T) {
	s, instances, nodes := crew(t, 2)
	s.interval = time.Hour
	s.lose(instances[0])
	var looks atomic.Int64
	s.run(func(o *node.Options) {
		deleting(o)
		o.Inventory = counting{o.Inventory, &looks}
	})
	s.Eventually(looks.Load).Should(BeNumerically(">=", 5))
	s.stays(nodes[0])
	s.Expect(s.sim.Calls().Operations).To(And(HaveKeyWithValue(opList, 1), Not(HaveKey(opGet))))
	s.inventory.RefreshSoon()
	s.goes(instances[0].Name)
	s.Expect(s.sim.Calls().Operations).To(HaveKeyWithValue(opList, 2))
}

// counting counts how often the list is looked at.
type counting struct {
	node.Inventory
	looks *atomic.Int64
}

func (c counting) Instances(ctx context.Context, zone string) ([]nlb.Instance, error) {
	c.looks.Add(1)
	return c.Inventory.Instances(ctx, zone)
}
