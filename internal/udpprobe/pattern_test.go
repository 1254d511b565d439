package udpprobe

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// filled repeats a part of a pattern until the pattern is as long as it may be.
func filled(before, part, after string) string {
	return before + strings.Repeat(part, (MaxPattern-len(before)-len(after))/len(part)) + after
}

// expecting is a text whose targets want replies that match patterns.
func expecting(patterns ...string) string {
	var words []string
	for i, pattern := range patterns {
		words = append(words, fmt.Sprintf("%d/probe;payload=text:a;expect=re2:%s", i+1, escaped(pattern)))
	}
	return strings.Join(words, " ")
}

// everywhere is one pattern for as many targets as there may be.
func everywhere(pattern string) []string {
	return slices.Repeat([]string{pattern}, MaxTargets)
}

// greedy are patterns that take much to read, or to compile.
var greedy = map[string]struct {
	pattern string
	refused string // empty: it may be asked for
}{
	"a long text a thousand times":              {filled("(?:", "a", "){1000}"), "repeats too much"},
	"nested repeats":                            {filled("(?:(?:", "ab?", "){10}){100}"), "repeats too much"},
	"up to a thousand, again and again":         {filled("", "a{0,1000}", ""), "repeats too much"},
	"at least a thousand of several":            {"(?:ab|c*d){1000,}", "repeats too much"},
	"one character a thousand times":            {"a{1000}", ""},
	"all letters, again and again":              {filled("", `\pL`, ""), "name too many characters"},
	"all letters, again and again, in a set":    {filled("[", `\pL\PN`, "]"), "name too many characters"},
	"all letters, again and again, as a choice": {filled("^(?:", `\pL|`, "a)"), "name too many characters"},
	"all letters, some times":                   {strings.Repeat(`\pL`, 16), ""},
	"every case of a wide range":                {filled("(?i)[", "B-\U0001e942", "]"), "name too many characters"},
	"every case of a wide range, escaped":       {`(?i)[\x{42}-\x{1e942}]`, "name too many characters"},
	"every case of a wide range, told late":     {`a(?s-U:b(?msi)[!-\x{1e942}])`, "name too many characters"},
	"every case of a wide range, behind others": {`(?i)[a-c\-\x{fffff}-\]B-\x{1e942}]`, "name too many characters"},
	"every case of the Greek":                   {`(?i)[α-ω]{3}`, ""},
	"every case of octal numbers":               {`(?i)[\101-\377]`, ""},
	"a wide range as it is":                     {`[!-\x{1e942}]{3}`, ""},
	"many sets":                                 {filled("", "[a-z0-9]", ""), ""},
	"a hundred of one of two":                   {"(?:[a-f]|x?){100}", ""},
}

func TestGreedyPatterns(t *testing.T) {
	for name, tc := range greedy {
		t.Run(name, func(t *testing.T) {
			_, err := ParseAnnotation(expecting(tc.pattern))
			if tc.refused == "" && err != nil || tc.refused != "" && (err == nil || !strings.Contains(err.Error(), tc.refused)) {
				t.Errorf("got %v, want %q", err, tc.refused)
			}
		})
	}
}

// each is a pattern for every target, another one each time.
func each(pattern string) []string {
	var all []string
	for i := range MaxTargets {
		all = append(all, fmt.Sprintf(pattern, i))
	}
	return all
}

// Each alone may be asked for, and one for all ports, too.
func TestManyPatternsShareABudget(t *testing.T) {
	for name, tc := range map[string]struct {
		text    string
		refused string
	}{
		"as many classes as may be":            {expecting(each(`\pL%d`)[:16]...), ""},
		"a class too many":                     {expecting(each(`\pL%d`)[:17]...), "name too many characters"},
		"one pattern of classes for all ports": {expecting(everywhere(`\pL\pN`)...), ""},
		"as many repeats as may be":            {expecting(each("x%da{1000}")[:8]...), ""},
		"a repeat too many":                    {expecting(each("x%da{1000}")[:9]...), "repeat too much together"},
		"one pattern of repeats for all ports": {expecting(everywhere("a{1000}")...), ""},
	} {
		t.Run(name, func(t *testing.T) {
			targets, err := ParseTargets(tc.text)
			if (tc.refused == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tc.refused) {
				t.Errorf("got %v, want %q", err, tc.refused)
			}
			if err := Affordable(targets); err != nil {
				t.Error(err)
			}
		})
	}
}

// Each text is right in itself, and what is made of them isn't.
func TestTargetsOfSeveralTextsShareABudget(t *testing.T) {
	for name, tc := range map[string]struct {
		texts   []string
		refused string
	}{
		"few":              {[]string{"1/dns", expecting("a{1000}"), expecting(`\pL`)}, ""},
		"too many ports":   {[]string{expecting(everywhere("a")...), "1/dns"}, "there are 33 ports to watch; at most 32 are allowed"},
		"too many classes": {[]string{expecting(each(`\pL%d`)[:16]...), expecting(`\pNx`)}, "target 1/probe: the regular expressions here name too many characters"},
		"too many repeats": {[]string{expecting(each("x%da{1000}")[:8]...), expecting("b{1000}")}, "repeat too much together"},
		"the same again":   {[]string{expecting(each("x%da{1000}")[:8]...), expecting(each("x%da{1000}")[:8]...)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var all []Target
			for _, text := range tc.texts {
				targets, err := ParseTargets(text)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, targets...)
			}
			err := Affordable(all)
			if (tc.refused == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tc.refused) {
				t.Errorf("got %v, want %q", err, tc.refused)
			}
		})
	}
}

