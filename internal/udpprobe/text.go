package udpprobe

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"
)

// How bytes are written down.
const (
	encodingText   = "text"
	encodingHex    = "hex"
	encodingBase64 = "base64"
	// encodingRE2 is a pattern for bytes.
	encodingRE2 = "re2"
)

const whiteSpace = " \t\r\n"

// words are the parts of a text between white space that no backslash precedes.
func words(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for text = strings.TrimLeft(text, whiteSpace); text != ""; text = strings.TrimLeft(text, whiteSpace) {
			var word string
			if word, text, _ = cut(text, whiteSpace); !yield(word) {
				return
			}
		}
	}
}

// cut is what is before and after the first of the separators that no backslash
// precedes.
func cut(text, separators string) (before, after string, found bool) {
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\':
			i++
		case strings.IndexByte(separators, text[i]) >= 0:
			return text[:i], text[i+1:], true
		}
	}
	return text, "", false
}

// unescaped refuses a backslash before anything else than what needs one: it was
// most likely meant for the regular expression, and has to be doubled.
func unescaped(value string) (string, error) {
	var plain strings.Builder
	for i := 0; i < len(value); i++ {
		if value[i] == '\\' {
			i++
			if i == len(value) || strings.IndexByte(`;\`+whiteSpace, value[i]) < 0 {
				return "", errors.New(`a backslash is written \\; alone it stands only before a semicolon or white space`)
			}
		}
		plain.WriteByte(value[i])
	}
	return plain.String(), nil
}

func escaped(plain string) string {
	var value strings.Builder
	for i := range len(plain) {
		if strings.IndexByte(`;\`+whiteSpace, plain[i]) >= 0 {
			value.WriteByte('\\')
		}
		value.WriteByte(plain[i])
	}
	return value.String()
}

// errEncoding: a value doesn't begin with how it is written down.
var errEncoding = errors.New("allowed is text:…, hex:… or base64:…")

func decoded(value string) (string, error) {
	encoding, text, _ := strings.Cut(value, ":")
	decoded := []byte(text)
	var err error
	switch encoding {
	case encodingText:
	case encodingHex:
		if decoded, err = hex.DecodeString(text); err != nil {
			return "", errors.New("it isn't hexadecimal: behind hex: stand pairs of 0-9 and a-f")
		}
	case encodingBase64:
		if decoded, err = base64.StdEncoding.Strict().DecodeString(text); err != nil {
			return "", errors.New("it isn't base64, as the command base64 writes it")
		}
	default:
		return "", errEncoding
	}
	if len(decoded) > MaxBytes {
		return "", fmt.Errorf("it stands for %d bytes; at most %d are allowed", len(decoded), MaxBytes)
	}
	return string(decoded), nil
}

// encoded is text if people can read it.
func encoded(bytes string) string {
	if utf8.ValidString(bytes) && strings.IndexFunc(bytes, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return encodingText + ":" + bytes
	}
	return encodingHex + ":" + hex.EncodeToString([]byte(bytes))
}

// quoted is a part of a text as people have written it, if it can be shown.
func quoted(part string) string {
	const most = 64
	part = part[:min(len(part), most*utf8.UTFMax+1)] // of a long one, no more is looked at
	if runes := []rune(part); len(runes) > most {
		part = string(runes[:most]) + "…"
	}
	if strings.ContainsFunc(part, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }) {
		return fmt.Sprintf("%q", part)
	}
	return `"` + part + `"`
}
