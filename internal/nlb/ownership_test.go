package nlb

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

const (
	cluster = "blue"
	theirs  = "green" // another cluster
)

// claimed is what NetworkLoadBalancer shop/web, projected from a Service, claims by.
func claimed(edits ...func(*Claim)) Claim {
	claim := Claim{Cluster: cluster, Namespace: "shop", Name: "web", UID: ourUID, ServiceUID: serviceUID, RecordedID: "recorded"}
	for _, edit := range edits {
		edit(&claim)
	}
	return claim
}

func external(c *Claim) { c.External = true }

// owned are the labels of an owner.
func owned(cluster, owner, uid string) map[string]string {
	return map[string]string{v1alpha1.CloudLabelCluster: cluster, v1alpha1.CloudLabelOwner: owner, v1alpha1.CloudLabelOwnerUID: uid}
}

// former are labels of ownership under the keys that operators wrote before.
func former(labels map[string]string) map[string]string {
	labels = maps.Clone(labels)
	for i, key := range presentKeys.all() {
		if value, is := labels[key]; is {
			delete(labels, key)
			labels[formerKeys.all()[i]] = value
		}
	}
	return labels
}

// inForms are labels as operators wrote them before they encoded them, and as they
// write them now.
func inForms(labels map[string]string) map[string]map[string]string {
	now := maps.Clone(labels)
	for key, value := range now {
		if strings.HasPrefix(key, v1alpha1.Prefix) {
			now[key] = LabelValue(value)
		}
	}
	return map[string]map[string]string{"unencoded": former(labels), "encoded": now}
}

