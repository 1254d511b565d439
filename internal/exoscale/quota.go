package exoscale

import (
	"context"
	"sync"
)

// quotaLoadBalancers is what Exoscale calls the resource in its quotas.
const quotaLoadBalancers = "network-load-balancer"

// Quota is how many of something the organisation has in a zone, and may have.
type Quota struct {
	Usage int64
	Limit int64 // negative: as many as it likes
}

// quota keeps the quota of a zone's NLBs: for the metrics, and for who waits for a
// higher one (see Allowance).
type quota struct {
	*listing

	mu    sync.Mutex
	last  *Quota // nil: not known
	shown bool   // that it can't be read was logged
}

func (i *Inventory) newQuota(z *zoneInventory) *quota {
	q := &quota{}
	q.listing = i.newListing(z, "quota", func(ctx context.Context) error {
		got, err := i.client.Quota(ctx, z.zone, quotaLoadBalancers)
		return q.take(got, err)
	}, func() {})
	return q
}

// take keeps the answer. That an older IAM role doesn't allow the question is no
// trouble: then nothing is known, and it is asked again at the next interval.
func (q *quota) take(got Quota, err error) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch ClassOf(err) {
	case "":
		q.last, q.shown = &got, false
	case Forbidden:
		q.last = nil
		if !q.shown {
			q.shown = true
			q.log.Info("the quota of NLBs isn't in the metrics", "reason", err.Error())
		}
	default:
		q.last = nil
		return err
	}
	return nil
}

// known gives the quota as last read; false if the last read failed.
func (q *quota) known() (Quota, bool) {
	if q == nil {
		return Quota{}, false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.last == nil {
		return Quota{}, false
	}
	return *q.last, true
}
