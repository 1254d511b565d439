package nlb

import (
	"strings"
	"testing"
)

// Who sets the one label that is asked for, and nothing else, takes all others off.
func TestWhoeverIsAskedForALabelIsToldToRepeatTheOthers(t *testing.T) {
	for name, text := range map[string]string{
		"an NLB":              howToConsent(Claim{}),
		"a service on an NLB": ServiceConsent{Key: "k", Value: "v"}.HowTo(),
	} {
		if !strings.Contains(text, "repeat its other labels") {
			t.Errorf("%s: %s", name, text)
		}
	}
}
