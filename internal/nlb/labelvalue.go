package nlb

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Exoscale's documentation of labels (community.exoscale.com/documentation/compute/labels)
// limits their values, and says nothing of their keys.
const (
	maxLabelValue    = 128
	labelPunctuation = "*+!-_?"
)

// What LabelValue makes of a text.
const (
	digitPrefix = "x"  // stands before a digit at the beginning
	slashEscape = "__" // namespace/name stays readable
	escapeMark  = "_"  // begins an escape: two hex digits follow
	hashMark    = "_h" // no escape, so it stands in no value that is whole
	hashDigits  = 40   // of the SHA-256 of the text
)

var (
	// digitFirst matches the texts that get the prefix. Those that begin like one
	// that has it get one more, so that the two stay distinct.
	digitFirst  = regexp.MustCompile(`^` + digitPrefix + `*[0-9]`)
	prefixed    = regexp.MustCompile(`^` + digitPrefix + `+[0-9]`)
	escapes     = regexp.MustCompile(slashEscape + `|` + escapeMark + `[0-9a-f]{2}`)
	hashedValue = regexp.MustCompile(`^[A-Za-z0-9_-]*` + hashMark + `[0-9a-f]{40}$`)
)

// LabelValue writes a text as the value of a label at Exoscale, so that it holds
// under the rule for those. It uses letters, digits, - and _ only:
//
//	shop/web       shop__web       a slash is two underscores
//	v1.2           v1_2e2          any other character that isn't allowed, and _, is its bytes in hex
//	3f9b-5e        x3f9b-5e        an x stands before a digit at the beginning
//	too long       <up to 86 characters of that>_h<the first 40 hex digits of the text's SHA-256>
//
// Different texts have different values. Most names, and UIDs that begin with a
// letter, are their own.
func LabelValue(text string) string {
	var value strings.Builder
	if digitFirst.MatchString(text) {
		value.WriteString(digitPrefix)
	}
	head := 0 // where to cut before the hash: never within an escape
	for i := range len(text) {
		value.WriteString(escaped(text[i]))
		if value.Len() <= maxLabelValue-len(hashMark)-hashDigits {
			head = value.Len()
		}
	}
	if value.Len() <= maxLabelValue {
		return value.String()
	}
	hash := sha256.Sum256([]byte(text))
	return value.String()[:head] + hashMark + hex.EncodeToString(hash[:])[:hashDigits]
}

func escaped(b byte) string {
	switch {
	case b == '/':
		return slashEscape
	case alphanumeric(rune(b)) || b == '-':
		return string(rune(b))
	default:
		return escapeMark + hex.EncodeToString([]byte{b})
	}
}

// LabelText reads what LabelValue has written. It is false for a value that
// LabelValue doesn't write, and for one that was too long to be written whole.
func LabelText(value string) (text string, whole bool) {
	text = value
	if prefixed.MatchString(text) {
		text = strings.TrimPrefix(text, digitPrefix)
	}
	text = escapes.ReplaceAllStringFunc(text, unescaped)
	// What begins with a digit, holds other characters, or escapes what needs
	// none isn't written in this form.
	if LabelValue(text) != value {
		return "", false
	}
	return text, true
}

func unescaped(escape string) string {
	if escape == slashEscape {
		return "/"
	}
	b, err := strconv.ParseUint(escape[len(escapeMark):], 16, 8)
	if err != nil {
		return escape
	}
	return string([]byte{byte(b)})
}

// encoded reports whether a value is one that LabelValue writes.
func encoded(value string) bool {
	_, whole := LabelText(value)
	return whole || len(value) <= maxLabelValue && hashedValue.MatchString(value)
}

// legible is a value as it is shown to users: its text, or the value itself if that isn't
// one. Another client may have written any bytes, and a message has to be printable.
func legible(value string) string {
	if text, whole := LabelText(value); whole && !strings.ContainsFunc(text, unprintable) && utf8.ValidString(text) {
		return text
	}
	return strings.Map(func(r rune) rune {
		if unprintable(r) {
			return utf8.RuneError
		}
		return r
	}, value)
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// refusedLabelValue says what in a value Exoscale's documentation excludes; empty
// if nothing.
func refusedLabelValue(value string) string {
	if n := utf8.RuneCountInString(value); n > maxLabelValue {
		return fmt.Sprintf("it has %d characters", n)
	}
	for i, r := range value {
		switch {
		case i == 0 && r >= '0' && r <= '9':
			return "it begins with a digit"
		case !alphanumeric(r) && !strings.ContainsRune(labelPunctuation, r):
			return fmt.Sprintf("it holds %q", r)
		}
	}
	return ""
}

func alphanumeric(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}
