package nlb

import (
	"regexp"
	"strings"
	"testing"
)

const digitUID = "3f9b3f5e-6a0a-4b3c-9a52-0d7c2a1f1001"

// documentedRule is what Exoscale's documentation of labels allows as a value:
// it begins with no digit, and holds at most 128 alphanumerics and * + ! - _ ?.
var documentedRule = regexp.MustCompile(`^([A-Za-z*+!_?-][A-Za-z0-9*+!_?-]{0,127})?$`)

func TestALabelValueIsReadableWhereItCanBe(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, value string }{
		"nothing":                             {"", ""},
		"a word":                              {"retained", "retained"},
		"a name in kebab case":                {"prod-eu-1", "prod-eu-1"},
		"capitals":                            {"Prod", "Prod"},
		"a UID that begins with a letter":     {"a" + digitUID[1:], "a" + digitUID[1:]},
		"a UID that begins with a digit":      {digitUID, "x" + digitUID},
		"a digit alone":                       {"7", "x7"},
		"a text like one with the prefix":     {"x7", "xx7"},
		"a text like one with two prefixes":   {"xx7", "xxx7"},
		"a word that begins like the prefix":  {"xen", "xen"},
		"the prefix alone":                    {"x", "x"},
		"an owner":                            {"shop/web", "shop__web"},
		"an owner with dots":                  {"shop/web.v2", "shop__web_2ev2"},
		"an owner in a namespace of digits":   {"1/web", "x1__web"},
		"consent":                             {digitUID + "/shop/web", "x" + digitUID + "__shop__web"},
		"an underscore":                       {"prod_eu", "prod_5feu"},
		"two underscores aren't a slash":      {"a__b", "a_5f_5fb"},
		"what looks like an escape":           {"a_2eb", "a_5f2eb"},
		"what looks like a hash":              {"a_h", "a_5fh"},
		"what the rule allows, but we escape": {"*+!?", "_2a_2b_21_3f"},
		"a space":                             {"a b", "a_20b"},
		"other alphabets, by bytes":           {"é", "_c3_a9"},
		"what isn't UTF-8":                    {"\xff\x00", "_ff_00"},
		"a digit of another alphabet":         {"٣", "_d9_a3"},
	} {
		t.Run(name, func(t *testing.T) {
			got := LabelValue(c.text)
			if got != c.value {
				t.Errorf("%q is written %q, want %q", c.text, got, c.value)
			}
			if text, whole := LabelText(got); !whole || text != c.text {
				t.Errorf("%q is read as %q (%t)", got, text, whole)
			}
		})
	}
}

func TestALongLabelValueIsHashed(t *testing.T) {
	t.Parallel()
	head := strings.Repeat("a", 86)
	for name, c := range map[string]struct {
		text string
		head string // "" if it isn't hashed
	}{
		"128 characters":                      {strings.Repeat("a", 128), ""},
		"129 characters":                      {strings.Repeat("a", 129), head},
		"128 with the prefix":                 {strings.Repeat("1", 127), ""},
		"129 with the prefix":                 {strings.Repeat("1", 128), "x" + strings.Repeat("1", 85)},
		"129 with an escape":                  {"/" + strings.Repeat("a", 127), "__" + strings.Repeat("a", 84)},
		"cut before an escape, not within it": {strings.Repeat("a", 85) + "." + strings.Repeat("a", 60), strings.Repeat("a", 85)},
		"cut behind an escape":                {strings.Repeat("a", 83) + "." + strings.Repeat("a", 60), strings.Repeat("a", 83) + "_2e"},
		"the longest owner":                   {strings.Repeat("n", 63) + "/" + strings.Repeat("o", 253), strings.Repeat("n", 63) + "__" + strings.Repeat("o", 21)},
	} {
		t.Run(name, func(t *testing.T) {
			got := LabelValue(c.text)
			_, whole := LabelText(got)
			if c.head == "" {
				if !whole {
					t.Errorf("%q isn't whole", got)
				}
				return
			}
			if whole || !encoded(got) || len(got) > 128 || !regexp.MustCompile(`^`+c.head+`_h[0-9a-f]{40}$`).MatchString(got) {
				t.Errorf("it is written %q", got)
			}
		})
	}
	// printf %s TEXT | sha256sum | cut -c1-40
	if got := LabelValue(strings.Repeat("a", 129)); got != head+"_h"+"c12cb024a2e5551cca0e08fce8f1c5e314555cc3" {
		t.Errorf("the hash isn't that of the text: %s", got)
	}
}

