package nlb

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// digits is a claim all of whose labels have to be encoded: both ids begin with a
// digit, as those of two in three clusters do.
func digits(edits ...func(*Claim)) Claim {
	return claimed(append([]func(*Claim){func(c *Claim) { c.Cluster = digitUID }}, edits...)...)
}

func TestLabelsHoldUnderExoscalesRule(t *testing.T) {
	t.Parallel()
	longest := digits(func(c *Claim) {
		c.Namespace, c.Name = strings.Repeat("n", 63), "1."+strings.Repeat("o", 251)
	})
	for name, claim := range map[string]Claim{
		"ids that begin with digits": digits(),
		"the longest names":          longest,
		"a cluster id of all sorts":  claimed(func(c *Claim) { c.Cluster = "1.prod_eu-" + strings.Repeat("_.", 26) }),
	} {
		t.Run(name, func(t *testing.T) {
			for key, value := range claim.Labels() {
				if !documentedRule.MatchString(value) {
					t.Errorf("%s=%s is refused", key, value)
				}
			}
			if proof, _ := ProofOf(LoadBalancer{Labels: claim.Labels()}, claim); proof != ProofLabels {
				t.Errorf("they prove %q", proof)
			}
			_, refusal := ProofOf(LoadBalancer{ID: "lb", Name: "n"}, claim)
			_, told, _ := strings.Cut(refusal, v1alpha1.CloudLabelAdopt+"=")
			told, _, _ = strings.Cut(told, " ")
			if !documentedRule.MatchString(told) {
				t.Errorf("the consent that it asks for is refused: %q", told)
			}
			given := LoadBalancer{ID: "lb", Name: "n", Labels: map[string]string{v1alpha1.CloudLabelAdopt: told}}
			if proof, _ := ProofOf(given, claim); proof != ProofConsent {
				t.Errorf("what it asks for proves %q", proof)
			}
		})
	}
}

func TestTheLabelsOfTheOperatorsBeforeAreUnderstood(t *testing.T) {
	t.Parallel()
	unencoded := func(c Claim) map[string]string { return former(owned(c.Cluster, c.Namespace+"/"+c.Name, c.UID)) }
	longest := digits(func(c *Claim) { c.Namespace, c.Name = strings.Repeat("n", 63), strings.Repeat("o", 253) })
	// What an operator wrote before can look like what one writes now for another.
	both := func(now, before map[string]string) map[string]string {
		maps.Copy(now, before)
		return now
	}
	like := func(id string) Claim { return claimed(func(c *Claim) { c.Cluster = id }) }
	for name, c := range map[string]struct {
		labels map[string]string
		claim  Claim
		want   Proof
	}{
		"digits":                                 {unencoded(digits()), digits(), ProofLabels},
		"the longest names":                      {unencoded(longest), longest, ProofLabels},
		"restored":                               {former(owned(digitUID, "shop/web", otherUID)), digits(), ProofRestored},
		"retained":                               {former(owned(digitUID, "shop/web", retained)), digits(), ProofRetained},
		"written since by an operator of before": {both(digits().Labels(), unencoded(digits(func(c *Claim) { c.Name = "other" }))), digits(), ProofLabels},
		"another's, written since by one":        {both(digits(func(c *Claim) { c.UID, c.Name = otherUID, "other" }).Labels(), unencoded(digits())), digits(), ProofLabels},
		"ours, written over since by another's":  {both(digits().Labels(), former(owned(digitUID, "shop/other", otherUID))), digits(), ProofNone},
		"consent":                                {map[string]string{v1alpha1.CloudLabelAdopt: digitUID + "/shop/web"}, digits(), ProofConsent},
		"consent for another":                    {map[string]string{v1alpha1.CloudLabelAdopt: digitUID + "/shop/web2"}, digits(), ProofNone},
		"consent, of no sense":                   {map[string]string{v1alpha1.CloudLabelAdopt: "1"}, digits(), ProofNone},
		"an id like one with the prefix, ours":   {unencoded(like("x7")), like("x7"), ProofLabels},
		"an id like one with the prefix, for the one without":   {unencoded(like("x7")), like("7"), ProofNone},
		"an id like one with an escape, ours":                   {unencoded(like("a_2eb")), like("a_2eb"), ProofLabels},
		"an id like one with an escape, for the one that is it": {unencoded(like("a_2eb")), like("a.b"), ProofNone},
		"encoded, an id for one like it":                        {like("7").Labels(), like("x7"), ProofNone},
		"encoded, an escape for one like it":                    {like("a.b").Labels(), like("a_2eb"), ProofNone},
	} {
		t.Run(name, func(t *testing.T) {
			if proof, refusal := ProofOf(LoadBalancer{ID: "lb", Name: "n", Labels: c.labels}, c.claim); proof != c.want {
				t.Errorf("they prove %q, want %q: %s", proof, c.want, refusal)
			}
		})
	}
}

