package main

import (
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// witness remembers which NLB each NetworkLoadBalancer has had, as an event
// handler of the cache.
type witness struct {
	mu   sync.Mutex
	nlbs map[string]map[types.UID][]string // by namespace: ids, in order
}

func newWitness() *witness { return &witness{nlbs: map[string]map[types.UID][]string{}} }

// OnAdd implements cache.ResourceEventHandler.
func (w *witness) OnAdd(object any, _ bool) { w.see(object) }

// OnUpdate implements cache.ResourceEventHandler.
func (w *witness) OnUpdate(_, object any) { w.see(object) }

// OnDelete implements cache.ResourceEventHandler.
func (w *witness) OnDelete(any) {}

func (w *witness) see(object any) {
	lb, is := object.(*v1alpha1.NetworkLoadBalancer)
	if !is || lb.Status.ID == "" || lb.Status.Address == "" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.nlbs[lb.Namespace] == nil {
		w.nlbs[lb.Namespace] = map[types.UID][]string{}
	}
	ids := w.nlbs[lb.Namespace][lb.UID]
	if len(ids) == 0 || ids[len(ids)-1] != lb.Status.ID {
		w.nlbs[lb.Namespace][lb.UID] = append(ids, lb.Status.ID)
	}
}

// lost are the changes of address that nobody is to blame for but the operator:
// the NLB before wasn't deleted by foreign hands.
func (w *witness) lost(namespace string, removed map[string]bool) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var texts []string
	for uid, ids := range w.nlbs[namespace] {
		for i := range len(ids) - 1 {
			if !removed[ids[i]] {
				texts = append(texts, fmt.Sprintf("NetworkLoadBalancer %s went from NLB %s to %s, and nobody had deleted the first: its address is lost", uid, ids[i], ids[i+1]))
			}
		}
	}
	return texts
}
