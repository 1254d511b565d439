package exosim

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
)

// faultRule is a Fault at work.
type faultRule struct {
	ID int `json:"id"`
	// Hits is how many calls it has hit.
	Hits int `json:"hits"`
	Fault
	Latency string `json:"latency,omitempty"`
	Age     string `json:"age,omitempty"`
	Late    string `json:"late,omitempty"`
	For     string `json:"for,omitempty"`
}

func controlFaults(c *Cloud, _ map[string]string, _ []byte) (any, error) {
	c.faults.mu.Lock()
	defer c.faults.mu.Unlock()
	rules := []faultRule{}
	for _, rule := range c.faults.rules {
		shown := faultRule{ID: rule.id, Hits: rule.struck, Fault: rule.Fault}
		if rule.Latency > 0 {
			shown.Latency = rule.Latency.String()
		}
		if rule.Age > 0 {
			shown.Age = rule.Age.String()
		}
		if rule.Late > 0 {
			shown.Late = rule.Late.String()
		}
		if rule.For > 0 {
			shown.For = rule.For.String()
		}
		rules = append(rules, shown)
	}
	return rules, nil
}

// controlAddFault adds one rule, or those of an array, if all make sense.
func controlAddFault(c *Cloud, _ map[string]string, body []byte) (any, error) {
	rules, faults := readFaults(body, c.order)
	if err := badRequest(faults); err != nil {
		return nil, err
	}
	ids := []int{}
	for _, rule := range rules {
		ids = append(ids, c.faults.add(rule))
	}
	return map[string][]int{"ids": ids}, nil
}

// ParseFaults reads one rule in JSON, or an array of them, as POST /sim/faults
// takes them. The error names all that is wrong.
func ParseFaults(data []byte) ([]Fault, error) {
	rules, faults := readFaults(data, knownZones)
	if len(faults) > 0 {
		return nil, errors.New(strings.Join(faults, "; "))
	}
	return rules, nil
}

func readFaults(data []byte, zones []string) (rules []Fault, faults []string) {
	if !bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		return []Fault{readFault(readObject(data, &faults), zones)}, faults
	}
	several := &object{fields: map[string]json.RawMessage{"rules": data}, faults: &faults}
	for _, o := range several.list("rules") {
		rules = append(rules, readFault(o, zones))
	}
	return rules, faults
}

func readFault(o *object, zones []string) Fault {
	f := Fault{
		Operation:    value(o.text("operation", false, 0, 255)),
		Zone:         value(o.oneOf("zone", false, zones...)),
		Kind:         FaultKind(value(o.text("kind", true, 1, 255))),
		Nth:          int(value(o.number("nth", false, 0, 1<<31))),
		Count:        int(value(o.number("count", false, 0, 1<<31))),
		After:        int(value(o.number("after", false, 0, 1<<31))),
		Probability:  value(o.fraction("probability")),
		Seed:         uint64(value(o.number("seed", false, 0, 1<<62))), //nolint:gosec // not negative
		Latency:      value(o.duration("latency")),
		Status:       int(value(o.number("status", false, 400, 599))),
		RetryAfter:   int(value(o.number("retry-after", false, 0, 86400))),
		Form:         value(o.text("form", false, 0, 255)),
		Body:         value(o.text("body", false, 0, 1<<16)),
		Object:       value(o.text("object", false, 1, 255)),
		Fields:       o.texts("fields", false),
		Absent:       value(o.boolean("absent")),
		Organization: readOrganization(o),
		Reason:       value(o.text("reason", false, 0, 255)),
		Effect:       value(o.text("effect", false, 0, 255)),
		Timeout:      value(o.boolean("timeout")),
		Immediate:    value(o.boolean("immediate")),
		Message:      value(o.text("message", false, 0, 1024)),
		Age:          value(o.duration("age")),
		Late:         value(o.duration("late")),
		For:          value(o.duration("for")),
	}
	o.close()
	if fault := f.validate(); fault != nil && f.Kind != "" {
		o.fault("", "%s", fault)
	}
	return f
}
