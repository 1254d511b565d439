package udpprobe

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"strings"
	"time"
)

// key is something that can be set behind a mode.
type key struct {
	name  string
	modes []Mode
	// set gets the value without its escapes.
	set func(*Check, string) error
}

var keys = []key{
	{"payload", []Mode{ModeProbe}, func(c *Check, value string) (err error) {
		c.Payload, err = decoded(value)
		return err
	}},
	{"expect", []Mode{ModeProbe}, func(c *Check, value string) (err error) {
		c.Expect, err = expectation(value)
		return err
	}},
	{"query", []Mode{ModeDNS}, func(c *Check, value string) (err error) {
		c.Query, err = domainName(value)
		return err
	}},
	{"timeout", []Mode{ModeProbe, ModeDNS}, func(c *Check, value string) (err error) {
		c.Timeout, err = duration(value, MinTimeout, MaxTimeout)
		return err
	}},
	{"interval", []Mode{ModeSocket, ModeProbe, ModeDNS}, func(c *Check, value string) (err error) {
		c.Interval, err = duration(value, MinInterval, MaxInterval)
		return err
	}},
}

func duration(text string, least, most time.Duration) (time.Duration, error) {
	value, err := time.ParseDuration(text)
	if err != nil || value < least || value > most {
		return 0, fmt.Errorf("allowed is a duration from %s to %s, as in 500ms", short(least), short(most))
	}
	return value, nil
}

// short is a duration without zeros at its end: 5m and not 5m0s.
func short(d time.Duration) string {
	if d%time.Minute == 0 {
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return d.String()
}

func expectation(value string) (Expectation, error) {
	pattern, isPattern := strings.CutPrefix(value, encodingRE2+":")
	if !isPattern {
		reply, err := decoded(value)
		if errors.Is(err, errEncoding) {
			err = errors.New("allowed is text:…, hex:…, base64:… or re2:…")
		}
		return Expectation{Kind: ExactReply, Value: reply}, err
	}
	if len(pattern) > MaxPattern {
		return Expectation{}, fmt.Errorf("the regular expression has %d bytes; at most %d are allowed", len(pattern), MaxPattern)
	}
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return Expectation{}, fmt.Errorf("it is no regular expression of RE2: %s", complaint(err))
	}
	if program, err := syntax.Compile(parsed.Simplify()); err != nil || len(program.Inst) > maxInstructions {
		return Expectation{}, errors.New("the regular expression repeats too much: x{1000} means a thousand x; ask for less")
	}
	return Expectation{Kind: MatchingReply, Value: pattern}, nil
}

// maxInstructions of a compiled regular expression: matching takes time in
// proportion, and a program of 256 bytes could have 36,000.
const maxInstructions = 1100

func complaint(err error) string {
	if wrong := (*syntax.Error)(nil); errors.As(err, &wrong) {
		return fmt.Sprintf("%s in %s", wrong.Code, quoted(wrong.Expr))
	}
	return err.Error()
}

// domainName is a name with a dot at its end, in small letters.
func domainName(text string) (string, error) {
	if text == "." {
		return text, nil
	}
	name := strings.ToLower(strings.TrimSuffix(text, "."))
	valid := len(name) <= 253
	for label := range strings.SplitSeq(name, ".") {
		valid = valid && label != "" && len(label) <= 63 && strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") == ""
	}
	if !valid {
		return "", errors.New("allowed is a domain name, as in example.com, of letters, digits, - and _")
	}
	return name + ".", nil
}
