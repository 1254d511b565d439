package exosim

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// labelRule tells what is wrong with a label, or "".
type labelRule func(key, value string) string

// anyLabel is all that the API's document asks for: keys and values are strings.
func anyLabel(key, _ string) string {
	if key == "" {
		return "the key is empty"
	}
	return ""
}

// documentedLabel is what Exoscale's documentation of labels adds to that: values
// of at most 128 characters, letters, digits and *+!-_? only, the first no digit.
func documentedLabel(key, value string) string {
	if why := anyLabel(key, value); why != "" {
		return why
	}
	if utf8.RuneCountInString(value) > 128 {
		return "the value has more than 128 characters"
	}
	for i, r := range value {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		digit := r >= '0' && r <= '9'
		if i == 0 && digit {
			return "the value begins with a digit"
		}
		if !letter && !digit && !strings.ContainsRune("*+!-_?", r) {
			return fmt.Sprintf("the value holds %q; allowed are letters, digits and *+!-_?", r)
		}
	}
	return ""
}
