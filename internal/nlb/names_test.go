package nlb

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// UIDs of the stories told here.
const (
	ourUID     = "11111111-1111-4111-8111-111111111111"
	serviceUID = "22222222-2222-4222-8222-222222222222"
	otherUID   = "33333333-3333-4333-8333-333333333333"
)

func TestNamesAreDerivedFromUIDs(t *testing.T) {
	t.Parallel()
	for want, got := range map[string]string{
		"k8s-" + serviceUID:  LoadBalancerNameOfService(serviceUID),
		"shop-web-" + ourUID: LoadBalancerNameOf("shop", "web", ourUID),
		ourUID + "-443":      ServiceName(ourUID, 443, TCP),
		ourUID + "-53-udp":   ServiceName(ourUID, 53, UDP),
		"443/TCP":            PortText(443, TCP),
		"53/UDP":             PortText(53, UDP),
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestADerivedNameFitsAndKeepsItsUID(t *testing.T) {
	t.Parallel()
	namespace, name := strings.Repeat("n", 63), strings.Repeat("o", 253)
	got := LoadBalancerNameOf(namespace, name, ourUID)
	if len(got) != 255 || !strings.HasPrefix(got, namespace+"-ooo") || !strings.HasSuffix(got, "o-"+ourUID) {
		t.Errorf("the name has %d characters: %s", len(got), got)
	}
	exact := LoadBalancerNameOf("n", strings.Repeat("o", 255-2-1-36), ourUID)
	if len(exact) != 255 || strings.Count(exact, "o") != 216 {
		t.Errorf("a name that just fits is cut to %d characters: %s", len(exact), exact)
	}
}

func TestWhoMayChooseWhichName(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		chosen string
		own    []string
		want   bool
	}{
		"none":                                 {"", nil, false},
		"a word":                               {"web", nil, false},
		"a word that only holds the prefix":    {"my-k8s-nlb", nil, false},
		"the prefix":                           {"k8s-web", nil, true},
		"the prefix, by somebody with a UID":   {"k8s-web", []string{ourUID}, true},
		"the CCM's name, by its Service":       {"k8s-" + serviceUID, []string{ourUID, serviceUID}, false},
		"the CCM's name, of another Service":   {"k8s-" + otherUID, []string{ourUID, serviceUID}, true},
		"the CCM's name, by nobody":            {"k8s-" + serviceUID, nil, true},
		"the CCM's name and more, by its own":  {"k8s-" + serviceUID + "-x", []string{serviceUID}, true},
		"a UID":                                {otherUID, nil, true},
		"a UID inside":                         {"web-" + otherUID + "-443", []string{ourUID}, true},
		"a UID in capitals":                    {"web-AAAAAAAA-AAAA-4AAA-8AAA-AAAAAAAAAAAA", nil, true},
		"the own UID":                          {"web-" + ourUID, []string{ourUID}, false},
		"its own probe service's":              {ProbeName(ourUID), []string{ourUID}, true},
		"a probe of a word":                    {"probe-web", []string{ourUID}, false},
		"the own UID, of two":                  {serviceUID + "-80", []string{ourUID, serviceUID}, false},
		"the own UID and another":              {ourUID + "-" + otherUID, []string{ourUID}, true},
		"another UID around the own":           {otherUID[:10] + ourUID + otherUID[10:], []string{ourUID}, true},
		"another, where an own one is unknown": {otherUID, []string{""}, true},
		"a word, where an own one is unknown":  {"web", []string{""}, false},
		"the prefix alone, own one unknown":    {"k8s-", []string{""}, true},
		"most of a UID":                        {otherUID[:35], nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := NameReserved(c.chosen, c.own...); got != c.want {
				t.Errorf("%q by %v: reserved is %t, want %t", c.chosen, c.own, got, c.want)
			}
		})
	}
}

func TestUIDsAreFoundInNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]string{
		"":                                  nil,
		"web":                               nil,
		"k8s-" + ourUID:                     {ourUID},
		ourUID + "-443":                     {ourUID},
		"a" + ourUID + "0":                  {ourUID},
		ourUID + otherUID:                   {ourUID, otherUID},
		"x-" + ourUID + "-y-" + otherUID:    {ourUID, otherUID},
		strings.ReplaceAll(ourUID, "-", ""): nil,
	} {
		if diff := cmp.Diff(want, UIDsIn(name)); diff != "" {
			t.Errorf("in %q (-want +got)\n%s", name, diff)
		}
	}
}
