package identity

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// about is a NodeIdentity that says of a Node whether it is verified.
func about(node string, status metav1.ConditionStatus, reason string) v1alpha1.NodeIdentity {
	known := v1alpha1.NodeIdentity{Status: v1alpha1.NodeIdentityStatus{NodeName: node}}
	meta.SetStatusCondition(&known.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionVerified, Status: status, Reason: reason})
	return known
}

// home is the zone of which the tests keep NodeIdentities.
const home = "ch-gva-2"

func TestTrusted(t *testing.T) {
	for name, test := range map[string]struct {
		known []v1alpha1.NodeIdentity
		want  []string
		// elsewhere is whom to trust in a zone of which no NodeIdentities are kept.
		elsewhere []string
	}{
		"nothing is known yet":                 {nil, nil, []string{"node-1", "node-2"}},
		"all are verified":                     {[]v1alpha1.NodeIdentity{about("node-1", "True", "Verified"), about("node-2", "True", "Verified")}, []string{"node-1", "node-2"}, []string{"node-1", "node-2"}},
		"one is the instance of another":       {[]v1alpha1.NodeIdentity{about("node-1", "True", "Verified"), about("node-2", "False", "InUseByOther")}, []string{"node-1"}, []string{"node-1"}},
		"one has another name":                 {[]v1alpha1.NodeIdentity{about("node-1", "False", "NameMismatch")}, nil, []string{"node-2"}},
		"one is of another zone":               {[]v1alpha1.NodeIdentity{about("node-1", "False", "NotFound")}, nil, []string{"node-1", "node-2"}},
		"nobody has looked at one":             {[]v1alpha1.NodeIdentity{{Status: v1alpha1.NodeIdentityStatus{NodeName: "node-1"}}}, nil, []string{"node-1", "node-2"}},
		"a member hasn't joined":               {[]v1alpha1.NodeIdentity{about("", "Unknown", "NotJoined")}, nil, []string{"node-1", "node-2"}},
		"one is verified, and also claimed to": {[]v1alpha1.NodeIdentity{about("node-1", "True", "Verified"), about("node-1", "False", "InUseByOther")}, []string{"node-1"}, []string{"node-1", "node-2"}},
		"and the other way round":              {[]v1alpha1.NodeIdentity{about("node-1", "False", "InUseByOther"), about("node-1", "True", "Verified")}, []string{"node-1"}, []string{"node-1", "node-2"}},
	} {
		t.Run(name, func(t *testing.T) {
			trusted := func(zone, home string) []string {
				var names []string
				for _, node := range TrustIn(zone, home, test.known).Trusted([]corev1.Node{node(1), node(2)}) {
					names = append(names, node.Name)
				}
				return names
			}
			if diff := cmp.Diff(test.want, trusted(home, home)); diff != "" {
				t.Errorf("in the zone: - want, + got:\n%s", diff)
			}
			if diff := cmp.Diff(test.elsewhere, trusted("de-fra-1", home)); diff != "" {
				t.Errorf("in another zone: - want, + got:\n%s", diff)
			}
			if diff := cmp.Diff(test.elsewhere, trusted("", "")); diff != "" {
				t.Errorf("without a zone: - want, + got:\n%s", diff)
			}
		})
	}
	if trusted := (Trust{}).Trusted([]corev1.Node{node(1)}); len(trusted) > 0 {
		t.Error("nobody said to trust anybody")
	}
}

func TestTrustChange(t *testing.T) {
	verified := about("node-1", "True", "Verified")
	for name, test := range map[string]struct {
		after v1alpha1.NodeIdentity
		want  bool
	}{
		"the same":              {about("node-1", "True", "Verified"), false},
		"another Node":          {about("node-2", "True", "Verified"), true},
		"not verified any more": {about("node-1", "False", "NotFound"), true},
		"distrusted":            {about("node-1", "False", "NameMismatch"), true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := TrustChange(&verified, &test.after); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
	if !TrustChange(&v1alpha1.NodeIdentity{}, &verified) || TrustChange(&v1alpha1.NodeIdentity{}, &v1alpha1.NodeIdentity{}) {
		t.Error("one that is made says something if it has a verdict")
	}
	gone, distrusted := about("node-1", "False", "NotFound"), about("node-1", "False", "NameMismatch")
	if !TrustChange(&gone, &distrusted) {
		t.Error("what isn't verified can still come to be distrusted")
	}
}
