package fairqueue

import (
	"container/list"

	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// turns is the order in which requests leave the queue. Namespaces take turns,
// those of which enough are being worked on excepted; within one namespace the
// first come first. What is urgent goes before what can come later.
//
// It is the storage of a workqueue.Typed, which calls it under a lock, and only with
// requests that aren't being worked on.
type turns struct {
	share int // of one namespace that may be worked on at once
	// deferring: what is added now can come later.
	deferring bool

	urgent, later lane
	working       map[string]int // by namespace
}

func newTurns(share int) *turns {
	return &turns{share: share, urgent: newLane(), later: newLane(), working: map[string]int{}}
}

// Push implements workqueue.Queue.
func (t *turns) Push(request reconcile.Request) {
	if t.deferring {
		t.later.push(request)
	} else {
		t.urgent.push(request)
	}
}

// Touch implements workqueue.Queue: a request that waits has been added again.
func (t *turns) Touch(request reconcile.Request) {
	if !t.deferring && t.later.remove(request) {
		t.urgent.push(request)
	}
}

// Len implements workqueue.Queue.
func (t *turns) Len() int { return t.urgent.len() + t.later.len() }

// Pop implements workqueue.Queue. There must be one that may.
func (t *turns) Pop() reconcile.Request {
	request, found := t.urgent.pop(t.mayWork)
	if !found {
		request, _ = t.later.pop(t.mayWork)
	}
	t.working[request.Namespace]++
	return request
}

// some reports whether there is a request that may be worked on.
func (t *turns) some() bool { return t.urgent.some(t.mayWork) || t.later.some(t.mayWork) }

func (t *turns) mayWork(namespace string) bool { return t.working[namespace] < t.share }

// done ends the work on a request.
func (t *turns) done(request reconcile.Request) {
	if t.working[request.Namespace]--; t.working[request.Namespace] == 0 {
		delete(t.working, request.Namespace)
	}
}

// lane holds the requests of each namespace in their order, and the namespaces in
// the order of their turns.
type lane struct {
	namespaces *list.List               // of *tenant, none empty
	tenants    map[string]*list.Element // in namespaces
	places     map[reconcile.Request]*list.Element
}

type tenant struct {
	namespace string
	requests  *list.List
}

func newLane() lane {
	return lane{namespaces: list.New(), tenants: map[string]*list.Element{}, places: map[reconcile.Request]*list.Element{}}
}

func (l *lane) len() int { return len(l.places) }

func (l *lane) push(request reconcile.Request) {
	turn := l.tenants[request.Namespace]
	if turn == nil {
		turn = l.namespaces.PushBack(&tenant{namespace: request.Namespace, requests: list.New()})
		l.tenants[request.Namespace] = turn
	}
	l.places[request] = turn.Value.(*tenant).requests.PushBack(request)
}

func (l *lane) remove(request reconcile.Request) bool {
	place, is := l.places[request]
	if !is {
		return false
	}
	delete(l.places, request)
	turn := l.tenants[request.Namespace]
	of := turn.Value.(*tenant)
	if of.requests.Remove(place); of.requests.Len() == 0 {
		l.namespaces.Remove(turn)
		delete(l.tenants, request.Namespace)
	}
	return true
}

// next is the namespace whose turn it is; nil if none may.
func (l *lane) next(may func(namespace string) bool) *list.Element {
	for turn := l.namespaces.Front(); turn != nil; turn = turn.Next() {
		if may(turn.Value.(*tenant).namespace) {
			return turn
		}
	}
	return nil
}

func (l *lane) some(may func(namespace string) bool) bool { return l.next(may) != nil }

func (l *lane) pop(may func(namespace string) bool) (reconcile.Request, bool) {
	turn := l.next(may)
	if turn == nil {
		return reconcile.Request{}, false
	}
	l.namespaces.MoveToBack(turn)
	request := turn.Value.(*tenant).requests.Front().Value.(reconcile.Request)
	return request, l.remove(request)
}
