package nlb

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

func ptr[T any](v T) *T { return &v }

// wanted is what an object without peculiarities wants.
func wanted(edits ...func(*LoadBalancerWant)) LoadBalancerWant {
	labels := claimed().Labels()
	labels["env"] = "prod"
	want := LoadBalancerWant{
		Attributes:       LoadBalancerAttributes{Name: "web", Description: "shop", Labels: labels},
		AppliedLabelKeys: []string{"env"},
	}
	for _, edit := range edits {
		edit(&want)
	}
	return want
}

func byID(w *LoadBalancerWant)        { w.ID = "lb" }
func asExternal(w *LoadBalancerWant)  { w.External = true }
func deleting(w *LoadBalancerWant)    { w.Deleting = true }
func retaining(w *LoadBalancerWant)   { w.Retain = true }
func keepsUnset(w *LoadBalancerWant)  { w.KeepsUnset = true }
func unnamed(w *LoadBalancerWant)     { w.Attributes.Name = "" }
func undescribed(w *LoadBalancerWant) { w.Attributes.Description = "" }

// present is the NLB as wanted, and ours by its labels.
func present(edits ...func(*LoadBalancer)) LoadBalancerGot {
	lb := LoadBalancer{
		ID: "lb", Name: "web", Description: "shop", Address: "192.0.2.1", State: StateRunning, Labels: wanted().Attributes.Labels,
	}
	for _, edit := range edits {
		edit(&lb)
	}
	return LoadBalancerGot{NLB: &lb, Proof: ProofLabels}
}

func in(state string) func(*LoadBalancer) { return func(lb *LoadBalancer) { lb.State = state } }
func addressless(lb *LoadBalancer)        { lb.Address = "" }
func described(text string) func(*LoadBalancer) {
	return func(lb *LoadBalancer) { lb.Description = text }
}
func named(name string) func(*LoadBalancer) { return func(lb *LoadBalancer) { lb.Name = name } }
func labelled(labels map[string]string) func(*LoadBalancer) {
	return func(lb *LoadBalancer) { lb.Labels = labels }
}

func by(proof Proof, got LoadBalancerGot) LoadBalancerGot {
	got.Proof = proof
	if proof == ProofNone {
		got.Refusal = "it is another's"
	}
	return got
}

func carrying(census ServiceCensus) LoadBalancerGot {
	got := present()
	got.Services = census
	return got
}

// plus are labels with one more.
func plus(labels map[string]string, key, value string) map[string]string {
	labels = maps.Clone(labels)
	labels[key] = value
	return labels
}

