package identity

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// about is a NodeIdentity that says of the n-th Node whether it is verified as the
// n-th instance.
func about(n byte, status metav1.ConditionStatus, reason string) v1alpha1.NodeIdentity {
	known := v1alpha1.NodeIdentity{
		Spec:   v1alpha1.NodeIdentitySpec{InstanceID: instanceOf(n)},
		Status: v1alpha1.NodeIdentityStatus{NodeName: "node-" + string('0'+n)},
	}
	meta.SetStatusCondition(&known.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionVerified, Status: status, Reason: reason})
	return known
}

// asInstance is a NodeIdentity of the n-th instance, whatever its Node.
func asInstance(n byte, known v1alpha1.NodeIdentity) v1alpha1.NodeIdentity {
	known.Spec.InstanceID = instanceOf(n)
	return known
}

func TestTrusted(t *testing.T) {
	for name, test := range map[string]struct {
		known []v1alpha1.NodeIdentity
		want  []string
	}{
		"nothing is known yet":                 {nil, nil},
		"all are verified":                     {[]v1alpha1.NodeIdentity{about(1, "True", "Verified"), about(2, "True", "Verified")}, []string{"node-1", "node-2"}},
		"one is the instance of another":       {[]v1alpha1.NodeIdentity{about(1, "True", "Verified"), about(2, "False", "InUseByOther")}, []string{"node-1"}},
		"one has another name":                 {[]v1alpha1.NodeIdentity{about(1, "False", "NameMismatch")}, nil},
		"one is in no zone in use":             {[]v1alpha1.NodeIdentity{about(1, "False", "NotFound")}, nil},
		"nobody has looked at one":             {[]v1alpha1.NodeIdentity{{Spec: v1alpha1.NodeIdentitySpec{InstanceID: instanceOf(1)}, Status: v1alpha1.NodeIdentityStatus{NodeName: "node-1"}}}, nil},
		"a member hasn't joined":               {[]v1alpha1.NodeIdentity{{Spec: v1alpha1.NodeIdentitySpec{InstanceID: instanceOf(1)}}}, nil},
		"one is verified, and also claimed to": {[]v1alpha1.NodeIdentity{about(1, "True", "Verified"), about(1, "False", "InUseByOther")}, []string{"node-1"}},
		"and the other way round":              {[]v1alpha1.NodeIdentity{about(1, "False", "InUseByOther"), about(1, "True", "Verified")}, []string{"node-1"}},
		"one was verified as another instance": {[]v1alpha1.NodeIdentity{asInstance(2, about(1, "True", "Verified"))}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var names []string
			for _, node := range TrustBy(test.known).Trusted([]corev1.Node{node(1), node(2)}) {
				names = append(names, node.Name)
			}
			if diff := cmp.Diff(test.want, names); diff != "" {
				t.Errorf("- want, + got:\n%s", diff)
			}
		})
	}
	if trusted := (Trust{}).Trusted([]corev1.Node{node(1)}); len(trusted) > 0 {
		t.Error("nobody said to trust anybody")
	}
}

func TestTrustChange(t *testing.T) {
	verified := about(1, "True", "Verified")
	for name, test := range map[string]struct {
		after v1alpha1.NodeIdentity
		want  bool
	}{
		"the same":              {about(1, "True", "Verified"), false},
		"another Node":          {asInstance(1, about(2, "True", "Verified")), true},
		"not verified any more": {about(1, "False", "NotFound"), true},
		"distrusted":            {about(1, "False", "NameMismatch"), true},
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
	gone, distrusted := about(1, "False", "NotFound"), about(1, "False", "NameMismatch")
	if !TrustChange(&gone, &distrusted) {
		t.Error("what isn't verified can still come to be distrusted")
	}
}
