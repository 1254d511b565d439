// Package fairqueue lets the namespaces of a cluster take turns with a controller's
// workers, so that a tenant with a thousand objects that change, or can't be served,
// doesn't keep the others waiting, nor ever occupies all workers.
//
// The queues of the libraries know of requests, not of whose they are: theirs hand
// out what came first, or what has a priority. The one here is theirs in all else,
// duplicates, delays, backoff and metrics; only the order is its own.
package fairqueue

import (
	"sync"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// Queue of a controller. Requests with a negative priority, such as those for all
// objects after a start, come after all others. It implements the interface of
// controller-runtime's queue with priorities.
type Queue struct {
	workqueue.TypedRateLimitingInterface[reconcile.Request] // delays, over ready
	ready                                                   *ready
}

// New makes the queue of a controller. share is how many requests of one namespace
// are worked on at once.
func New(controller string, limiter workqueue.TypedRateLimiter[reconcile.Request], share int) *Queue {
	order := newTurns(share)
	r := &ready{order: order, known: workqueue.NewTypedWithConfig(workqueue.TypedQueueConfig[reconcile.Request]{Name: controller, Queue: order})}
	r.changed = sync.NewCond(&r.mu)
	return &Queue{ready: r, TypedRateLimitingInterface: workqueue.NewTypedRateLimitingQueueWithConfig(limiter,
		workqueue.TypedRateLimitingQueueConfig[reconcile.Request]{
			Name: controller,
			DelayingQueue: workqueue.NewTypedDelayingQueueWithConfig(
				workqueue.TypedDelayingQueueConfig[reconcile.Request]{Name: controller, Queue: r}),
		})}
}

// AddWithOpts implements priorityqueue.PriorityQueue. What is delayed isn't of low
// priority any more when its time has come.
func (q *Queue) AddWithOpts(o priorityqueue.AddOpts, requests ...reconcile.Request) {
	for _, request := range requests {
		switch {
		case o.RateLimited:
			q.AddRateLimited(request)
		case o.After > 0:
			q.AddAfter(request, o.After)
		case o.Priority != nil && *o.Priority < 0:
			q.ready.addForLater(request)
		default:
			q.Add(request)
		}
	}
}

// GetWithPriority implements priorityqueue.PriorityQueue.
func (q *Queue) GetWithPriority() (request reconcile.Request, priority int, shutdown bool) {
	request, shutdown = q.Get()
	return request, 0, shutdown
}

var _ priorityqueue.PriorityQueue[reconcile.Request] = &Queue{}

// ready are the requests whose time has come. The library's queue knows which of
// them are the same, which are being worked on, and counts; who waits for one waits
// here, since whether one may be handed out depends on what is being worked on.
type ready struct {
	mu       sync.Mutex
	changed  *sync.Cond
	known    workqueue.TypedInterface[reconcile.Request]
	order    *turns
	shutDown bool
}

// Add implements workqueue.TypedInterface.
func (r *ready) Add(request reconcile.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known.Add(request)
	r.changed.Signal()
}

func (r *ready) addForLater(request reconcile.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.order.deferring = true
	r.known.Add(request)
	r.order.deferring = false
	r.changed.Signal()
}

// Get implements workqueue.TypedInterface. It waits for a request that may be worked
// on. After ShutDown it hands out nothing any more.
func (r *ready) Get() (request reconcile.Request, shutdown bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for !r.shutDown && !r.order.some() {
		r.changed.Wait()
	}
	if r.shutDown {
		return reconcile.Request{}, true
	}
	return r.known.Get() // doesn't wait: there is one
}

// Done implements workqueue.TypedInterface.
func (r *ready) Done(request reconcile.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.order.done(request)
	r.known.Done(request)
	r.changed.Broadcast() // another of its namespace may be worked on
}

// Len implements workqueue.TypedInterface.
func (r *ready) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.known.Len()
}

// ShutDown implements workqueue.TypedInterface.
func (r *ready) ShutDown() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shutDown = true
	r.known.ShutDown()
	r.changed.Broadcast()
}

// ShutDownWithDrain is ShutDown: controller-runtime waits for its workers itself.
func (r *ready) ShutDownWithDrain() { r.ShutDown() }

// ShuttingDown implements workqueue.TypedInterface.
func (r *ready) ShuttingDown() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.shutDown
}