func TestWhatIsNoEncodedLabelValueIsNotRead(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"a slash":                          "shop/web",
		"a digit at the beginning":         digitUID,
		"a dot":                            "v1.2",
		"an underscore that escapes none":  "prod_eu",
		"half an escape":                   "prod_2",
		"an escape in capitals":            "a_2Eb",
		"an escape that isn't needed":      "a_61b",
		"an underscore at the end":         "prod_",
		"a hash that is too short":         "a_h0123",
		"a hash in capitals":               "a_h" + strings.Repeat("A", 40),
		"longer than a value can be":       strings.Repeat("a", 129),
		"a hash behind too long a head":    strings.Repeat("a", 87) + "_h" + strings.Repeat("0", 40),
		"what the rule allows, unescaped":  "a+b",
		"a hash behind what isn't allowed": "a/b_h" + strings.Repeat("0", 40),
	} {
		t.Run(name, func(t *testing.T) {
			if text, whole := LabelText(value); whole || encoded(value) {
				t.Errorf("%q is read as %q", value, text)
			}
		})
	}
}

// FuzzLabelValue writes two texts: each holds under Exoscale's rule and is read
// back, unless it is too long, and different ones stay different.
func FuzzLabelValue(f *testing.F) {
	for _, text := range []string{
		"", "x", "x1", "1", "shop/web", "shop__web", "a_2eb", "a.b", "a/h" + strings.Repeat("0", 40), "é", "\xff", "\x00",
		strings.Repeat("a", 86) + "_h" + strings.Repeat("0", 40), strings.Repeat("a", 129), strings.Repeat("1", 128), strings.Repeat(".", 60), digitUID + "/shop/web",
	} {
		f.Add(text, LabelValue(text))
		f.Add("x"+text, text)
		f.Add(text, strings.ReplaceAll(text, "/", "__"))
	}
	f.Fuzz(func(t *testing.T, one, other string) {
		for _, text := range []string{one, other} {
			value := LabelValue(text)
			if !documentedRule.MatchString(value) || refusedLabelValue(value) != "" {
				t.Errorf("%q is written %q, which Exoscale refuses: %s", text, value, refusedLabelValue(value))
			}
			if !encoded(value) {
				t.Errorf("%q isn't known as one of ours", value)
			}
			if back, whole := LabelText(value); whole && back != text || !whole && !strings.Contains(value, hashMark) {
				t.Errorf("%q is written %q, and read as %q (%t)", text, value, back, whole)
			}
			if text != "" && (refusedLabelValue(text) == "") != documentedRule.MatchString(text) {
				t.Errorf("%q: %q, though the rule says otherwise", text, refusedLabelValue(text))
			}
			if read, whole := LabelText(text); whole && LabelValue(read) != text {
				t.Errorf("%q is read as %q, which is written %q", text, read, LabelValue(read))
			}
		}
		if one != other && LabelValue(one) == LabelValue(other) {
			t.Errorf("%q and %q are both %q", one, other, LabelValue(one))
		}
	})
}

// What a hostile label shows must not break the status that repeats it.
func TestWhatIsShownOfALabelIsPrintable(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"shop__web": "shop/web", "shop/web": "shop/web", // in its former form
		"default_edge": "default_edge", // _ed is no text
		"a_0ab":        "a_0ab", "a_00": "a_00", "a\nb": "a\uFFFDb", "a\xffb": "a\uFFFDb",
	} {
		if got := legible(value); got != want {
			t.Errorf("%q is shown as %q, want %q", value, got, want)
		}
	}
}
