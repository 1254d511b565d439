package nlbservice

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// An outage of the API, or a restart, must not have every object written twice.
func TestBackendsKeepTheirNamesWhileNobodyKnowsBetter(t *testing.T) {
	t.Parallel()
	object := &v1alpha1.NLBService{Status: v1alpha1.NLBServiceStatus{Backends: []v1alpha1.Backend{
		{PublicIP: "192.0.2.1", InstanceID: "i1", NodeName: "node-1", Healthy: true}, {PublicIP: "192.0.2.2", InstanceID: "i2"},
	}}}
	describeHealth(object, []nlb.BackendHealth{{PublicIP: "192.0.2.1"}, {PublicIP: "192.0.2.3", Healthy: true}}, toldLast(object))
	want := []v1alpha1.Backend{{PublicIP: "192.0.2.1", InstanceID: "i1", NodeName: "node-1"}, {PublicIP: "192.0.2.3", Healthy: true}}
	if diff := cmp.Diff(want, object.Status.Backends); diff != "" {
		t.Error(diff)
	}
}
