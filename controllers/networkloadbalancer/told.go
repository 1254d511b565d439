package networkloadbalancer

import (
	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/persist"
)

// telling: the other fields of the status are the operator's memory, by which it decides.
var telling = persist.Telling[*v1alpha1.NetworkLoadBalancer]{
	Shows: func(object *v1alpha1.NetworkLoadBalancer) *v1alpha1.NetworkLoadBalancer {
		told := &v1alpha1.NetworkLoadBalancer{}
		leave(told, object)
		return told
	},
	Leave:     leave,
	Address:   func(object *v1alpha1.NetworkLoadBalancer) string { return object.Status.Address },
	Addresses: []persist.Part{{Field: "address"}},
}

func leave(to, from *v1alpha1.NetworkLoadBalancer) {
	was, status := from.Status, &to.Status
	status.Address, status.State = was.Address, was.State
	status.ServiceCount, status.ForeignServices = was.ServiceCount, was.ForeignServices
	status.Conditions = was.Conditions
}