func TestAForgedRecordMeetsTheLabelsInEitherForm(t *testing.T) {
	t.Parallel()
	object := &v1alpha1.NetworkLoadBalancer{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: ourUID}}
	for name, c := range map[string]struct {
		labels map[string]string
		may    bool
	}{
		"ours":                   {owned(digitUID, "shop/web", ourUID), true},
		"ours, under its name":   {owned(digitUID, "shop/web", otherUID), true},
		"ours, but for the UID":  {owned(digitUID, "shop/web", ""), true},
		"ours, by the UID alone": {owned("", "", ourUID), true},
		"retained for another":   {owned(digitUID, "shop/other", retained), true},
		"another's":              {owned(digitUID, "shop/other", otherUID), false},
		"another cluster's":      {owned("4"+digitUID[1:], "shop/web", ourUID), false},
		"another's UID alone":    {owned("", "", otherUID), false},
		"another's name alone":   {owned("", "shop/other", ""), false},
	} {
		t.Run(name, func(t *testing.T) {
			for form, labels := range inForms(c.labels) {
				if refusal := MayStandFor(LoadBalancer{ID: "lb", Labels: labels}, object, digitUID); (refusal == "") != c.may {
					t.Errorf("%s: may: %t, and it says %q", form, c.may, refusal)
				}
			}
		})
	}
}

func TestTheStrongestProofIsFoundInEitherForm(t *testing.T) {
	t.Parallel()
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	before := LoadBalancer{ID: "before", CreatedAt: day(2), Labels: former(owned(digitUID, "shop/web", ourUID))}
	now := LoadBalancer{ID: "now", CreatedAt: day(1), Labels: digits().Labels()}
	others := LoadBalancer{ID: "others", Labels: claimed(func(c *Claim) { c.Cluster = theirs }).Labels()}
	for want, all := range map[string][]LoadBalancer{"before": {others, before}, "now": {before, now, others}} {
		if got, proof := FindLoadBalancer(all, digits()); got.ID != want || proof != ProofLabels {
			t.Errorf("found %q by %q, want %q", got.ID, proof, want)
		}
	}
}

