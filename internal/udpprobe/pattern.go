package udpprobe

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// What regular expressions may cost. Anybody who may annotate a Service or a Pod has
// the operator read them, so it never compiles one: what a program would take is
// counted on the parse tree. Only the sidecar compiles, and has 10 MiB for all.
const (
	// maxInstructions of one compiled regular expression: matching takes time in
	// proportion. 256 bytes can ask for 250,000, which are 50 MiB.
	maxInstructions = 1100
	// maxAllInstructions of those of one text.
	maxAllInstructions = 8 * maxInstructions
	// maxRunes that parsing those of one text looks at, see runesIn.
	maxRunes = 1 << 15
)

// budget is what the regular expressions of a text have taken so far, each once
// however often it is there.
type budget struct {
	patterns            []string
	runes, instructions int
}

// pattern tells what is wrong with a regular expression, if anything is.
func (b *budget) pattern(text string) error {
	if slices.Contains(b.patterns, text) {
		return nil
	}
	if len(text) > MaxPattern {
		return fmt.Errorf("the regular expression has %d bytes; at most %d are allowed", len(text), MaxPattern)
	}
	if b.runes += runesIn(text); b.runes > maxRunes {
		return errors.New(`the regular expressions here name too many characters: a class such as \pL stands for thousands, and with (?i) so does a range such as [!-\x{ffff}]; ask for fewer`)
	}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return fmt.Errorf("it is no regular expression of RE2: %s", complaint(err))
	}
	count := instructions(parsed)
	if count > maxInstructions {
		return errors.New("the regular expression repeats too much: x{1000} means a thousand x; ask for less")
	}
	if b.instructions += count; b.instructions > maxAllInstructions {
		return errors.New("the regular expressions here repeat too much together: x{1000} means a thousand x; ask for less")
	}
	b.patterns = append(b.patterns, text)
	return nil
}

// Affordable tells what is wrong with targets that come from several texts, each
// right in itself: together they have to be within the limits of one.
func Affordable(targets []Target) error {
	if len(targets) > MaxTargets {
		return fmt.Errorf("there are %d ports to watch; at most %d are allowed", len(targets), MaxTargets)
	}
	var b budget
	for _, target := range targets {
		if target.Expect.Kind != MatchingReply {
			continue
		}
		if err := b.pattern(target.Expect.Value); err != nil {
			return fmt.Errorf("target %d/%s: %w", target.Port, target.Mode, err)
		}
	}
	return nil
}

func complaint(err error) string {
	if wrong := (*syntax.Error)(nil); errors.As(err, &wrong) {
		return fmt.Sprintf("%s in %s", wrong.Code, quoted(wrong.Expr))
	}
	return err.Error()
}

const (
	// runesOfClass is more than any class of Unicode has ranges, twice: their ends.
	runesOfClass = 2048
	// Between these are the characters that have another case, but for those of ASCII,
	// which are too few to count.
	leastFolded, mostFolded = utf8.RuneSelf, 0x1e943
)

// runesIn is at least how many runes parsing a pattern looks at, but for those that
// it consists of: the ends of the ranges of each class of Unicode and, where case is
// ignored, every character of a range, of which there may be 125,000 in six bytes.
// It doesn't know where a set in brackets begins, and so counts some that are none.
func runesIn(pattern string) int {
	folds, count := ignoresCase(pattern), 0
	before := rune(0) // the character that may begin a range
	for rest := pattern; rest != ""; {
		if class(rest) {
			count += runesOfClass
		}
		if folds && rest[0] == '-' && len(rest) > 1 {
			var end rune
			if end, rest = character(rest[1:]); min(end, mostFolded) > max(before, leastFolded) {
				count += int(min(end, mostFolded) - max(before, leastFolded))
			}
			before = 0
			continue
		}
		before, rest = character(rest)
	}
	return count
}

func class(text string) bool { return strings.HasPrefix(text, `\p`) || strings.HasPrefix(text, `\P`) }

// ignoresCase: somewhere the flag i is set.
func ignoresCase(pattern string) bool {
	for rest, found := pattern, true; found; {
		if _, rest, found = strings.Cut(rest, "(?"); found {
			others := strings.TrimLeft(rest, "imsU-")
			if strings.Contains(rest[:len(rest)-len(others)], "i") {
				return true
			}
		}
	}
	return false
}

// character is the first one of a pattern, as it is written or escaped.
func character(text string) (first rune, rest string) {
	if text[0] != '\\' || len(text) == 1 {
		first, size := utf8.DecodeRuneInString(text)
		return first, text[size:]
	}
	switch rest = text[2:]; {
	case text[1] == 'x' && strings.HasPrefix(rest, "{"):
		digits, after, closed := strings.Cut(rest[1:], "}")
		if !closed {
			return 0, rest
		}
		return number(digits, 16), after
	case text[1] == 'x' && len(rest) >= 2:
		return number(rest[:2], 16), rest[2:]
	case text[1] >= '0' && text[1] <= '7':
		end := 2
		for end < min(4, len(text)) && text[end] >= '0' && text[end] <= '7' {
			end++
		}
		return number(text[1:end], 8), text[end:]
	default:
		first, size := utf8.DecodeRuneInString(text[1:])
		return first, text[1+size:]
	}
}

// number that isn't one is as large as can be: what can't be read is expensive.
func number(digits string, base int) rune {
	value, err := strconv.ParseInt(digits, base, 32)
	if err != nil {
		return utf8.MaxRune
	}
	return rune(value)
}
