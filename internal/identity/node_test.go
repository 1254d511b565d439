package identity

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

func TestNodeInstanceID(t *testing.T) {
	const id = "0b12c3d4-0000-4000-8000-00000000abcd"
	for name, test := range map[string]struct{ providerID, systemUUID, want string }{
		"by providerID":                             {"exoscale://" + id, "", id},
		"providerID in upper case":                  {"exoscale://0B12C3D4-0000-4000-8000-00000000ABCD", "", id},
		"providerID goes before systemUUID":         {"exoscale://" + id, instanceOf(1), id},
		"by systemUUID":                             {"", id, id},
		"systemUUID in upper case":                  {"", "0B12C3D4-0000-4000-8000-00000000ABCD", id},
		"another cloud's providerID":                {"aws:///eu/i-0123", id, id},
		"a providerID that is no id":                {"exoscale://web-1", id, id},
		"a systemUUID that is none":                 {"", "Not Settable", ""},
		"a node that says nothing":                  {"", "", ""},
		"an id in a path isn't the instance's":      {"exoscale://ch-gva-2/" + id, "", ""},
		"another cloud's providerID and no machine": {"kind://docker/kind/kind", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			node := corev1.Node{Spec: corev1.NodeSpec{ProviderID: test.providerID}}
			node.Status.NodeInfo.SystemUUID = test.systemUUID
			if got := NodeInstanceID(&node); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestNodeNames(t *testing.T) {
	old := func(n *corev1.Node) {
		n.Name, n.CreationTimestamp = "zz-incumbent", metav1.Time{Time: time.Unix(1, 0)}
	}
	young := func(n *corev1.Node) {
		n.Name, n.CreationTimestamp = "aa-newcomer", metav1.Time{Time: time.Unix(2, 0)}
	}
	got := NodeNames([]corev1.Node{node(1, young), node(1, old), node(2), {}})
	want := map[string]string{instanceOf(1): "zz-incumbent", instanceOf(2): "node-2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSelectNodes(t *testing.T) {
	ingress := func(n *corev1.Node) { n.Labels = map[string]string{"role": "ingress"} }
	got := SelectNodes([]corev1.Node{node(1), node(2, ingress)}, labels.SelectorFromSet(labels.Set{"role": "ingress"}))
	if len(got) != 1 || got[0].Name != "node-2" {
		t.Errorf("got %v", got)
	}
}

func TestRelevantChange(t *testing.T) {
	for name, test := range map[string]struct {
		change trait
		want   bool
	}{
		"a heartbeat": {func(n *corev1.Node) { n.Status.Conditions[0].LastHeartbeatTime = metav1.Now() }, false},
		"an image pulled": {func(n *corev1.Node) {
			n.Status.Images = []corev1.ContainerImage{{Names: []string{"web"}}}
		}, false},
		"an annotation":      {func(n *corev1.Node) { n.Annotations = map[string]string{"a": "b"} }, false},
		"not ready any more": {isNotReady, true},
		"no condition left":  {func(n *corev1.Node) { n.Status.Conditions = nil }, true},
		"cordoned":           {isCordoned, true},
		"being deleted":      {isLeaving, true},
		"excluded":           {isExcluded, true},
		"another label":      {func(n *corev1.Node) { n.Labels = map[string]string{"role": "ingress"} }, true},
		"another instance":   {func(n *corev1.Node) { n.Spec.ProviderID = ProviderPrefix + instanceOf(2) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			before, after := node(1), node(1, test.change)
			if got := RelevantChange(&before, &after); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}
