package fairqueue

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// limiter doubles from a second.
func limiter() workqueue.TypedRateLimiter[reconcile.Request] {
	return workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](time.Second, time.Hour)
}

// workers work on the requests of a queue as a controller does, and watch over it.
type workers struct {
	*Queue
	t     *testing.T
	share int
	round func(reconcile.Request) // the work

	mu      sync.Mutex
	working map[reconcile.Request]bool
	busy    map[string]int
	rounds  map[reconcile.Request]int
	all     sync.WaitGroup
}

func givenWorkers(t *testing.T, name string, n, share int, round func(reconcile.Request)) *workers {
	w := &workers{
		Queue: New(name, limiter(), share), t: t, share: share, round: round,
		working: map[reconcile.Request]bool{}, busy: map[string]int{}, rounds: map[reconcile.Request]int{},
	}
	for range n {
		w.all.Go(func() {
			for {
				request, shutdown := w.Get()
				if shutdown {
					return
				}
				w.begins(request)
				w.round(request)
				w.ends(request)
				w.Done(request)
			}
		})
	}
	return w
}

func (w *workers) begins(request reconcile.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.working[request] {
		w.t.Errorf("two work on %s at once", request)
	}
	w.working[request] = true
	w.rounds[request]++
	if w.busy[request.Namespace]++; w.busy[request.Namespace] > w.share {
		w.t.Errorf("%d work for namespace %s at once, of which %d may", w.busy[request.Namespace], request.Namespace, w.share)
	}
}

func (w *workers) ends(request reconcile.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.working, request)
	w.busy[request.Namespace]--
}

func (w *workers) roundsOf(key string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rounds[request(key)]
}

// stop shuts the queue down and waits for the workers.
func (w *workers) stop() {
	w.ShutDown()
	w.all.Wait()
}

// Whatever is added is worked on after that, by one worker at a time, of which one
// namespace never has more than its share.
func TestNothingIsLostAndNothingDoneTwiceAtOnce(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				chance := rand.New(rand.NewPCG(seed, 1))
				version, seen := map[reconcile.Request]int{}, map[reconcile.Request]int{}
				var mu sync.Mutex
				n, share := 1+chance.IntN(6), 1+chance.IntN(4)
				w := givenWorkers(t, "", n, share, func(r reconcile.Request) {
					mu.Lock()
					seen[r] = version[r]
					mu.Unlock()
					time.Sleep(10 * time.Millisecond)
				})
				for range 500 {
					r := request(fmt.Sprintf("ns%d/%d", chance.IntN(4), chance.IntN(10)))
					mu.Lock()
					version[r]++
					mu.Unlock()
					switch chance.IntN(6) {
					case 0:
						w.AddWithOpts(priorityqueue.AddOpts{Priority: new(handler.LowPriority)}, r)
					case 1:
						w.AddWithOpts(priorityqueue.AddOpts{After: time.Duration(chance.IntN(100)) * time.Millisecond}, r)
					case 2:
						w.AddWithOpts(priorityqueue.AddOpts{RateLimited: true}, r)
						w.Forget(r)
					default:
						w.Add(r)
					}
					if chance.IntN(3) == 0 {
						time.Sleep(time.Duration(chance.IntN(20)) * time.Millisecond)
					}
				}
				time.Sleep(time.Minute)
				if w.Len() != 0 {
					t.Errorf("%d wait in the end", w.Len())
				}
				for r, added := range version {
					if seen[r] != added {
						t.Errorf("%s was added %d times, and seen after %d of them", r, added, seen[r])
					}
				}
				w.stop()
			})
		})
	}
}

func TestATenantWithAThousandObjectsLeavesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := givenWorkers(t, "", 4, 2, func(reconcile.Request) { time.Sleep(time.Second) })
		for n := range 1000 {
			w.Add(request(fmt.Sprint("many/", n)))
		}
		synctest.Wait()
		w.Add(request("one/1"))
		synctest.Wait()
		if w.roundsOf("one/1") != 1 {
			t.Error("a free worker didn't take it at once")
		}
		time.Sleep(time.Hour)
		for n := range 1000 {
			if w.roundsOf(fmt.Sprint("many/", n)) != 1 {
				t.Fatalf("%d was worked on %d times", n, w.roundsOf(fmt.Sprint("many/", n)))
			}
		}
		w.stop()
	})
}

func TestTheQueueShutsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := givenWorkers(t, "", 3, 1, func(reconcile.Request) { time.Sleep(time.Second) })
		for n := range 10 {
			w.Add(request(fmt.Sprint("a/", n)))
		}
		w.AddAfter(request("b/1"), time.Hour)
		synctest.Wait()
		if w.ShuttingDown() {
			t.Error("it shuts down already")
		}
		w.stop() // those who wait, and who works, come to an end
		w.Add(request("c/1"))
		if _, shutdown := w.Get(); !shutdown || !w.ShuttingDown() {
			t.Error("it hands out what is left")
		}
		if len(w.rounds) != 1 {
			t.Errorf("%d rounds were made, not the one under way", len(w.rounds))
		}
	})
}

func TestDelaysGrowUntilTheyAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := givenWorkers(t, "", 1, 1, func(reconcile.Request) {})
		r, began := request("a/1"), time.Now()
		for _, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
			w.AddWithOpts(priorityqueue.AddOpts{RateLimited: true}, r)
			before := w.roundsOf("a/1")
			time.Sleep(want - time.Millisecond)
			synctest.Wait()
			early := w.roundsOf("a/1")
			time.Sleep(time.Millisecond)
			synctest.Wait()
			if early != before || w.roundsOf("a/1") != before+1 {
				t.Errorf("after %s, %d rounds and then %d", time.Since(began), early-before, w.roundsOf("a/1")-before)
			}
		}
		if w.NumRequeues(r) != 3 {
			t.Errorf("it counts %d", w.NumRequeues(r))
		}
		if w.Forget(r); w.NumRequeues(r) != 0 {
			t.Error("it doesn't forget")
		}
		w.stop()
	})
}

// The alerts and the dashboard ask for these.
func TestTheMetricsAreThoseOfEveryQueue(t *testing.T) {
	name := fmt.Sprint("fair-queue-under-test-", rand.Int64()) // they are the process's
	release := make(chan struct{})
	began := make(chan struct{}, 1)
	w := givenWorkers(t, name, 1, 1, func(reconcile.Request) {
		began <- struct{}{}
		<-release
	})
	for n := range 3 {
		w.Add(request(fmt.Sprint("a/", n)))
	}
	w.AddAfter(request("a/later"), time.Hour)
	<-began
	got := map[string]float64{}
	families, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			for _, label := range metric.GetLabel() {
				if label.GetName() == "controller" && label.GetValue() == name {
					got[strings.TrimPrefix(family.GetName(), "workqueue_")] = metric.GetGauge().GetValue() + metric.GetCounter().GetValue() + float64(metric.GetHistogram().GetSampleCount())
				}
			}
		}
	}
	for metric, want := range map[string]float64{"depth": 2, "adds_total": 3, "queue_duration_seconds": 1, "work_duration_seconds": 0, "retries_total": 1} {
		if value, is := got[metric]; !is || value != want {
			t.Errorf("%s is %v, want %v", metric, value, want)
		}
	}
	for _, metric := range []string{"unfinished_work_seconds", "longest_running_processor_seconds"} {
		if _, is := got[metric]; !is {
			t.Errorf("there is no %s", metric)
		}
	}
	w.ShutDown()
	close(release)
	w.all.Wait()
}
