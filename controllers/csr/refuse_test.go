package csr

import (
	"strings"
	"testing"
)

func TestNothingIsRememberedOfRequestsThatAreGone(t *testing.T) {
	var told told
	for _, name := range []string{"a", "b"} {
		if !told.isNews(name, "1", "Usages") || told.isNews(name, "1", "Usages") {
			t.Errorf("%s: not told once", name)
		}
	}
	told.forget("a")
	told.forget("never told of")
	if len(told.of) != 1 || told.isNews("b", "1", "Usages") {
		t.Errorf("remembered: %v", told.of)
	}
	if !told.isNews("a", "1", "Usages") {
		t.Error("a is remembered")
	}
}

func TestAnActionIsNoLongerThanTheAPIServerTakes(t *testing.T) {
	if got := action("Usages,Key"); got != "Check Usages,Key" {
		t.Errorf("got %q", got)
	}
	if got := action(strings.Repeat("Signature,", 20)); len(got) != 128 {
		t.Errorf("%d bytes: %q", len(got), got)
	}
}