// consenting adds the consent of whoever holds the account.
func consenting(labels map[string]string, to string) map[string]string {
	labels = maps.Clone(labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[v1alpha1.CloudLabelAdopt] = to
	return labels
}

const retained = v1alpha1.OwnerUIDRetained

func TestWhoseAnNLBIs(t *testing.T) {
	t.Parallel()
	ours := "blue/shop/web"
	for name, c := range map[string]struct {
		lb       LoadBalancer
		managed  Proof
		external Proof
	}{
		"our cluster, our UID":                          {LoadBalancer{Labels: owned(cluster, "shop/web", ourUID)}, ProofLabels, ProofExternal},
		"our cluster, our name, retained":               {LoadBalancer{Labels: owned(cluster, "shop/web", retained)}, ProofRetained, ProofExternal},
		"our cluster, our name, another UID":            {LoadBalancer{Labels: owned(cluster, "shop/web", otherUID)}, ProofRestored, ProofExternal},
		"our cluster, our name, the UID is lost":        {LoadBalancer{Labels: owned(cluster, "shop/web", "")}, ProofRestored, ProofExternal},
		"retained by another, consent for us":           {LoadBalancer{Labels: consenting(owned(cluster, "shop/old", retained), ours)}, ProofConsent, ProofExternal},
		"retained by another cluster, consent for us":   {LoadBalancer{Labels: consenting(owned(theirs, "shop/web", retained), ours)}, ProofConsent, ProofExternal},
		"retained by another":                           {LoadBalancer{Labels: owned(cluster, "shop/old", retained)}, ProofNone, ProofExternal},
		"retained by another cluster":                   {LoadBalancer{Labels: owned(theirs, "shop/web", retained)}, ProofNone, ProofExternal},
		"retained by another, consent for a third":      {LoadBalancer{Labels: consenting(owned(cluster, "shop/old", retained), "blue/shop/third")}, ProofNone, ProofExternal},
		"retained by another, recorded as ours":         {LoadBalancer{ID: "recorded", Labels: owned(cluster, "shop/old", retained)}, ProofNone, ProofExternal},
		"another owner":                                 {LoadBalancer{Labels: owned(cluster, "shop/other", otherUID)}, ProofNone, ProofNone},
		"another owner, consent for us":                 {LoadBalancer{Labels: consenting(owned(cluster, "shop/other", otherUID), ours)}, ProofNone, ProofNone},
		"another owner, recorded as ours":               {LoadBalancer{ID: "recorded", Labels: owned(cluster, "shop/other", otherUID)}, ProofNone, ProofNone},
		"another owner, named after our Service":        {LoadBalancer{Name: "k8s-" + serviceUID, Labels: owned(theirs, "a/b", otherUID)}, ProofNone, ProofNone},
		"our name and UID in another cluster":           {LoadBalancer{Labels: owned(theirs, "shop/web", ourUID)}, ProofNone, ProofNone},
		"our name in another namespace":                 {LoadBalancer{Labels: owned(cluster, "else/web", otherUID)}, ProofNone, ProofNone},
		"unlabelled, recorded in our status":            {LoadBalancer{ID: "recorded"}, ProofRecorded, ProofExternal},
		"unlabelled, recorded, with other people's":     {LoadBalancer{ID: "recorded", Labels: map[string]string{"team": "net"}}, ProofRecorded, ProofExternal},
		"our cluster only, recorded":                    {LoadBalancer{ID: "recorded", Labels: owned(cluster, "", "")}, ProofRecorded, ProofNone},
		"our name and UID only, recorded":               {LoadBalancer{ID: "recorded", Labels: owned("", "shop/web", ourUID)}, ProofRecorded, ProofNone},
		"our name and UID only":                         {LoadBalancer{Labels: owned("", "shop/web", ourUID)}, ProofNone, ProofNone},
		"our cluster only":                              {LoadBalancer{Labels: owned(cluster, "", "")}, ProofNone, ProofNone},
		"another's UID only, recorded":                  {LoadBalancer{ID: "recorded", Labels: owned("", "", otherUID)}, ProofNone, ProofNone},
		"unlabelled, named after our Service":           {LoadBalancer{Name: "k8s-" + serviceUID}, ProofCCM, ProofExternal},
		"unlabelled, consent for us":                    {LoadBalancer{Name: "any", Labels: consenting(nil, ours)}, ProofConsent, ProofExternal},
		"unlabelled, consent for another":               {LoadBalancer{Name: "any", Labels: consenting(nil, "blue/shop/other")}, ProofNone, ProofExternal},
		"unlabelled, consent for us in another cluster": {LoadBalancer{Name: "any", Labels: consenting(nil, "green/shop/web")}, ProofNone, ProofExternal},
		"unlabelled, named after another Service":       {LoadBalancer{Name: "k8s-" + otherUID}, ProofNone, ProofNone},
		"unlabelled, named after our own UID":           {LoadBalancer{Name: "k8s-" + ourUID}, ProofNone, ProofNone},
		"unlabelled, a name that holds our Service's":   {LoadBalancer{Name: "k8s-" + serviceUID + "-x"}, ProofNone, ProofNone},
		"unlabelled":                   {LoadBalancer{Name: "any"}, ProofNone, ProofExternal},
		"unlabelled, our derived name": {LoadBalancer{Name: "shop-web-" + ourUID}, ProofNone, ProofNone},
	} {
		t.Run(name, func(t *testing.T) {
			for policy, want := range map[string]struct {
				claim Claim
				proof Proof
			}{"Managed": {claimed(), c.managed}, "External": {claimed(external), c.external}} {
				for form, labels := range inForms(c.lb.Labels) {
					lb := c.lb
					lb.Labels = labels
					got, refusal := ProofOf(lb, want.claim)
					if got != want.proof {
						t.Errorf("%s, %s: the proof is %q, want %q", policy, form, got, want.proof)
					}
					if (refusal == "") != (got != ProofNone) {
						t.Errorf("%s, %s: proof %q goes with the refusal %q", policy, form, got, refusal)
					}
				}
			}
		})
	}
}

func TestANameProvesNothingWithoutALiveService(t *testing.T) {
	t.Parallel()
	none := claimed(func(c *Claim) { c.ServiceUID, c.RecordedID = "", "" })
	for _, lb := range []LoadBalancer{{ID: "lb"}, {ID: "lb", Name: "k8s-"}, {ID: "lb", Name: "k8s-" + serviceUID}} {
		if proof, _ := ProofOf(lb, none); proof != ProofNone {
			t.Errorf("%+v is ours by %q", lb, proof)
		}
	}
}

func TestARefusalSaysWhoseItIsAndWhatToDo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lb    LoadBalancer
		claim Claim
		want  []string
	}{
		"another's": {
			LoadBalancer{ID: "id1", Name: "n", Labels: owned(theirs, "a/b", otherUID)}, claimed(),
			[]string{`NLB id1 ("n") belongs to NetworkLoadBalancer a/b (UID ` + otherUID + `) of cluster green`},
		},
		"retained for another": {
			LoadBalancer{ID: "id1", Name: "n", Labels: owned(theirs, "a/b", retained)}, claimed(),
			[]string{"was retained for NetworkLoadBalancer a/b of cluster green", "set the label nlb.exoscale.com/adopt=blue__shop__web on the NLB", "managementPolicy External"},
		},
		"nobody's": {
			LoadBalancer{ID: "id1", Name: "n"}, claimed(),
			[]string{`NLB id1 ("n") wasn't made by this object`, "set the label nlb.exoscale.com/adopt=blue__shop__web on the NLB", "managementPolicy External"},
		},
		"another Service's, to be attached to": {
			LoadBalancer{ID: "id1", Name: "k8s-" + otherUID}, claimed(external),
			[]string{`NLB id1 is named "k8s-` + otherUID + `"`, "can't be attached to as External"},
		},
		"another's, to be attached to": {
			LoadBalancer{ID: "id1", Labels: owned(cluster, "a/b", otherUID)}, claimed(external), []string{"belongs to NetworkLoadBalancer a/b"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for form, labels := range inForms(c.lb.Labels) {
				c.lb.Labels = labels
				_, refusal := ProofOf(c.lb, c.claim)
				for _, want := range c.want {
					if !strings.Contains(refusal, want) {
						t.Errorf("%s: %q doesn't say %q", form, refusal, want)
					}
				}
			}
		})
	}
}

