package identity

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

func TestNamesPool(t *testing.T) {
	pool := nlb.InstancePool{ID: blue, Name: "Blue"}
	for name, test := range map[string]struct {
		list []string
		want bool
	}{
		"nothing is named":                       {nil, false},
		"all are":                                {[]string{"*"}, true},
		"its id":                                 {[]string{"other", blue}, true},
		"its id in capitals":                     {[]string{"B1000000-0000-4000-8000-000000000000"}, true},
		"its name":                               {[]string{"Blue"}, true},
		"a name that differs in case is another": {[]string{"blue"}, false},
		"the beginning of its name":              {[]string{"Bl"}, false},
		"a pattern is no name":                   {[]string{"B*"}, false},
		"another pool":                           {[]string{green, "Green"}, false},
		"an empty entry":                         {[]string{""}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := NamesPool(test.list, pool); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
	if NamesPool([]string{blue}, nlb.InstancePool{ID: green, Name: "Blue"}) {
		t.Error("the id of another pool admits it")
	}
}

func TestMembersOf(t *testing.T) {
	bluePool, emptyPool := nlb.InstancePool{ID: blue}, nlb.InstancePool{ID: green}
	member := func(n byte, pool string) nlb.Instance { return nlb.Instance{ID: instanceOf(n), InstancePoolID: pool} }
	bySystemUUID := func(n *corev1.Node) { n.Spec.ProviderID, n.Status.NodeInfo.SystemUUID = "", instanceOf(1) }
	for name, test := range map[string]struct {
		pool      nlb.InstancePool
		nodes     []corev1.Node
		instances []nlb.Instance
		want      Membership
	}{
		"no Node":                            {bluePool, nil, []nlb.Instance{member(1, blue)}, Membership{}},
		"a Node by its providerID":           {bluePool, []corev1.Node{node(1)}, []nlb.Instance{member(1, blue)}, Membership{Nodes: []string{"node-1"}}},
		"a Node by its systemUUID":           {bluePool, []corev1.Node{node(1, bySystemUUID)}, []nlb.Instance{member(1, blue)}, Membership{Nodes: []string{"node-1"}}},
		"the pool tells its members":         {nlb.InstancePool{ID: blue, InstanceIDs: []string{instanceOf(1)}}, []corev1.Node{node(1)}, []nlb.Instance{member(1, "")}, Membership{Nodes: []string{"node-1"}}},
		"the pool tells before the list":     {nlb.InstancePool{ID: blue, InstanceIDs: []string{instanceOf(1)}}, []corev1.Node{node(1)}, nil, Membership{Nodes: []string{"node-1"}}},
		"some of many, by name":              {bluePool, []corev1.Node{node(3), node(2), node(1)}, []nlb.Instance{member(1, blue), member(2, green), member(3, blue)}, Membership{Nodes: []string{"node-1", "node-3"}}},
		"one that gets no traffic":           {bluePool, []corev1.Node{node(1, isCordoned, isExcluded, isNotReady, isLeaving)}, []nlb.Instance{member(1, blue)}, Membership{Nodes: []string{"node-1"}}},
		"all are of another pool":            {emptyPool, []corev1.Node{node(1)}, []nlb.Instance{member(1, blue)}, Membership{}},
		"one in no pool":                     {bluePool, []corev1.Node{node(1)}, []nlb.Instance{member(1, "")}, Membership{}},
		"no pool isn't the pool without id":  {nlb.InstancePool{}, []corev1.Node{node(1)}, []nlb.Instance{member(1, "")}, Membership{}},
		"a Node newer than the list":         {bluePool, []corev1.Node{node(1), node(2, isUndecided)}, []nlb.Instance{member(1, green)}, Membership{Unknown: true}},
		"a Node of another zone":             {bluePool, []corev1.Node{node(1), node(2)}, []nlb.Instance{member(1, green)}, Membership{}},
		"a Node that says it is no instance": {bluePool, []corev1.Node{{}}, nil, Membership{}},
		"a Node that is refuted":             {bluePool, []corev1.Node{node(1, isRefuted)}, []nlb.Instance{member(1, blue)}, Membership{}},
		"a Node without a verdict":           {bluePool, []corev1.Node{node(1, isUndecided)}, []nlb.Instance{member(1, blue)}, Membership{Undecided: true}},
		"one that was missing, and is there": {bluePool, []corev1.Node{node(1, isMissing)}, []nlb.Instance{member(1, blue)}, Membership{Undecided: true}},
		"one that is missing":                {bluePool, []corev1.Node{node(9, isMissing)}, []nlb.Instance{member(1, blue)}, Membership{}},
		"a new one of another pool":          {bluePool, []corev1.Node{node(1, isUndecided)}, []nlb.Instance{member(1, green)}, Membership{}},
		"a new one, newer than the list":     {bluePool, []corev1.Node{node(1, isUndecided)}, nil, Membership{Unknown: true}},
		"a new one beside one of the pool":   {bluePool, []corev1.Node{node(1), node(2, isUndecided)}, []nlb.Instance{member(1, blue), member(2, blue)}, Membership{Nodes: []string{"node-1"}, Undecided: true}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, MembersOf(test.pool, test.nodes, trusting(test.nodes...), test.instances)); diff != "" {
				t.Errorf("- want, + got:\n%s", diff)
			}
		})
	}
}
