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
}

// leastVanished is how many NLBs have to vanish at once to be a sign of something
// else than their deletion.
const leastVanished = 3

// Vanished reports whether so much of what a cluster has in a zone is gone at once
// that it was hardly deleted: the API key is of another organization, more likely.
//
//	missing NLBs                  │ pools of the cluster │ vanished
//	──────────────────────────────┼──────────────────────┼─────────
//	half of them, or fewer        │ any                  │ no
//	more than half, three or more │ any                  │ yes
//	more than half, fewer         │ all missing          │ yes
//	more than half, fewer         │ some there, or none  │ no
//	                              │ recorded             │
func (z ZoneLook) Vanished() bool {
	switch {
	case 2*z.Missing <= z.Recorded:
		return false
	case z.Missing >= leastVanished:
		return true
	default:
		return z.Pools > 0 && z.MissingPools == z.Pools
	}
}

// PoolsDontMatter reports whether the NLBs alone decide.
func (z ZoneLook) PoolsDontMatter() bool {
	return 2*z.Missing <= z.Recorded || z.Missing >= leastVanished
}
