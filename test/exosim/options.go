package exosim

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// What a Cloud has if its Options name nothing else.
const (
	DefaultZone   = "ch-gva-2"
	DefaultKey    = "EXOsimulatedkey"
	DefaultSecret = "simulated-secret"
)

// knownZones are the zones of Exoscale; the API's document allows no others.
var knownZones = []string{
	"ch-gva-2", "ch-dk-2", "de-fra-1", "de-muc-1", "at-vie-1", "at-vie-2", "bg-sof-1", "hr-zag-1",
}

// Clock tells the time of the simulation; those of k8s.io/utils/clock do.
type Clock interface{ Now() time.Time }

// KnownZones are the names of all zones of Exoscale.
func KnownZones() []string { return slices.Clone(knownZones) }

type realClock struct{}

func (realClock) Now() time.Time { return time.Now() }

// Options of a Cloud; the zero value is a cloud without delays whose answers are
// as strict as Exoscale's documentation.
type Options struct {
	// Zones are served in this order, and then those of State: the first under
	// /v2, each under /<zone>/v2. Neither having any means DefaultZone.
	Zones []string
	// Key and Secret are an API key that may do everything; both empty means
	// DefaultKey and DefaultSecret, unless State has keys.
	Key, Secret string
	// OperationDelay is how long operations take by the Clock. At 0 they have
	// ended by the next request.
	OperationDelay time.Duration
	// Latency is added to each answer, in real time.
	Latency time.Duration
	// RateLimit is the number of requests a second that all zones together
	// answer, with bursts of as much; the others get 429. 0 is no limit.
	RateLimit float64
	// Clock is the real one unless given.
	Clock Clock
	// DataPlane forwards traffic and probes backends for real, on addresses
	// that no other Cloud on this machine uses.
	DataPlane bool
	// ProbeTimeScale speeds up the data plane's health checks: 10 probes ten
	// times as often. 0 is real time.
	ProbeTimeScale float64
	// AllowConcurrentChanges lets several operations work on one NLB or pool at
	// once. Otherwise the second change is refused with 409.
	AllowConcurrentChanges bool
	// CascadeDelete lets an NLB be deleted with its services. Otherwise that is
	// refused with 409.
	CascadeDelete bool
	// LaxLabels allows the label values that Exoscale's documentation of labels
	// doesn't allow, though its API document does: more than 128 characters, a
	// digit at the beginning, other characters than letters, digits and *+!-_?.
	// Otherwise they are refused with 400.
	LaxLabels bool
	// VerboseReferences shows services' instance pools with name and size
	// besides the id.
	VerboseReferences bool
	// Faults are the rules for what goes wrong, at the beginning and after a reset.
	Faults []Fault
	// State is what the cloud holds at the beginning and after a reset.
	State *StateFile
	// Log gets each request: Info if it changes something or is refused, else
	// Debug. nil logs nothing.
	Log *slog.Logger
}

func (o Options) complete() (Options, error) {
	if o.State == nil {
		o.State = &StateFile{}
	}
	o.Zones = slices.Clone(o.Zones)
	for _, zone := range o.State.zones {
		if !slices.Contains(o.Zones, zone.name) {
			o.Zones = append(o.Zones, zone.name)
		}
	}
	if len(o.Zones) == 0 {
		o.Zones = []string{DefaultZone}
	}
	for i, zone := range o.Zones {
		if !slices.Contains(knownZones, zone) {
			return o, fmt.Errorf("zone %q is none of Exoscale's (%s)", zone, strings.Join(knownZones, ", "))
		}
		if slices.Contains(o.Zones[:i], zone) {
			return o, fmt.Errorf("zone %q is given twice", zone)
		}
	}
	if (o.Key == "") != (o.Secret == "") {
		return o, fmt.Errorf("of API key and secret only one is given")
	}
	if o.Key == "" && len(o.State.keys) == 0 {
		o.Key, o.Secret = DefaultKey, DefaultSecret
	}
	if o.OperationDelay < 0 || o.Latency < 0 || o.RateLimit < 0 {
		return o, fmt.Errorf("operation delay, latency and rate limit can't be negative")
	}
	if o.Clock == nil {
		o.Clock = realClock{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

func (o Options) labelRule() labelRule {
	if o.LaxLabels {
		return anyLabel
	}
	return documentedLabel
}
