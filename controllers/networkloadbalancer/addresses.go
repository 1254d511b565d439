package networkloadbalancer

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

// addresses remembers the address of an NLB that has vanished until the one made
// in its place has its own, so that both can be told. It is memory only: after a
// restart the Event of the recreation has told the old one.
type addresses struct {
	mu   sync.Mutex
	lost map[types.UID]string
}

func newAddresses() *addresses { return &addresses{lost: map[types.UID]string{}} }

// loses notes the address that an object had.
func (a *addresses) loses(uid types.UID, address string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lost[uid] = address
}

// take is the address that an object had lost, once; empty if none.
func (a *addresses) take(uid types.UID) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	lost := a.lost[uid]
	delete(a.lost, uid)
	return lost
}
