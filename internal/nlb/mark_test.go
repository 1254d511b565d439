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

// kubectl explain tells the number.
func TestADescriptionOf206BytesLeavesRoomForTheMark(t *testing.T) {
	t.Parallel()
	mark := MarkOf("cluster", "shop", "web")
	for bytes, room := range map[int]bool{206: true, 207: false, 255: false} {
		if _, read := SplitMark(Marked(strings.Repeat("x", bytes), mark)); (read == mark) != room {
			t.Errorf("of %d bytes it bears %v", bytes, read)
		}
	}
}

func TestNobodyWritesAMarkButTheOperator(t *testing.T) {
	t.Parallel()
	mark := MarkOf("cluster", "shop", "web")
	forged := "shop " + MarkOf("cluster", "shop", "other").String()
	for name, c := range map[string]struct {
		description string
		own         *Service
		refused     bool
	}{
		"nothing":                                 {"", nil, false},
		"words":                                   {"the shop's [web], see nlb.exoscale.com/", nil, false},
		"a mark":                                  {forged, nil, true},
		"a mark in the middle":                    {forged + " of ours", nil, true},
		"what only begins as one":                 {"[nlb.exoscale.com/", nil, true},
		"a mark, and the service has another":     {forged, &Service{Description: Marked("shop", mark)}, true},
		"a mark that the service bears":           {forged, &Service{Description: forged}, false},
		"a mark that it bears before its own":     {forged, &Service{Description: Marked(forged, mark)}, false},
		"the mark that the operator has appended": {Marked("shop", mark), &Service{Description: Marked("shop", mark)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := RefusedDescription(c.description, c.own); (got != "") != c.refused {
				t.Errorf("got %q", got)
			}
		})
	}
}
