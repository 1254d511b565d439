package udpprobe

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// key is something that can be set behind a mode.
type key struct {
	name  string
	modes []Mode
	// set gets the value without its escapes.
	set func(*Check, *budget, string) error
}

var keys = []key{
	{"payload", []Mode{ModeProbe}, func(c *Check, _ *budget, value string) (err error) {
		c.Payload, err = decoded(value)
		return err
	}},
	{"expect", []Mode{ModeProbe}, func(c *Check, b *budget, value string) (err error) {
		c.Expect, err = b.expectation(value)
		return err
	}},
	{"query", []Mode{ModeDNS}, func(c *Check, _ *budget, value string) (err error) {
		c.Query, err = domainName(value)
		return err
	}},
	{"timeout", []Mode{ModeProbe, ModeDNS}, func(c *Check, _ *budget, value string) (err error) {
		c.Timeout, err = duration(value, MinTimeout, MaxTimeout)
		return err
	}},
	{"interval", []Mode{ModeSocket, ModeProbe, ModeDNS}, func(c *Check, _ *budget, value string) (err error) {
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

func (b *budget) expectation(value string) (Expectation, error) {
	if pattern, is := strings.CutPrefix(value, encodingRE2+":"); is {
		return Expectation{Kind: MatchingReply, Value: pattern}, b.pattern(pattern)
	}
	reply, err := decoded(value)
	if errors.Is(err, errEncoding) {
		err = errors.New("allowed is text:…, hex:…, base64:… or re2:…")
	}
	return Expectation{Kind: ExactReply, Value: reply}, err
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