func TestTheStepOfAWantedNLB(t *testing.T) {
	t.Parallel()
	ownership := claimed().Labels()
	all := wanted().Attributes.Labels
	theirs := LoadBalancer{ID: "x", Name: "web"}
	made := LoadBalancerMove{Action: Create, Attributes: wanted().Attributes}
	made.Attributes.Labels = plus(made.Attributes.Labels, v1alpha1.CloudLabelMarks, v1alpha1.MarksVersion)
	for name, c := range map[string]struct {
		want LoadBalancerWant
		got  LoadBalancerGot
		move LoadBalancerMove
	}{
		"none, by id":                {wanted(byID), LoadBalancerGot{}, LoadBalancerMove{Action: Conflict, Reason: v1alpha1.ReasonNotFound}},
		"none, External":             {wanted(asExternal), LoadBalancerGot{}, LoadBalancerMove{Action: Conflict, Reason: v1alpha1.ReasonNotFound}},
		"none, External, a namesake": {wanted(asExternal), LoadBalancerGot{SameName: &theirs}, LoadBalancerMove{Action: Conflict, Reason: v1alpha1.ReasonNotFound}},
		"none, a namesake":           {wanted(), LoadBalancerGot{SameName: &theirs}, LoadBalancerMove{Action: Conflict, Reason: v1alpha1.ReasonInUseByOther}},
		"none":                       {wanted(), LoadBalancerGot{}, made},
		"none, to be retained":       {wanted(retaining), LoadBalancerGot{}, made},
		"not ours":                   {wanted(byID), by(ProofNone, present()), LoadBalancerMove{Action: Conflict, Reason: v1alpha1.ReasonInUseByOther}},
		"not ours, External":         {wanted(asExternal), by(ProofNone, present()), LoadBalancerMove{Action: Conflict, Reason: v1alpha1.ReasonInUseByOther}},
		"not ours, going away":       {wanted(byID), by(ProofNone, present(in(StateDeleting))), LoadBalancerMove{Action: Conflict, Reason: v1alpha1.ReasonInUseByOther}},
		"going away":                 {wanted(), present(in(StateDeleting), named("old")), LoadBalancerMove{Action: Wait, Reason: v1alpha1.ReasonDeleting}},
		"going away, External":       {wanted(asExternal), by(ProofExternal, present(in(StateDeleting))), LoadBalancerMove{Action: Wait, Reason: v1alpha1.ReasonDeleting}},
		"External, another name":     {wanted(asExternal), by(ProofExternal, present(named("old"), described("x"), labelled(nil))), LoadBalancerMove{Action: None}},
		"External, in creation":      {wanted(asExternal), by(ProofExternal, present(in(StateCreating))), LoadBalancerMove{Action: Wait, Reason: v1alpha1.ReasonCreating}},
		"ours by consent":            {wanted(byID), by(ProofConsent, present(named("old"), labelled(map[string]string{"team": "net"}))), LoadBalancerMove{Action: Adopt, Change: LoadBalancerChange{Labels: ptr(plus(ownership, "team", "net"))}}},
		"ours by the CCM's name":     {wanted(), by(ProofCCM, present(labelled(nil))), LoadBalancerMove{Action: Adopt, Change: LoadBalancerChange{Labels: &ownership}}},
		"ours, restored":             {wanted(), by(ProofRestored, present(labelled(owned(cluster, "shop/web", otherUID)))), LoadBalancerMove{Action: Adopt, Change: LoadBalancerChange{Labels: &ownership}}},
		"ours, retained":             {wanted(), by(ProofRetained, present(labelled(owned(cluster, "shop/web", retained)))), LoadBalancerMove{Action: Adopt, Change: LoadBalancerChange{Labels: &ownership}}},
		"ours by our record":         {wanted(), by(ProofRecorded, present(labelled(nil))), LoadBalancerMove{Action: Adopt, Change: LoadBalancerChange{Labels: &ownership}}},
		"another name":               {wanted(), present(named("old")), LoadBalancerMove{Action: Update, Change: LoadBalancerChange{Name: ptr("web")}}},
		"another name, none set":     {wanted(byID, unnamed), present(named("old")), LoadBalancerMove{Action: None}},
		"another description":        {wanted(), present(described("old")), LoadBalancerMove{Action: Update, Change: LoadBalancerChange{Description: ptr("shop")}}},
		"a description too many":     {wanted(undescribed), present(), LoadBalancerMove{Action: Update, Change: LoadBalancerChange{Description: ptr("")}}},
		"theirs, kept unset":         {wanted(byID, keepsUnset, undescribed), present(), LoadBalancerMove{Action: None}},
		"kept unset, but set":        {wanted(byID, keepsUnset), present(described("old")), LoadBalancerMove{Action: Update, Change: LoadBalancerChange{Description: ptr("shop")}}},
		"a label too few":            {wanted(), present(labelled(ownership)), LoadBalancerMove{Action: Update, Change: LoadBalancerChange{Labels: &all}}},
		"a label of ours too many": {
			wanted(func(w *LoadBalancerWant) { w.AppliedLabelKeys = []string{"env", "old"} }), present(labelled(plus(all, "old", "1"))),
			LoadBalancerMove{Action: Update, Change: LoadBalancerChange{Labels: &all}},
		},
		"a label of others": {wanted(), present(labelled(plus(all, "team", "net"))), LoadBalancerMove{Action: None}},
		"all of it differs": {
			wanted(), present(named("old"), described("old"), labelled(ownership)),
			LoadBalancerMove{Action: Update, Change: LoadBalancerChange{Name: ptr("web"), Description: ptr("shop"), Labels: &all}},
		},
		"differs, in state error": {wanted(), present(named("old"), in(StateError)), LoadBalancerMove{Action: Update, Change: LoadBalancerChange{Name: ptr("web")}}},
		"the same, in creation":   {wanted(), present(in(StateCreating), addressless), LoadBalancerMove{Action: Wait, Reason: v1alpha1.ReasonCreating}},
		"the same, no address":    {wanted(), present(addressless), LoadBalancerMove{Action: Wait, Reason: v1alpha1.ReasonWaitingForAddress}},
		"the same, in error":      {wanted(), present(in(StateError), addressless), LoadBalancerMove{Action: Conflict, Reason: v1alpha1.ReasonCloudError}},
		"the same":                {wanted(), present(), LoadBalancerMove{Action: None}},
		"the same, with services": {wanted(), carrying(ServiceCensus{Held: services("a"), Orphaned: services("b"), Foreign: services("c")}), LoadBalancerMove{Action: None}},
		"the same, migrating":     {wanted(), present(in("migrating")), LoadBalancerMove{Action: None}},
	} {
		t.Run(name, func(t *testing.T) { thenMoves(t, c.move, DiffLoadBalancer(c.want, c.got)) })
	}
}