func TestTheLabelsOfAClaimProveIt(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		v1alpha1.CloudLabelCluster: "blue", v1alpha1.CloudLabelOwner: "shop__web", v1alpha1.CloudLabelOwnerUID: "x" + ourUID,
	}
	if diff := cmp.Diff(want, claimed().Labels()); diff != "" {
		t.Error(diff)
	}
	if proof, _ := ProofOf(LoadBalancer{Labels: claimed().Labels()}, claimed()); proof != ProofLabels {
		t.Errorf("they prove %q", proof)
	}
}

func TestWhatWasSomebodyElsesIsAdopted(t *testing.T) {
	t.Parallel()
	for proof, want := range map[Proof]bool{
		ProofLabels: false, ProofRestored: false, ProofRecorded: false, ProofExternal: false, ProofNone: false,
		ProofRetained: true, ProofCCM: true, ProofConsent: true,
	} {
		if proof.Adopts() != want {
			t.Errorf("%q adopts: %t", proof, proof.Adopts())
		}
	}
}

func TestTheNLBIsFoundByTheStrongestProof(t *testing.T) {
	t.Parallel()
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	labelled := LoadBalancer{ID: "labelled", CreatedAt: day(9), Labels: owned(cluster, "shop/web", ourUID)}
	older := LoadBalancer{ID: "older", CreatedAt: day(8), Labels: owned(cluster, "shop/web", ourUID)}
	restored := LoadBalancer{ID: "restored", CreatedAt: day(3), Labels: owned(cluster, "shop/web", otherUID)}
	kept := LoadBalancer{ID: "retained", CreatedAt: day(2), Labels: owned(cluster, "shop/web", retained)}
	ccm := LoadBalancer{ID: "ccm", CreatedAt: day(1), Name: "k8s-" + serviceUID}
	consented := LoadBalancer{ID: "consented", Labels: consenting(nil, "blue/shop/web")}
	recorded := LoadBalancer{ID: "recorded"}
	others := LoadBalancer{ID: "others", Labels: owned(theirs, "shop/web", ourUID)}
	for name, c := range map[string]struct {
		all   []LoadBalancer
		claim Claim
		want  string
		proof Proof
	}{
		"labels before all":             {[]LoadBalancer{ccm, kept, restored, labelled}, claimed(), "labelled", ProofLabels},
		"in whatever order":             {[]LoadBalancer{labelled, restored, kept, ccm}, claimed(), "labelled", ProofLabels},
		"the oldest of several":         {[]LoadBalancer{labelled, older, labelled}, claimed(), "older", ProofLabels},
		"restored before retained":      {[]LoadBalancer{kept, ccm, restored}, claimed(), "restored", ProofRestored},
		"retained before the CCM's":     {[]LoadBalancer{ccm, kept}, claimed(), "retained", ProofRetained},
		"the CCM's":                     {[]LoadBalancer{others, ccm}, claimed(), "ccm", ProofCCM},
		"consent is no way to be found": {[]LoadBalancer{consented}, claimed(), "", ProofNone},
		"nor is a record":               {[]LoadBalancer{recorded}, claimed(), "", ProofNone},
		"nor what is open to all":       {[]LoadBalancer{labelled, ccm}, claimed(external), "", ProofNone},
		"others' are others'":           {[]LoadBalancer{others}, claimed(), "", ProofNone},
		"there is none":                 {nil, claimed(), "", ProofNone},
	} {
		t.Run(name, func(t *testing.T) {
			got, proof := FindLoadBalancer(c.all, c.claim)
			if got.ID != c.want || proof != c.proof {
				t.Errorf("found %q by %q, want %q by %q", got.ID, proof, c.want, c.proof)
			}
		})
	}
}

