package nlb

// ZoneLook compares what the objects of a cluster record of a zone with what
// Exoscale shows there.
type ZoneLook struct {
	// Recorded is the number of NLBs that objects record as theirs, and that no
	// deletion of ours accounts for.
	Recorded int
	// Missing is how many of them Exoscale doesn't show.
	Missing int
	// Pools is the number of instance pools that objects record, MissingPools how
	// many of them Exoscale doesn't show.
	Pools, MissingPools int
	// NodesUnknown: the cluster has Nodes, and none of them was ever found at Exoscale.
	NodesUnknown bool
	// RecordedOnly: where no NLB is recorded, the pools don't matter either. Otherwise
	// they alone tell then whose account it is, since nothing can be missing.
	RecordedOnly bool
}

// leastVanished is how many NLBs have to vanish at once to be a sign of something
// else than their deletion.
const leastVanished = 3

// Vanished reports whether so much of what a cluster has in a zone is gone at once
// that it was hardly deleted: the API key is of another organization, more likely.
//
//	missing NLBs                  │ pools of the cluster │ vanished
//	──────────────────────────────┼──────────────────────┼─────────
//	none is recorded              │ all missing          │ unless RecordedOnly
//	none is missing               │ any                  │ no
//	three or more, more than half │ any                  │ yes
//	three or more, not so many    │ any                  │ no
//	one or two                    │ all missing          │ yes
//	one or two                    │ some there           │ no
//	one or two, more than half    │ none is recorded     │ if there are Nodes, and
//	                              │                      │ none was ever found
//
// One or two don't tell by themselves: an NLB that was made while the key changed may be
// the only one that the other organization shows.
func (z ZoneLook) Vanished() bool {
	switch {
	case z.PoolsMatter() && z.Pools == 0:
		return z.NodesUnknown && z.MostMissing()
	case z.PoolsMatter():
		return z.MissingPools == z.Pools
	}
	return z.Missing >= leastVanished && z.MostMissing()
}

// PoolsMatter reports whether the NLBs alone don't decide.
func (z ZoneLook) PoolsMatter() bool {
	if z.Recorded == 0 {
		return !z.RecordedOnly
	}
	return z.Missing > 0 && z.Missing < leastVanished
}

// MostMissing reports whether more than half of what is recorded is missing.
func (z ZoneLook) MostMissing() bool { return 2*z.Missing > z.Recorded }
