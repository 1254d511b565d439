package brief

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestListsNameTheFirstFewAndCountTheRest(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		things []string
		want   string
	}{
		"nothing":             {nil, ""},
		"one":                 {[]string{"a"}, "a"},
		"as many as fit":      {[]string{"a", "b", "c", "d", "e"}, "a, b, c, d, e"},
		"one more":            {[]string{"a", "b", "c", "d", "e", "f"}, "a, b, c, d, e and 1 more"},
		"two thousand":        {many(2000), "thing-0, thing-1, thing-2, thing-3, thing-4 and 1995 more"},
		"one that is endless": {[]string{strings.Repeat("x", 1<<20), "b"}, strings.Repeat("x", 317) + "…, b"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := List(c.things); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestSentencesAreCountedBeyondTheFirstFew(t *testing.T) {
	t.Parallel()
	const want = "thing-0; thing-1; thing-2; thing-3; thing-4; and 2 more like these"
	if got := Sentences(many(7), "; "); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := Sentences(many(2), ". "); got != "thing-0. thing-1" {
		t.Errorf("got %q", got)
	}
}

func many(n int) []string {
	things := make([]string, n)
	for i := range things {
		things[i] = fmt.Sprintf("thing-%d", i)
	}
	return things
}

func TestTextsAreCutBetweenCharacters(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"empty":                         {"", ""},
		"as long as allowed":            {"0123456789", "0123456789"},
		"longer":                        {"0123456789a", "0123456…"},
		"in the middle of a character":  {"012345é789a", "012345…"},
		"right behind a character":      {"01234é789ab", "01234é…"},
		"only wide characters":          {"日本語日本語", "日本…"},
		"not UTF-8":                     {"a\xffb", "a\uFFFDb"},
		"not UTF-8, and longer by that": {"\xffa\xffb\xffc\xffd\xffe", "\uFFFDa\uFFFD…"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Cut(c.text, 10); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func FuzzCut(f *testing.F) {
	f.Add("012345é789a\xff", 10)
	f.Fuzz(func(t *testing.T, text string, longest int) {
		longest = 3 + (longest%1000+1000)%1000
		got := Cut(text, longest)
		if len(got) > longest || !utf8.ValidString(got) {
			t.Errorf("cut to %d bytes: %q", longest, got)
		}
		if len(text) <= longest && utf8.ValidString(text) && got != text {
			t.Errorf("%q was changed to %q", text, got)
		}
	})
}