func TestLabelsOfOthersAreLeftAlone(t *testing.T) {
	t.Parallel()
	type labels = map[string]string
	for name, c := range map[string]struct {
		got, want labels
		applied   []string
		write     labels
	}{
		"none at all":                       {nil, nil, nil, labels{}},
		"ours are added to theirs":          {labels{"team": "net"}, labels{"a": "1"}, nil, labels{"team": "net", "a": "1"}},
		"ours go before theirs":             {labels{"a": "0"}, labels{"a": "1"}, nil, labels{"a": "1"}},
		"what we applied goes":              {labels{"a": "1", "team": "net"}, nil, []string{"a"}, labels{"team": "net"}},
		"what we applied and still want":    {labels{"a": "1"}, labels{"a": "2"}, []string{"a"}, labels{"a": "2"}},
		"what we applied has gone already":  {labels{"team": "net"}, nil, []string{"a"}, labels{"team": "net"}},
		"what somebody took off comes back": {labels{}, labels{"a": "1"}, []string{"a"}, labels{"a": "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			before := maps.Clone(c.got)
			if diff := cmp.Diff(c.write, LabelsToWrite(c.got, c.want, c.applied)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(before, c.got); diff != "" {
				t.Errorf("the input was changed:\n%s", diff)
			}
		})
	}
}

func TestWhatAnObjectHolds(t *testing.T) {
	t.Parallel()
	type (
		spec   = v1alpha1.NetworkLoadBalancerSpec
		status = v1alpha1.NetworkLoadBalancerStatus
	)
	written := []string{v1alpha1.CloudLabelOwner}
	for name, c := range map[string]struct {
		spec       spec
		status     status
		held, made bool
	}{
		"nothing yet":                          {spec{}, status{}, false, true},
		"one that it made":                     {spec{}, status{ID: "lb", AppliedLabelKeys: written}, true, true},
		"one that it is only attached to":      {spec{ManagementPolicy: v1alpha1.External, ID: "lb"}, status{ID: "lb"}, false, false},
		"one that it is attached to by name":   {spec{ManagementPolicy: v1alpha1.External, Name: "web"}, status{ID: "lb"}, false, false},
		"one that it has seen, not taken over": {spec{ID: "lb"}, status{ID: "lb"}, false, false},
		"one that it has taken over":           {spec{ID: "lb"}, status{ID: "lb", AppliedLabelKeys: written}, true, false},
		"one that was the CCM's":               {spec{}, status{ID: "lb", AppliedLabelKeys: written, Adopted: true}, true, false},
		"one that is gone":                     {spec{}, status{AppliedLabelKeys: written}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			object := &v1alpha1.NetworkLoadBalancer{Spec: c.spec, Status: c.status}
			if held, made := Held(object), Made(object); held != c.held || made != c.made {
				t.Errorf("held %t, made %t; want %t, %t", held, made, c.held, c.made)
			}
		})
	}
}