func TestTheFormOfLabelsAloneIsNoReasonToWrite(t *testing.T) {
	t.Parallel()
	claim := digits()
	want := wanted(func(w *LoadBalancerWant) {
		maps.Copy(w.Attributes.Labels, claim.Labels())
	})
	bare := former(owned(digitUID, "shop/web", ourUID))
	before := plus(bare, "env", "prod")
	consented := plus(before, v1alpha1.CloudLabelAdopt, digitUID+"/shop/web")
	now := plus(claim.Labels(), "env", "prod")
	released := func(labels map[string]string) map[string]string {
		return plus(labels, v1alpha1.CloudLabelOwnerUID, retained)
	}
	releasedBefore := plus(before, v1alpha1.FormerCloudLabelOwnerUID, retained)
	wanting := func(edits ...func(*LoadBalancerWant)) LoadBalancerWant {
		edited := want
		for _, edit := range edits {
			edit(&edited)
		}
		return edited
	}
	update := func(change LoadBalancerChange) LoadBalancerMove {
		return LoadBalancerMove{Action: Update, Change: change}
	}
	for name, c := range map[string]struct {
		want   LoadBalancerWant
		labels map[string]string
		name   string
		move   LoadBalancerMove
	}{
		"as it was":                           {want, before, "web", LoadBalancerMove{Action: None}},
		"as it is now":                        {want, now, "web", LoadBalancerMove{Action: None}},
		"with consent":                        {want, consented, "web", LoadBalancerMove{Action: None}},
		"with others' that hold a slash":      {want, plus(before, "team", "net/eu"), "web", LoadBalancerMove{Action: None}},
		"another name, now":                   {want, now, "old", update(LoadBalancerChange{Name: ptr("web")})},
		"another name":                        {want, before, "old", update(LoadBalancerChange{Name: ptr("web"), Labels: &now})},
		"another name, with consent":          {want, consented, "old", update(LoadBalancerChange{Name: ptr("web"), Labels: ptr(plus(now, v1alpha1.CloudLabelAdopt, "x"+digitUID+"__shop__web"))})},
		"another name, others' hold a slash":  {want, plus(before, "team", "net/eu"), "old", update(LoadBalancerChange{Name: ptr("web")})},
		"a label too few":                     {want, bare, "web", update(LoadBalancerChange{Labels: &now})},
		"a label too few, others' hold slash": {want, plus(bare, "team", "net/eu"), "web", update(LoadBalancerChange{Labels: ptr(plus(now, "team", "net/eu"))})},
		"to be retained":                      {wanting(deleting, retaining), before, "web", LoadBalancerMove{Action: Release, Change: LoadBalancerChange{Labels: ptr(released(now))}}},
		"retained already":                    {wanting(deleting, retaining), releasedBefore, "web", LoadBalancerMove{Action: None}},
		"retained, now":                       {wanting(deleting, retaining), released(now), "web", LoadBalancerMove{Action: None}},
		"to be deleted":                       {wanting(deleting), before, "web", LoadBalancerMove{Action: Delete}},
	} {
		t.Run(name, func(t *testing.T) {
			got := present(labelled(c.labels), named(c.name))
			got.Proof, got.Refusal = ProofOf(*got.NLB, claim)
			thenMoves(t, c.move, DiffLoadBalancer(c.want, got))
		})
	}
}

func TestAdoptingEncodesTheConsent(t *testing.T) {
	t.Parallel()
	claim := digits()
	want := wanted(byID, func(w *LoadBalancerWant) { maps.Copy(w.Attributes.Labels, claim.Labels()) })
	got := present(labelled(map[string]string{"team": "net", v1alpha1.CloudLabelAdopt: digitUID + "/shop/web"}))
	got.Proof, _ = ProofOf(*got.NLB, claim)
	labels := plus(plus(claim.Labels(), "team", "net"), v1alpha1.CloudLabelAdopt, "x"+digitUID+"__shop__web")
	thenMoves(t, LoadBalancerMove{Action: Adopt, Change: LoadBalancerChange{Labels: &labels}}, DiffLoadBalancer(want, got))
}

func TestTheIDOfAnotherClusterIsTold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		labels map[string]string
		want   string
	}{
		"another's id":       {owned(digitUID, "shop/web", ourUID), digitUID},
		"a word":             {owned("a.b", "shop/web", ourUID), "a.b"},
		"the id given":       {owned(cluster, "shop/web", ourUID), ""},
		"another object's":   {owned(digitUID, "shop/web", otherUID), ""},
		"no id":              {owned("", "shop/web", ourUID), ""},
		"no labels":          {nil, ""},
		"retained, without":  {owned(digitUID, "shop/web", retained), ""},
		"the UID was lost":   {owned(digitUID, "shop/web", ""), ""},
		"the id, object off": {owned(digitUID, "", ourUID), digitUID},
	} {
		t.Run(name, func(t *testing.T) {
			for form, labels := range inForms(c.labels) {
				if got := OtherCluster(LoadBalancer{Labels: labels}, ourUID, cluster); got != c.want {
					t.Errorf("%s: %q, want %q", form, got, c.want)
				}
			}
		})
	}
}

func TestLabelsInOneFormAreThoseOfNow(t *testing.T) {
	t.Parallel()
	theirs := map[string]string{"team": "net/eu", "1": "1"}
	for form, labels := range inForms(consenting(owned(digitUID, "shop/web", ourUID), digitUID+"/shop/web")) {
		want := consenting(digits().Labels(), "x"+digitUID+"__shop__web")
		maps.Copy(labels, theirs)
		maps.Copy(want, theirs)
		before := maps.Clone(labels)
		if diff := cmp.Diff(want, inOneForm(labels)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", form, diff)
		}
		if diff := cmp.Diff(before, labels); diff != "" {
			t.Errorf("%s: the input was changed:\n%s", form, diff)
		}
	}
}
