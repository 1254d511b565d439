// Package brief keeps texts short that are made of many things, or that others have
// written: a condition takes 32,768 bytes and an Event 1 kB, and what is longer is
// never written at all. Lists are bounded where they are made, and conditions and
// Events once more where they leave.
package brief

import (
	"fmt"
	"strings"
)

const (
	// mostListed is how many things a text lists; the others are counted.
	mostListed = 5
	// longestItem holds the longest namespace and name, in bytes.
	longestItem = 320
	// longestSentence is how long each of several sentences may be, in bytes.
	longestSentence = 1024
)

// The longest texts of an object, in bytes.
const (
	// Condition keeps a condition readable, and far below what the API server takes.
	Condition = 4096
	// Event is what the API server takes as the note of an Event.
	Event = 1024
)

// List names the first few things and counts the rest: "a, b, c and 97 more".
func List[T ~string](things []T) string {
	text, more := first(things, ", ", longestItem)
	if more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// Sentences joins the first few sentences, with what is between them, and counts the rest.
func Sentences(sentences []string, between string) string {
	text, more := first(sentences, between, longestSentence)
	if more > 0 {
		text += fmt.Sprintf("%sand %d more like these", between, more)
	}
	return text
}

func first[T ~string](things []T, between string, longest int) (text string, more int) {
	few := make([]string, min(len(things), mostListed))
	for i := range few {
		few[i] = Cut(string(things[i]), longest)
	}
	return strings.Join(few, between), len(things) - len(few)
}

const (
	ellipsis = "…"
	// unreadable stands for bytes that aren't UTF-8, of which the API server would
	// make three each.
	unreadable = "\uFFFD"
)

// Cut shortens a text to a number of bytes, between two characters. It is valid UTF-8
// afterwards, whatever it was.
func Cut(text string, longest int) string {
	if len(text) > longest {
		// What is beyond this is cut in any case; it needn't be looked at.
		text = text[:longest+1]
	}
	text = strings.ToValidUTF8(text, unreadable)
	if len(text) <= longest {
		return text
	}
	return strings.ToValidUTF8(text[:longest-len(ellipsis)], "") + ellipsis
}
