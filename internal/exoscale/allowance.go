package exoscale

import "math"

// Allowance is what decides, besides a request itself, whether Exoscale takes it, as
// far as memory shows: of two that differ, the later may allow what was refused before.
type Allowance struct {
	// Access differs once the credentials have changed, or the list of the zone has
	// become readable again.
	Access uint64
	// Used is how many services an NLB holds or, where no NLB is named, how many NLBs
	// the zone does.
	Used int
	// Limit is the quota of NLBs; 0 if it isn't known.
	Limit int64
}

// Allowance is what memory shows for a change of a key. It asks nobody.
func (o *Operations) Allowance(key Key) Allowance { return o.inventory.allowance(key) }

func (i *Inventory) allowance(key Key) Allowance {
	z := i.zone(key.Zone)
	is := Allowance{Access: i.client.renewed.Load() + z.loadBalancers.healed.Load()}
	if key.ID != "" {
		lb, _ := z.balancers.peek(key.ID)
		is.Used = len(lb.Services)
		return is
	}
	is.Used = len(z.balancers.all())
	switch quota, known := z.quota.known(); {
	case known && quota.Limit < 0:
		is.Limit = math.MaxInt64
	case known:
		is.Limit = quota.Limit
	}
	return is
}