// thenMoves compares moves; their messages only have to be there if they are for
// people.
func thenMoves(t *testing.T, want, got LoadBalancerMove) {
	t.Helper()
	if people := got.Action == Wait || got.Action == Conflict; (got.Message != "") != people {
		t.Errorf("%s has the message %q", got.Action, got.Message)
	}
	got.Message = ""
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func services(names ...string) []Service {
	var all []Service
	for i, name := range names {
		all = append(all, Service{ID: "id-" + name, Name: name, Port: int32(80 + i), Protocol: TCP})
	}
	return all
}

func TestTheStepOfAnNLBWhoseObjectIsDeleted(t *testing.T) {
	t.Parallel()
	all := wanted().Attributes.Labels
	released := plus(all, v1alpha1.CloudLabelOwnerUID, retained)
	everyone := ServiceCensus{Held: services("held"), Foreign: services("foreign"), Orphaned: services("orphan")}
	for name, c := range map[string]struct {
		want LoadBalancerWant
		got  LoadBalancerGot
		move LoadBalancerMove
	}{
		"none":                         {wanted(deleting), LoadBalancerGot{}, LoadBalancerMove{Action: None}},
		"none, by id":                  {wanted(deleting, byID), LoadBalancerGot{}, LoadBalancerMove{Action: None}},
		"none, to be retained":         {wanted(deleting, retaining), LoadBalancerGot{}, LoadBalancerMove{Action: None}},
		"External":                     {wanted(deleting, asExternal), by(ProofExternal, present()), LoadBalancerMove{Action: None}},
		"External and retained":        {wanted(deleting, asExternal, retaining), by(ProofExternal, present()), LoadBalancerMove{Action: None}},
		"not ours":                     {wanted(deleting), by(ProofNone, present()), LoadBalancerMove{Action: None}},
		"not ours, to be retained":     {wanted(deleting, retaining), by(ProofNone, present()), LoadBalancerMove{Action: None}},
		"handed over, taken perhaps":   {wanted(deleting, byID, func(w *LoadBalancerWant) { w.Adopting = true }), by(ProofConsent, present(labelled(nil))), LoadBalancerMove{Action: Delete}},
		"handed over, not taken":       {wanted(deleting, byID), by(ProofConsent, present(labelled(nil))), LoadBalancerMove{Action: None}},
		"handed over, to be retained":  {wanted(deleting, byID, retaining), by(ProofConsent, carrying(everyone)), LoadBalancerMove{Action: None}},
		"not ours, with services":      {wanted(deleting), by(ProofNone, carrying(everyone)), LoadBalancerMove{Action: None}},
		"to be retained":               {wanted(deleting, retaining), present(), LoadBalancerMove{Action: Release, Change: LoadBalancerChange{Labels: &released}}},
		"to be retained, keeps others": {wanted(deleting, retaining), present(labelled(plus(all, "team", "net"))), LoadBalancerMove{Action: Release, Change: LoadBalancerChange{Labels: ptr(plus(released, "team", "net"))}}},
		"to be retained, not adopted":  {wanted(deleting, retaining), by(ProofCCM, present(labelled(nil))), LoadBalancerMove{Action: Release, Change: LoadBalancerChange{Labels: ptr(owned(cluster, "shop__web", retained))}}},
		"to be retained, services":     {wanted(deleting, retaining), carrying(everyone), LoadBalancerMove{Action: Release, Change: LoadBalancerChange{Labels: &released}}},
		"retained":                     {wanted(deleting, retaining), by(ProofRetained, present(labelled(released))), LoadBalancerMove{Action: None}},
		"going away":                   {wanted(deleting), present(in(StateDeleting)), LoadBalancerMove{Action: Wait, Reason: v1alpha1.ReasonDeleting}},
		"services of live objects":     {wanted(deleting), carrying(everyone), LoadBalancerMove{Action: Wait, Reason: v1alpha1.ReasonWaitingForServices}},
		"foreign services": {
			wanted(deleting), carrying(ServiceCensus{Foreign: everyone.Foreign, Orphaned: everyone.Orphaned}),
			LoadBalancerMove{Action: Conflict, Reason: v1alpha1.ReasonForeignServices},
		},
		"orphaned services": {
			wanted(deleting), carrying(ServiceCensus{Orphaned: services("one", "two")}), LoadBalancerMove{Action: DeleteService, ServiceID: "id-one"},
		},
		"nothing on it":           {wanted(deleting), present(), LoadBalancerMove{Action: Delete}},
		"nothing on it, drifted":  {wanted(deleting), present(named("x"), labelled(owned(cluster, "shop/web", ourUID))), LoadBalancerMove{Action: Delete}},
		"nothing on it, in error": {wanted(deleting), present(in(StateError)), LoadBalancerMove{Action: Delete}},
		"nothing on it, restored": {wanted(deleting), by(ProofRestored, present()), LoadBalancerMove{Action: Delete}},
	} {
		t.Run(name, func(t *testing.T) { thenMoves(t, c.move, DiffLoadBalancer(c.want, c.got)) })
	}
}

func TestTheMessageOfAMoveNamesWhatIsMeant(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		want LoadBalancerWant
		got  LoadBalancerGot
		say  []string
	}{
		"no such id":       {wanted(byID), LoadBalancerGot{}, []string{"no NLB with id lb", "spec.id"}},
		"no such name":     {wanted(asExternal), LoadBalancerGot{}, []string{`no NLB named "web"`, "spec.name"}},
		"a namesake":       {wanted(), LoadBalancerGot{SameName: &LoadBalancer{ID: "x9", Name: "web"}}, []string{`"web"`, "NLB x9", "choose another name"}},
		"not ours":         {wanted(), by(ProofNone, present()), []string{"it is another's"}},
		"live services":    {wanted(deleting), carrying(ServiceCensus{Held: services("a", "b"), Holders: []string{"shop/a", "shop/b"}}), []string{"NLBService shop/a, shop/b"}},
		"foreign services": {wanted(deleting), carrying(ServiceCensus{Foreign: services("c")}), []string{`"c" (80/TCP)`, "deletionPolicy: Retain"}},
		"in error":         {wanted(), present(in(StateError)), []string{"NLB lb is in state error", "support"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := DiffLoadBalancer(c.want, c.got).Message
			for _, want := range c.say {
				if !strings.Contains(got, want) {
					t.Errorf("%q doesn't say %q", got, want)
				}
			}
		})
	}
}

