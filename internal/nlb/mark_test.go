package nlb

import (
	"strings"
	"testing"
)

func TestAMarkIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	mark := MarkOf("cluster", "shop", "web")
	for name, text := range map[string]string{
		"no description":                  "",
		"a description":                   "the shop's",
		"one that ends with a space":      "the shop's ",
		"one that ends with a bracket":    "the shop's [web]",
		"one in another script":           "läden é 店",
		"as long as there is room":        strings.Repeat("x", maxDescriptionLength-1-len(mark.String())),
		"one with what looks like a mark": "[nlb.exoscale.com/" + strings.Repeat("0", 12) + "-" + strings.Repeat("0", 16) + "] is no mark",
	} {
		t.Run(name, func(t *testing.T) {
			marked := Marked(text, mark)
			if len(marked) > maxDescriptionLength {
				t.Errorf("%d bytes", len(marked))
			}
			if got, read := SplitMark(marked); strings.TrimRight(got, " ") != strings.TrimRight(text, " ") || read != mark {
				t.Errorf("%q is read as %q, %v", marked, got, read)
			}
		})
	}
}

func TestADescriptionThatLeavesNoRoomBearsNoMark(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("x", maxDescriptionLength-len(MarkOf("cluster", "a", "b").String()))
	if got := Marked(text, MarkOf("cluster", "a", "b")); got != text {
		t.Errorf("got %q", got)
	}
}

func TestAMarkTellsClustersAndObjectsApart(t *testing.T) {
	t.Parallel()
	mark := MarkOf("cluster", "shop", "web")
	for name, other := range map[string]Mark{
		"another cluster":   MarkOf("clusters", "shop", "web"),
		"another namespace": MarkOf("cluster", "shops", "web"),
		"another name":      MarkOf("cluster", "shop", "webs"),
		"none":              {},
	} {
		if other == mark {
			t.Errorf("%s: the same mark", name)
		}
	}
	if !mark.OfCluster("cluster") || mark.OfCluster("other") || (Mark{}).OfCluster("cluster") || (Mark{}).OfCluster("") {
		t.Error("the cluster of a mark isn't recognized")
	}
}
