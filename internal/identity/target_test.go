package identity

import (
	"strings"
	"testing"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// reasonOf is why there is no pool; empty if there is one.
func reasonOf(refusal *Refusal) string {
	if refusal == nil {
		return ""
	}
	return refusal.Reason
}

func TestWhichPoolATargetMeans(t *testing.T) {
	t.Parallel()
	pools := []nlb.InstancePool{{ID: blue, Name: "blue"}, {ID: green, Name: "twice"}, {ID: "third", Name: "twice"}}
	for name, c := range map[string]struct {
		ref    PoolReference
		id     string
		reason string
		says   []string
	}{
		"an id":                    {PoolNamed(v1alpha1.Target{InstancePoolID: blue}), blue, "", nil},
		"a name":                   {PoolNamed(v1alpha1.Target{InstancePoolName: "blue"}), blue, "", nil},
		"an id that no pool has":   {PoolNamed(v1alpha1.Target{InstancePoolID: "none"}), "", v1alpha1.ReasonNotFound, []string{"none", "ch-gva-2", "check spec.target"}},
		"a name that no pool has":  {PoolNamed(v1alpha1.Target{InstancePoolName: "Blue"}), "", v1alpha1.ReasonNotFound, []string{`"Blue"`}},
		"a name that two have":     {PoolNamed(v1alpha1.Target{InstancePoolName: "twice"}), "", v1alpha1.ReasonAmbiguousInstancePool, []string{green, "third", "spec.target.instancePoolID"}},
		"nothing":                  {PoolNamed(v1alpha1.Target{}), "", v1alpha1.ReasonNotFound, nil},
		"a nodepool's":             {PoolOf(nlb.SKSNodepool{Name: "n", InstancePoolID: blue}), blue, "", nil},
		"a nodepool's, which went": {PoolOf(nlb.SKSNodepool{Name: "n", InstancePoolID: "gone"}), "", v1alpha1.ReasonNotFound, []string{"nodepool n", "gone"}},
	} {
		t.Run(name, func(t *testing.T) {
			pool, refusal := OnePool(pools, c.ref, "ch-gva-2")
			if pool.ID != c.id || reasonOf(refusal) != c.reason || refusal.Missing() != (c.reason == v1alpha1.ReasonNotFound) {
				t.Fatalf("got %q, %+v", pool.ID, refusal)
			}
			for _, text := range c.says {
				if !strings.Contains(refusal.Message, text) {
					t.Errorf("%q doesn't say %q", refusal.Message, text)
				}
			}
		})
	}
}

func TestWhichNodepoolATargetMeans(t *testing.T) {
	t.Parallel()
	nodepools := []nlb.SKSNodepool{
		{ID: "n1", Name: "Blue", ClusterID: "c1", ClusterName: "prod"}, {ID: "n2", Name: "green", ClusterID: "c1", ClusterName: "prod"},
		{ID: "n3", Name: "blue", ClusterID: "c2", ClusterName: "prod"}, {ID: "n4", Name: "BLUE", ClusterID: "c2", ClusterName: "prod"},
	}
	for name, c := range map[string]struct{ cluster, nodepool, id, reason string }{
		"by names":                       {"prod", "green", "n2", ""},
		"in any case":                    {"prod", "GREEN", "n2", ""},
		"by ids":                         {"c1", "n1", "n1", ""},
		"of several clusters of a name":  {"prod", "blue", "", v1alpha1.ReasonAmbiguousInstancePool},
		"of one of these":                {"c1", "blue", "n1", ""},
		"several of a name in a cluster": {"c2", "blue", "", v1alpha1.ReasonAmbiguousInstancePool},
		"none in the cluster":            {"c2", "green", "", v1alpha1.ReasonNotFound},
		"no such cluster":                {"Prod", "blue", "", v1alpha1.ReasonNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			got, refusal := OneNodepool(nodepools, v1alpha1.SKSNodepoolReference{Cluster: c.cluster, Nodepool: c.nodepool}, "ch-gva-2")
			if got.ID != c.id || reasonOf(refusal) != c.reason {
				t.Errorf("got %q, %+v", got.ID, refusal)
			}
		})
	}
}

func TestWhichMembersAdmitAPool(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		of     Membership
		reason string
	}{
		"a verified Node":                  {Membership{Nodes: []string{"a"}}, ""},
		"a verified Node, and a new one":   {Membership{Nodes: []string{"a"}, Undecided: true, Unknown: true}, ""},
		"a Node that is yet to be judged":  {Membership{Undecided: true}, v1alpha1.ReasonWaitingForVerification},
		"a Node that is newer than a list": {Membership{Unknown: true}, v1alpha1.ReasonNotAllowedInstancePool},
		"none":                             {Membership{}, v1alpha1.ReasonNotAllowedInstancePool},
	} {
		t.Run(name, func(t *testing.T) {
			refusal := c.of.Refusal(nlb.InstancePool{ID: blue, Name: "blue"})
			if reasonOf(refusal) != c.reason {
				t.Errorf("got %+v", refusal)
			}
			if refusal != nil && (!strings.Contains(refusal.Message, blue) || !strings.Contains(refusal.Message, `"blue"`)) {
				t.Errorf("%q doesn't name the pool", refusal.Message)
			}
		})
	}
}