// TestAMoveLeadsToAFixpoint applies moves to a cloud of one NLB until there is
// none left: what is written once mustn't be written again.
func TestAMoveLeadsToAFixpoint(t *testing.T) {
	t.Parallel()
	starts := map[string]LoadBalancer{
		"another's leftovers": {ID: "lb", Name: "x", Description: "y", Labels: map[string]string{"team": "net"}},
		"the CCM's":           {ID: "lb", Name: "k8s-" + serviceUID},
		"restored":            {ID: "lb", Name: "web", Labels: owned(cluster, "shop/web", otherUID)},
		"drifted":             {ID: "lb", Name: "x", Labels: plus(claimed().Labels(), "env", "test")},
	}
	claim := claimed(func(c *Claim) { c.RecordedID = "lb" })
	for name, lb := range starts {
		for _, want := range []LoadBalancerWant{wanted(), wanted(undescribed), wanted(byID, keepsUnset, unnamed), wanted(deleting, retaining)} {
			lb.State, lb.Address = StateRunning, "192.0.2.1"
			rounds := 0
			for ; rounds < 5; rounds++ {
				proof, refusal := ProofOf(lb, claim)
				move := DiffLoadBalancer(want, LoadBalancerGot{NLB: &lb, Proof: proof, Refusal: refusal})
				if move.Action == None {
					break
				}
				apply(t, &lb, move)
			}
			if rounds > 2 {
				t.Errorf("%s: %d rounds and no end: %+v", name, rounds, lb)
			}
		}
	}
}

func apply(t *testing.T, lb *LoadBalancer, move LoadBalancerMove) {
	t.Helper()
	if move.Change == (LoadBalancerChange{}) {
		t.Fatalf("%s changes nothing: %s", move.Action, move.Message)
	}
	if move.Change.Name != nil {
		lb.Name = *move.Change.Name
	}
	if move.Change.Description != nil {
		lb.Description = *move.Change.Description
	}
	if move.Change.Labels != nil {
		lb.Labels = *move.Change.Labels
	}
}

func TestTheFieldsOfAChangeAreNamed(t *testing.T) {
	t.Parallel()
	labels := map[string]string{}
	for want, change := range map[string]LoadBalancerChange{
		"":                          {},
		"name":                      {Name: ptr("x")},
		"description, labels":       {Description: ptr(""), Labels: &labels},
		"name, description, labels": {Name: ptr("x"), Description: ptr(""), Labels: &labels},
	} {
		if got := change.Fields(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