func TestWhatIsOrphaned(t *testing.T) {
	t.Parallel()
	lives := func(uid string) bool { return uid == ourUID }
	for name, c := range map[string]struct {
		service Service
		want    bool
	}{
		"TCP":                            {Service{Name: otherUID + "-443", Port: 443, Protocol: TCP}, true},
		"UDP":                            {Service{Name: otherUID + "-53-udp", Port: 53, Protocol: UDP}, true},
		"of an object that lives":        {Service{Name: ourUID + "-443", Port: 443, Protocol: TCP}, false},
		"of another port":                {Service{Name: otherUID + "-80", Port: 443, Protocol: TCP}, false},
		"of TCP, on UDP":                 {Service{Name: otherUID + "-443", Port: 443, Protocol: UDP}, false},
		"of UDP, on TCP":                 {Service{Name: otherUID + "-443-udp", Port: 443, Protocol: TCP}, false},
		"a UID alone":                    {Service{Name: otherUID, Port: 443, Protocol: TCP}, false},
		"something before":               {Service{Name: "web-" + otherUID + "-443", Port: 443, Protocol: TCP}, false},
		"something behind":               {Service{Name: otherUID + "-443-web", Port: 443, Protocol: TCP}, false},
		"the name of an NLB":             {Service{Name: "k8s-" + otherUID, Port: 443, Protocol: TCP}, false},
		"of two objects that are gone":   {Service{Name: otherUID + "-" + serviceUID + "-443", Port: 443, Protocol: TCP}, false},
		"a word":                         {Service{Name: "web-443", Port: 443, Protocol: TCP}, false},
		"no name":                        {Service{Port: 443, Protocol: TCP}, false},
		"no name, and no port of people": {Service{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := derivedFromNone(c.service, lives); got != c.want {
				t.Errorf("orphaned: %t, want %t", got, c.want)
			}
		})
	}
	everything := func(string) bool { return true } // that's what an operator of some namespaces knows
	if derivedFromNone(Service{Name: otherUID + "-443", Port: 443, Protocol: TCP}, everything) {
		t.Error("orphaned, though nobody knows who lives")
	}
}

