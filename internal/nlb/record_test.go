package nlb

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

func TestWhoseRecordOfAServiceGoesFirst(t *testing.T) {
	t.Parallel()
	service := Service{ID: "s1", Name: "web", Port: 443, Protocol: TCP}
	record := func(attached bool, port int32, name string, age int64) Record {
		return Record{Attached: attached, Object: &v1alpha1.NLBService{
			ObjectMeta: metav1.ObjectMeta{UID: "b", CreationTimestamp: metav1.NewTime(time.Unix(age, 0))},
			Spec:       v1alpha1.NLBServiceSpec{Port: port, Protocol: v1alpha1.ProtocolTCP, Name: name},
		}}
	}
	smaller := record(true, 443, "web", 2)
	smaller.Object.UID = "a"
	udp := record(true, 443, "web", 1)
	udp.Object.Spec.Protocol = v1alpha1.ProtocolUDP
	for name, c := range map[string]struct{ first, second Record }{
		"who is attached, before an older one that isn't": {record(true, 80, "api", 2), record(false, 443, "web", 1)},
		"who wants the port, before an older one":         {record(true, 443, "api", 2), record(true, 80, "web", 1)},
		"who wants the protocol, before an older one":     {record(true, 443, "api", 2), udp},
		"who wants the name, before an older one":         {record(true, 443, "web", 2), record(true, 443, "api", 1)},
		"the older":                    {record(true, 443, "web", 1), record(true, 443, "web", 2)},
		"of one age the UID's smaller": {smaller, record(true, 443, "web", 2)},
	} {
		t.Run(name, func(t *testing.T) {
			if !c.first.GoesFirst(c.second, service) || c.second.GoesFirst(c.first, service) {
				t.Error("one of them has to go first, and only that")
			}
		})
	}
}

func TestAnNLBThatLabelsGiveToAnotherStandsForNobodyElse(t *testing.T) {
	t.Parallel()
	object := &v1alpha1.NetworkLoadBalancer{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: ourUID}}
	without := func(key string) map[string]string {
		labels := owned(cluster, "shop/web", ourUID)
		delete(labels, key)
		return labels
	}
	for name, c := range map[string]struct {
		labels map[string]string
		may    bool
	}{
		"ours":                     {owned(cluster, "shop/web", ourUID), true},
		"ours, of a former self":   {owned(cluster, "shop/web", otherUID), true},
		"ours, under another name": {owned(cluster, "shop/former", ourUID), true},
		"none":                     {nil, true},
		"others' labels only":      {map[string]string{"team": "net"}, true},
		"ours, but for one":        {without(v1alpha1.CloudLabelOwnerUID), true},
		"ours, but for another":    {without(v1alpha1.CloudLabelCluster), true},
		"retained":                 {owned(cluster, "shop/other", v1alpha1.OwnerUIDRetained), true},
		"another's":                {owned(cluster, "shop/other", otherUID), false},
		"another cluster's":        {owned("green", "shop/web", ourUID), false},
		"another's by one label":   {map[string]string{v1alpha1.CloudLabelOwner: "shop/other"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if refusal := MayStandFor(LoadBalancer{ID: "lb", Labels: c.labels}, object, cluster); (refusal == "") != c.may {
				t.Errorf("may: %t, and it says %q", c.may, refusal)
			}
		})
	}
}
