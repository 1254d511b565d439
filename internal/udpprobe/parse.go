package udpprobe

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ParseTargets reads at least one target, and MaxTargets at most. Its error is a
// sentence about the first part that isn't right.
func ParseTargets(text string) ([]Target, error) {
	return parseAll(text, func(word string, b *budget) (Target, error) {
		spec, err := parseSpec(word, b)
		if err != nil {
			return Target{}, err
		}
		port, err := strconv.ParseUint(spec.Port, 10, 16)
		if err != nil || port == 0 {
			return Target{}, errors.New("it has to begin with the number of a port, 1-65535, as in 53/dns")
		}
		return spec.At(int32(port)), nil
	})
}

// ParseAnnotation reads the value of an annotation, in which a port may be named
// or missing. Its error is a sentence about the first part that isn't right. What it
// has read lately it remembers.
func ParseAnnotation(text string) ([]Spec, error) { return annotations.read(text, parseAnnotation) }

func parseAnnotation(text string) ([]Spec, error) {
	return parseAll(text, func(word string, b *budget) (Spec, error) {
		spec, err := parseSpec(word, b)
		if err != nil {
			return Spec{}, err
		}
		spec.Port, err = normalPort(spec.Port)
		return spec, err
	})
}

// parseAll reads the words of a text. The same target twice is refused, since one
// of them was most likely meant to be another.
func parseAll[T comparable](text string, parse func(word string, b *budget) (T, error)) ([]T, error) {
	if len(text) > MaxText {
		return nil, fmt.Errorf("it has %d bytes; at most %d are allowed", len(text), MaxText)
	}
	var all []T
	var b budget
	for word := range words(text) {
		one, err := parse(word, &b)
		switch {
		case err != nil:
			return nil, fmt.Errorf("target %s: %w", quoted(word), err)
		case slices.Contains(all, one):
			return nil, fmt.Errorf("target %s: it is given twice; leave one out", quoted(word))
		case len(all) == MaxTargets:
			return nil, fmt.Errorf("target %s is one too many: at most %d are allowed", quoted(word), MaxTargets)
		}
		all = append(all, one)
	}
	if len(all) == 0 {
		return nil, errors.New("there is no target: write a port and how to check it, as in 53/dns or 5060/socket")
	}
	return all, nil
}

// parseSpec leaves the port as it is written.
func parseSpec(word string, b *budget) (Spec, error) {
	head, options, more := cut(word, ";")
	port, mode, hasMode := strings.Cut(head, "/")
	switch {
	case hasMode && !slices.Contains(modes, Mode(mode)):
		return Spec{}, fmt.Errorf("%s is no mode; socket, probe and dns are", quoted(mode))
	case !hasMode && slices.Contains(modes, Mode(head)):
		port, mode = "", head
	case !hasMode:
		mode = string(ModeSocket)
	}
	spec := Default()
	spec.Port, spec.Mode = port, Mode(mode)
	if spec.Mode != ModeSocket {
		spec.Timeout = DefaultTimeout
	}
	return spec, spec.setAll(b, options, more)
}

var modes = []Mode{ModeSocket, ModeProbe, ModeDNS}

// setAll reads options that are separated by semicolons, if there are any.
func (c *Check) setAll(b *budget, options string, more bool) error {
	var seen []string
	for more {
		var option string
		option, options, more = cut(options, ";")
		name, value, assigned := strings.Cut(option, "=")
		at := slices.IndexFunc(keys, func(k key) bool { return k.name == name })
		switch {
		case option == "":
			return errors.New("behind a semicolon stands key=value, without white space before it")
		case !assigned:
			return fmt.Errorf("%s isn't of the form key=value", quoted(option))
		case at < 0:
			return fmt.Errorf("there is no key %s; payload, expect, query, timeout and interval are", quoted(name))
		case !slices.Contains(keys[at].modes, c.Mode):
			return fmt.Errorf("mode %s has no %s, which is for %s", c.Mode, name, listed(keys[at].modes))
		case slices.Contains(seen, name):
			return fmt.Errorf("%s is given twice", name)
		}
		seen = append(seen, name)
		plain, err := unescaped(value)
		if err == nil {
			err = keys[at].set(c, b, plain)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", quoted(option), err)
		}
	}
	if c.Mode == ModeProbe && !slices.Contains(seen, "payload") {
		return errors.New("mode probe needs to know what to send: payload=text:…, payload=hex:… or payload=base64:…")
	}
	return nil
}

func listed(modes []Mode) string {
	var names []string
	for _, mode := range modes {
		names = append(names, string(mode))
	}
	return strings.Join(names, " and ")
}

// normalPort is the one form of a number, or a name as Kubernetes allows it for
// ports (RFC 6335, 5.1); empty stays empty.
func normalPort(text string) (string, error) {
	if number, err := strconv.ParseUint(text, 10, 16); err == nil && number > 0 {
		return strconv.FormatUint(number, 10), nil
	}
	if text == "" || isPortName(text) {
		return text, nil
	}
	return "", fmt.Errorf("%s is no port: that is a number, 1-65535, the name of a port of the Pod, or nothing for every UDP port", quoted(text))
}

func isPortName(text string) bool {
	letters := 0
	for i := range len(text) {
		switch c := text[i]; {
		case c >= 'a' && c <= 'z':
			letters++
		case c >= '0' && c <= '9':
		case c == '-' && i > 0 && i < len(text)-1 && text[i-1] != '-':
		default:
			return false
		}
	}
	return letters > 0 && len(text) <= 15
}