func TestWhoseACloudServiceIs(t *testing.T) {
	t.Parallel()
	nobody := func(string) string { return "" }
	another := func(id string) string {
		if id == "s1" {
			return "shop/other"
		}
		return ""
	}
	lives := func(uid string) bool { return uid != otherUID } // of the UIDs here, otherUID's object is gone
	leftover := Leftovers(LoadBalancer{}, "cluster", Lives{UID: lives, Owner: func(owner string) bool { return owner != MarkOwner("shop", "gone") }})
	mark := MarkOf("cluster", "shop", "web")
	ours := ServiceClaim{OwnUIDs: []string{ourUID, serviceUID}, Mark: mark, Port: 443, Protocol: TCP, Leftover: leftover, HolderOf: nobody}
	edited := func(edit func(*ServiceClaim)) ServiceClaim {
		claim := ours
		edit(&claim)
		return claim
	}
	recorded := edited(func(c *ServiceClaim) { c.RecordedID = "s1" })
	held := edited(func(c *ServiceClaim) { c.HolderOf = another })
	intending := edited(func(c *ServiceClaim) { c.Intent, c.Leftover = &ServiceIntent{Name: "web", Begun: true}, nil })
	foreign := edited(func(c *ServiceClaim) { c.Leftover = nil })
	sent := Service{ID: "s1", Name: "web", Port: 443, Protocol: TCP, TargetPort: 30443, InstancePoolID: "pool"}
	expecting := edited(func(c *ServiceClaim) {
		c.Intent, c.Leftover = &ServiceIntent{Name: "web", Before: []string{"s0"}, Sent: sent.Attributes().Fingerprint()}, nil
	})
	marked := func(name string, mark Mark) Service {
		return Service{ID: "s1", Name: name, Description: Marked("the shop's", mark), Port: 443, Protocol: TCP}
	}
	at443 := func(name string) Service { return Service{ID: "s1", Name: name, Port: 443, Protocol: TCP} }
	at := func(name string, port int32, protocol Protocol) Service {
		return Service{ID: "s1", Name: name, Port: port, Protocol: protocol}
	}
	for name, c := range map[string]struct {
		service Service
		claim   ServiceClaim
		want    bool
	}{
		"1 another's, though it bears our name":           {at443(ServiceName(ourUID, 443, TCP)), held, false},
		"1 another's, though we meant to add it":          {at443("web"), edited(func(c *ServiceClaim) { c.Intent, c.HolderOf = &ServiceIntent{Name: "web", Begun: true}, another }), false},
		"1 another's, though its name is an orphan's":     {at443(otherUID + "-443"), held, false},
		"1 another's who goes first, though we record it": {at443("any"), edited(func(c *ServiceClaim) { c.RecordedID, c.HolderOf = "s1", another }), false},
		"5 the CCM's, as our Service names it":            {at443("web"), edited(func(c *ServiceClaim) { c.CCMName = "web" }), true},
		"5 the CCM's, named otherwise":                    {at443("other"), edited(func(c *ServiceClaim) { c.CCMName = "web" }), false},
		"5 the CCM's name, held by another of ours":       {at443("web"), edited(func(c *ServiceClaim) { c.CCMName, c.HolderOf = "web", another }), false},
		"2 recorded by us, whatever its name":             {at("any", 80, UDP), recorded, true},
		"2 another id than the one recorded":              {Service{ID: "s2", Name: "any", Port: 443, Protocol: TCP}, recorded, false},
		"2 nothing is recorded, and it has no id":         {Service{Name: "any", Port: 443, Protocol: TCP}, ours, false},
		"3 named from our UID":                            {at443(ServiceName(ourUID, 443, TCP)), foreign, true},
		"3 named from our Service's UID":                  {at443(ServiceName(serviceUID, 443, TCP)), foreign, true},
		"3 named from our UID, for another port":          {at443(ServiceName(ourUID, 80, TCP)), foreign, false},
		"3 named from our UID, on another port":           {at(ServiceName(ourUID, 443, TCP), 80, TCP), ours, false},
		"3 named from our UID, of another protocol":       {at(ServiceName(ourUID, 443, TCP), 443, UDP), ours, false},
		"3 a name that only holds our UID":                {at443("x-" + ourUID + "-443"), foreign, false},
		"4 what we meant to add":                          {at443("web"), intending, true},
		"4 what we meant to add, on another port":         {at("web", 80, TCP), intending, false},
		"4 not what we meant to add":                      {at443("shop"), intending, false},
		"4 nothing was meant, and it has no name":         {at443(""), foreign, false},
		"4 what an add of ours made, by all it was sent":  {sent, expecting, true},
		"4 it was there before the add": {sent, edited(func(c *ServiceClaim) {
			*c = expecting
			c.Intent = &ServiceIntent{Name: "web", Before: []string{"s1"}, Sent: sent.Attributes().Fingerprint()}
		}), false},
		"4 it has another target port than was sent":      {Service{ID: "s1", Name: "web", Port: 443, Protocol: TCP, TargetPort: 22, InstancePoolID: "pool"}, expecting, false},
		"4 it forwards to another pool than was sent":     {Service{ID: "s1", Name: "web", Port: 443, Protocol: TCP, TargetPort: 30443, InstancePoolID: "x"}, expecting, false},
		"4 an intent of which nothing else is known":      {at443("web"), edited(func(c *ServiceClaim) { c.Intent, c.Leftover = &ServiceIntent{Name: "web"}, nil }), false},
		"mark: ours, whatever the NLB":                    {marked("web", mark), foreign, true},
		"mark: ours, on another port":                     {Service{ID: "s1", Description: mark.String(), Port: 80, Protocol: TCP}, foreign, false},
		"mark: ours, but held by another":                 {marked("web", mark), held, false},
		"mark: another object's of ours that lives":       {marked("web", MarkOf("cluster", "shop", "api")), ours, false},
		"mark: of one of ours that is gone, our NLB":      {marked("web", MarkOf("cluster", "shop", "gone")), ours, true},
		"mark: of one of ours that is gone, theirs":       {marked("web", MarkOf("cluster", "shop", "gone")), foreign, false},
		"mark: of another cluster":                        {marked("web", MarkOf("other", "shop", "web")), ours, false},
		"mark: of another cluster, an orphan's name":      {marked(otherUID+"-443", MarkOf("other", "shop", "gone")), ours, false},
		"consent: whatever it is called":                  {at443("theirs"), edited(func(c *ServiceClaim) { c.Consented, c.Leftover = true, nil }), true},
		"consent: but held by another of ours":            {at443("theirs"), edited(func(c *ServiceClaim) { c.Consented, c.HolderOf = true, another }), false},
		"consent: for another port":                       {at("theirs", 80, TCP), edited(func(c *ServiceClaim) { c.Consented = true }), false},
		"5 of an object that is gone, on our NLB":         {at443(otherUID + "-443"), ours, true},
		"5 of an object that is gone, on an NLB not ours": {at443(otherUID + "-443"), foreign, false},
		"5 of an object that is gone, on another port":    {at(otherUID+"-80", 80, TCP), ours, false},
		"5 of one that is gone and one that lives":        {at443(otherUID + "-" + "44444444-4444-4444-8444-444444444444"), ours, false},
		"5 a name of people's that holds a gone UID":      {at443("web-" + otherUID + "-443"), ours, false},
		"5 the name of an orphan on another port":         {at443(otherUID + "-80"), ours, false},
		"5 the name of an orphan of another protocol":     {at443(otherUID + "-443-udp"), ours, false},
		"5 of an object that lives":                       {at443("44444444-4444-4444-8444-444444444444-443"), ours, false},
		"6 a name of people's, on our NLB":                {at443("web"), ours, false},
		"6 a name of people's, on an NLB not ours":        {at443("web"), foreign, false},
		"6 our port, no name, on our NLB":                 {at443(""), ours, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := ServiceIsOurs(c.service, c.claim); got != c.want {
				t.Errorf("ours: %t, want %t", got, c.want)
			}
		})
	}
}

