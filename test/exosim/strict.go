package exosim

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// object reads a JSON object strictly: each method takes one field out of it
// and notes what is wrong, close notes what was left. It is the stricter half
// of what the API's document says: unknown fields are refused, too.
type object struct {
	path   string
	fields map[string]json.RawMessage
	known  []string // what was asked for
	faults *[]string
}

// readObject reads a whole document; the faults found from then on end up in
// the slice given.
func readObject(data []byte, faults *[]string) *object {
	return newObject("", data, faults)
}

func newObject(path string, data []byte, faults *[]string) *object {
	o := &object{path: path, faults: faults}
	if err := json.Unmarshal(data, &o.fields); err != nil || o.fields == nil {
		if path == "" {
			o.fault("", "must be a JSON object")
		} else {
			o.fault("", "must be an object") // perhaps of YAML
		}
		o.fields = map[string]json.RawMessage{}
	}
	return o
}

func (o *object) name(field string) string {
	switch {
	case o.path == "" && field == "":
		return "body"
	case field == "":
		return o.path
	case o.path == "":
		return field
	default:
		return o.path + "." + field
	}
}

func (o *object) fault(field, format string, args ...any) {
	*o.faults = append(*o.faults, o.name(field)+": "+fmt.Sprintf(format, args...))
}

// take removes the field. It is absent from then on if it was null, which
// nothing in the API but an instance's labels may be.
func (o *object) take(field string, required bool) (json.RawMessage, bool) {
	o.known = append(o.known, field)
	raw, given := o.fields[field]
	delete(o.fields, field)
	switch {
	case !given && required:
		o.fault(field, "is required")
		return nil, false
	case given && string(raw) == "null":
		o.fault(field, "must not be null")
		return nil, false
	}
	return raw, given
}

// text takes a string of min to max characters; nil if there is none.
func (o *object) text(field string, required bool, minimum, maximum int) *string {
	raw, given := o.take(field, required)
	if !given {
		return nil
	}
	var value string
	if json.Unmarshal(raw, &value) != nil {
		o.fault(field, "must be a string")
		return nil
	}
	if n := utf8.RuneCountInString(value); n < minimum || n > maximum {
		o.fault(field, "must have %d to %d characters, has %d", minimum, maximum, n)
		return nil
	}
	return &value
}

// number takes an integer from min to max; nil if there is none.
func (o *object) number(field string, required bool, minimum, maximum int64) *int64 {
	raw, given := o.take(field, required)
	if !given {
		return nil
	}
	var value int64
	if json.Unmarshal(raw, &value) != nil {
		o.fault(field, "must be an integer")
		return nil
	}
	if value < minimum || value > maximum {
		o.fault(field, "must be from %d to %d, is %d", minimum, maximum, value)
		return nil
	}
	return &value
}

func (o *object) oneOf(field string, required bool, allowed ...string) *string {
	raw, given := o.take(field, required)
	if !given {
		return nil
	}
	var value string
	if json.Unmarshal(raw, &value) != nil || !slices.Contains(allowed, value) {
		o.fault(field, "must be one of %s, is %s", strings.Join(allowed, ", "), raw)
		return nil
	}
	return &value
}

func (o *object) boolean(field string) *bool {
	raw, given := o.take(field, false)
	if !given {
		return nil
	}
	var value bool
	if json.Unmarshal(raw, &value) != nil {
		o.fault(field, "must be true or false")
		return nil
	}
	return &value
}

func (o *object) id(field string, required bool) *string {
	value := o.text(field, required, 0, 255)
	if value == nil {
		return nil
	}
	if uuid.Validate(*value) != nil {
		o.fault(field, "must be a UUID, is %q", *value)
		return nil
	}
	return value
}

func (o *object) ip(field string) *string {
	value := o.text(field, false, 0, 255)
	if value == nil {
		return nil
	}
	if addr, err := netip.ParseAddr(*value); err != nil || !addr.Is4() {
		o.fault(field, "must be an IPv4 address, is %q", *value)
		return nil
	}
	return value
}

// labels takes the field of that name, a map of strings; nil if there is none.
func (o *object) labels(rule labelRule) map[string]string {
	const field = "labels"
	raw, given := o.take(field, false)
	if !given {
		return nil
	}
	values := map[string]json.RawMessage{}
	if json.Unmarshal(raw, &values) != nil {
		o.fault(field, "must be an object of strings")
		return nil
	}
	labels := make(map[string]string, len(values))
	for _, key := range slices.Sorted(maps.Keys(values)) {
		var value string
		if json.Unmarshal(values[key], &value) != nil || string(values[key]) == "null" {
			o.fault(field+"."+key, "must be a string")
			continue
		}
		if why := rule(key, value); why != "" {
			o.fault(field+"."+key, "%s", why)
			continue
		}
		labels[key] = value
	}
	return labels
}

func (o *object) child(field string, required bool) (*object, bool) {
	raw, given := o.take(field, required)
	if !given {
		return nil, false
	}
	return newObject(o.name(field), raw, o.faults), true
}

// list takes an array; each of its elements is an object to be read.
func (o *object) list(field string) []*object {
	var objects []*object
	for i, raw := range o.array(field, false) {
		objects = append(objects, newObject(fmt.Sprintf("%s[%d]", o.name(field), i), raw, o.faults))
	}
	return objects
}

func (o *object) texts(field string, required bool) []string {
	var values []string
	for i, raw := range o.array(field, required) {
		var value string
		if json.Unmarshal(raw, &value) != nil || string(raw) == "null" {
			o.fault(fmt.Sprintf("%s[%d]", field, i), "must be a string")
		}
		values = append(values, value)
	}
	return values
}

func (o *object) array(field string, required bool) []json.RawMessage {
	raw, given := o.take(field, required)
	if !given {
		return nil
	}
	var values []json.RawMessage
	if json.Unmarshal(raw, &values) != nil {
		o.fault(field, "must be an array")
	}
	return values
}

// close refuses what nobody took.
func (o *object) close() {
	for _, field := range slices.Sorted(maps.Keys(o.fields)) {
		o.fault(field, "unknown field: there are %s", strings.Join(o.known, ", "))
	}
}

// duration takes a Go duration that isn't negative; nil if there is none.
func (o *object) duration(field string) *time.Duration {
	given := o.text(field, false, 1, 64)
	if given == nil {
		return nil
	}
	duration, err := time.ParseDuration(*given)
	if err != nil || duration < 0 {
		o.fault(field, "must be a duration like 500ms, is %q", *given)
		return nil
	}
	return &duration
}

// fraction takes a number from 0 to 1; nil if there is none.
func (o *object) fraction(field string) *float64 {
	raw, given := o.take(field, false)
	if !given {
		return nil
	}
	var value float64
	if json.Unmarshal(raw, &value) != nil || value < 0 || value > 1 {
		o.fault(field, "must be a number from 0 to 1")
		return nil
	}
	return &value
}

// badRequest is the refusal of a request with these faults; nil if there are none.
func badRequest(faults []string) error {
	if len(faults) == 0 {
		return nil
	}
	return refuse(http.StatusBadRequest, "%s", strings.Join(faults, "; "))
}
