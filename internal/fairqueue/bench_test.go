package fairqueue

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// One tenant's thousand objects change all the time; another's is changed now and
// then. How long does it take until that has been worked on? Ten workers, each round
// waits for the API server for 5 ms, and computes for 1 ms.
func BenchmarkAnotherTenantsChange(b *testing.B) {
	const workers, objects = 10, 1000
	queues := map[string]func() priorityqueue.PriorityQueue[reconcile.Request]{
		"theirs": func() priorityqueue.PriorityQueue[reconcile.Request] {
			return priorityqueue.New("", func(o *priorityqueue.Opts[reconcile.Request]) { o.RateLimiter = limiter() })
		},
		"fair, half":    func() priorityqueue.PriorityQueue[reconcile.Request] { return New("", limiter(), workers/2) },
		"fair, quarter": func() priorityqueue.PriorityQueue[reconcile.Request] { return New("", limiter(), workers/4) },
		"fair, all":     func() priorityqueue.PriorityQueue[reconcile.Request] { return New("", limiter(), workers) },
	}
	for _, queue := range []string{"theirs", "fair, all", "fair, half", "fair, quarter"} {
		for _, many := range []int{0, objects} {
			b.Run(fmt.Sprintf("%s, beside %d", queue, many), func(b *testing.B) {
				q := queues[queue]()
				done := make(chan struct{})
				other := request("other/1")
				var all sync.WaitGroup
				for range workers {
					all.Go(func() {
						for {
							r, shutdown := q.Get()
							if shutdown {
								return
							}
							time.Sleep(5 * time.Millisecond)
							for end := time.Now().Add(time.Millisecond); time.Now().Before(end); {
							}
							q.Done(r)
							if r == other {
								done <- struct{}{}
							} else {
								q.Add(r)
							}
						}
					})
				}
				for n := range many {
					q.Add(request(fmt.Sprint("many/", n)))
				}
				time.Sleep(50 * time.Millisecond)
				var took []time.Duration
				for b.Loop() {
					began := time.Now()
					q.Add(other)
					<-done
					took = append(took, time.Since(began))
				}
				q.ShutDown()
				all.Wait()
				slices.Sort(took)
				b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms/median")
				b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms/p99")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