// What one text takes in memory, whatever it says, and even if that is refused.
const mostBytesRead = 4 << 20

func TestReadingTakesLittleMemory(t *testing.T) {
	for name, tc := range greedy {
		t.Run(name, func(t *testing.T) {
			text := expecting(everywhere(tc.pattern)...)
			if took := allocated(func() { _, _ = parseAnnotation(text) }); took > mostBytesRead {
				t.Errorf("it took %d KiB", took>>10)
			}
		})
	}
}

func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// What is counted is what package regexp makes of it.
func FuzzInstructions(f *testing.F) {
	for _, tc := range greedy {
		f.Add(tc.pattern)
	}
	for _, pattern := range []string{
		"", "a", "a*", "(a*)*", "(?:a*)*", "(?:a*?)*", "(?:a?)+?", "a**", "(|a)*", "(?:a{0})*", "a{0,1}", "a{1,2}", "a{1}{2}", "(?:a{2,3}?){4,}", "(?:(?:){3}){2}",
		"^$", `\b\B\A\z`, "[^\\x00-\\x{10FFFF}]", "[^\\x00-\\x{10FFFF}]*|a", "a|[^\\x00-\\x{10FFFF}]b", "(?:[^\\x00-\\x{10FFFF}]){2,3}", "(?:[^\\x00-\\x{10FFFF}]?){3}",
		"(?i)k", "(?s).", ".", "abc|abd|x", "(?:a|b|)c", "x(?:){5}", "(?:^){3}", "(?:^*){3,}", `\Q\E*`, "(?P<a>x){2}", `\pN+`,
	} {
		f.Add(pattern)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		if len(pattern) > MaxPattern || runesIn(pattern) > maxRunes {
			return
		}
		parsed, err := syntax.Parse(pattern, syntax.Perl)
		if err != nil {
			return
		}
		counted := instructions(parsed)
		if counted > 10*maxInstructions {
			return
		}
		program, err := syntax.Compile(parsed.Simplify())
		if err != nil {
			t.Fatal(err)
		}
		if counted != len(program.Inst) {
			t.Errorf("%q has %d instructions; %d were counted", pattern, len(program.Inst), counted)
		}
	})
}

// The dearest texts that are accepted: as many targets as there may be, each with a
// pattern of the longest kind that the budget of all allows.
func dearest() map[string]string {
	var payloads strings.Builder
	for i := range MaxTargets {
		bytes := strings.Repeat("00", MaxBytes)
		fmt.Fprintf(&payloads, "%d/probe;payload=hex:%s;expect=hex:%s ", i+1, bytes, bytes)
	}
	return map[string]string{
		"sets":                      expecting(each(filled("", "[a-z0-9]", "x%2d"))...),
		"sets of either case":       expecting(each(filled("(?i)", "[a-z]", "x%2d"))...),
		"wide ranges of both cases": expecting(each(`(?i)[!-\x{43f}]{2}%d`)...),
		"the widest range":          expecting(`(?i)[!-\x{803f}]`),
		"as many repeats as may be": expecting(each("x%da{1000}")[:8]...),
		"choices, repeated":         expecting(each("(?:ab|c){60}%d")...),
		"classes in one set":        expecting("[" + strings.Repeat(`\pL`, 16) + "]"),
		"classes as a choice":       expecting("^(?:" + strings.Repeat(`\PL|`, 16) + "a)$"),
		"classes after another":     expecting(strings.Repeat(`\PC`, 16)),
		"classes, one per target":   expecting(each(`(?i)\PC%d`)[:16]...),
		"the longest payloads":      payloads.String(),
		"nothing that is a target":  strings.Repeat("a ", 128<<10),
	}
}

// BenchmarkDearestText tells what the operator, the webhook and the sidecar spend at
// most on reading a text:
//
//	go test -run '^$' -bench Dearest ./internal/udpprobe
func BenchmarkDearestText(b *testing.B) {
	for name, text := range dearest() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = parseAnnotation(text)
			}
		})
	}
}

func TestTheDearestTextsAreAccepted(t *testing.T) {
	for name, text := range dearest() {
		specs, err := ParseAnnotation(text)
		if refused := strings.HasPrefix(name, "nothing"); (err != nil) != refused {
			t.Errorf("%s: %v", name, err)
		}
		for _, spec := range specs {
			if spec.Expect.Kind == MatchingReply {
				if _, err := regexp.Compile(spec.Expect.Value); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	}
}