// TestLeftoversOfOlderVersions: a name alone is believed only on an NLB that no newer
// version wrote, and where no other cluster has left its mark.
func TestLeftoversOfOlderVersions(t *testing.T) {
	t.Parallel()
	nothing := Lives{UID: func(string) bool { return false }, Owner: func(string) bool { return false }}
	orphan := Service{Name: otherUID + "-443", Port: 443, Protocol: TCP}
	markedBy := func(cluster string) Service {
		return Service{Name: "x", Description: MarkOf(cluster, "a", "b").String(), Port: 80, Protocol: TCP}
	}
	for name, c := range map[string]struct {
		lb   LoadBalancer
		want bool
	}{
		"an NLB of an older version":              {LoadBalancer{Services: []Service{orphan}}, true},
		"beside a service of ours with the mark":  {LoadBalancer{Services: []Service{orphan, markedBy("cluster")}}, true},
		"beside a service with a foreign mark":    {LoadBalancer{Services: []Service{orphan, markedBy("other")}}, false},
		"an NLB on which all of ours bear a mark": {LoadBalancer{Labels: map[string]string{v1alpha1.CloudLabelMarks: v1alpha1.MarksVersion}, Services: []Service{orphan}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Leftovers(c.lb, "cluster", nothing)(orphan); got != c.want {
				t.Errorf("left over: %t, want %t", got, c.want)
			}
		})
	}
}
