package exoscale

import (
	"reflect"
	"slices"

	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// fingerprint is an NLB, or its absence, as a list showed it, without the health
// of its backends, which no operation of ours changes.
type fingerprint struct {
	present bool
	lb      nlb.LoadBalancer
}

func fingerprintOf(lb nlb.LoadBalancer, present bool) fingerprint {
	if !present {
		return fingerprint{}
	}
	lb.Services = slices.Clone(lb.Services)
	for i := range lb.Services {
		lb.Services[i].Health = nil
	}
	return fingerprint{present: present, lb: lb}
}

// hintsAtEnd tells whether what a list shows now, compared with before, makes it
// likely that an operation has ended: something changed, and nothing is changing.
func hintsAtEnd(before, now fingerprint) bool {
	return now.settled() && !reflect.DeepEqual(before, now)
}

func (f fingerprint) settled() bool {
	if !f.present {
		return true
	}
	moving := func(state string) bool {
		switch state {
		case nlb.StateCreating, nlb.StateUpdating, nlb.StateDeleting, "migrating":
			return true
		}
		return false
	}
	return !moving(f.lb.State) && !slices.ContainsFunc(f.lb.Services, func(s nlb.Service) bool { return moving(s.State) })
}
