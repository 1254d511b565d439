package nlb

import "testing"

func TestWhenTooMuchIsGoneAtOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		look ZoneLook
		want bool
	}{
		"nothing is recorded":                           {ZoneLook{}, false},
		"nothing is recorded, and all pools are gone":   {ZoneLook{Pools: 2, MissingPools: 2}, true},
		"the same, but an NLB of ours is listed":        {ZoneLook{RecordedOnly: true, Pools: 2, MissingPools: 2}, false},
		"the only one, and no Node was ever found":      {ZoneLook{Recorded: 1, Missing: 1, NodesUnknown: true}, true},
		"one of two, with all pools":                    {ZoneLook{Recorded: 2, Missing: 1, Pools: 2, MissingPools: 2}, true},
		"one of ten, with all pools":                    {ZoneLook{Recorded: 10, Missing: 1, Pools: 2, MissingPools: 2}, true},
		"one of two, and no Node was ever found":        {ZoneLook{Recorded: 2, Missing: 1, NodesUnknown: true}, false},
		"the first one, before any Node was found":      {ZoneLook{NodesUnknown: true}, false},
		"nothing is recorded, some pools are there":     {ZoneLook{Pools: 2, MissingPools: 1}, false},
		"one is recorded and there, all pools are gone": {ZoneLook{Recorded: 1, Pools: 2, MissingPools: 2}, false},
		"all are there":                                 {ZoneLook{Recorded: 10}, false},
		"one of ten":                                    {ZoneLook{Recorded: 10, Missing: 1, Pools: 1}, false},
		"half of them":                                  {ZoneLook{Recorded: 10, Missing: 5, Pools: 1, MissingPools: 1}, false},
		"more than half":                                {ZoneLook{Recorded: 10, Missing: 6, Pools: 1}, true},
		"three of three":                                {ZoneLook{Recorded: 3, Missing: 3}, true},
		"two of two":                                    {ZoneLook{Recorded: 2, Missing: 2}, false},
		"two of two, with all pools":                    {ZoneLook{Recorded: 2, Missing: 2, Pools: 3, MissingPools: 3}, true},
		"two of two, with some of the pools":            {ZoneLook{Recorded: 2, Missing: 2, Pools: 3, MissingPools: 2}, false},
		"the only one":                                  {ZoneLook{Recorded: 1, Missing: 1, Pools: 1}, false},
		"the only one, with the only pool":              {ZoneLook{Recorded: 1, Missing: 1, Pools: 1, MissingPools: 1}, true},
		"the only one, and no pool is recorded":         {ZoneLook{Recorded: 1, Missing: 1}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.look.Vanished(); got != c.want {
				t.Errorf("vanished: %t, want %t", got, c.want)
			}
		})
	}
}
