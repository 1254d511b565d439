package nlbservice

import (
	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/persist"
)

// telling: the other fields of the status are the operator's memory, by which it decides.
var telling = persist.Telling[*v1alpha1.NLBService]{
	Shows: func(object *v1alpha1.NLBService) *v1alpha1.NLBService {
		told := &v1alpha1.NLBService{}
		leave(told, object)
		return told
	},
	Leave: leave,
}

func leave(to, from *v1alpha1.NLBService) {
	was, status := from.Status, &to.Status
	status.Address, status.State, status.InstancePoolName = was.Address, was.State, was.InstancePoolName
	status.Backends, status.HealthyBackends, status.TotalBackends, status.Health = was.Backends, was.HealthyBackends, was.TotalBackends, was.Health
	status.Conditions = was.Conditions
}
