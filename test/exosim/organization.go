package exosim

import (
	"maps"
	"slices"
	"strings"
)

// DefaultOtherOrganization is what FaultOtherOrganization takes for another one.
const DefaultOtherOrganization = "another"

// otherZone is the zone of that name as another organization has it: empty until
// it makes something there. It isn't under the data plane. It needs the mutex.
func (c *Cloud) otherZone(organization, name string) *zone {
	key := organization + "/" + name
	z := c.others[key]
	if z == nil {
		z = &zone{name: key, busy: map[string]string{}, state: newZoneState()}
		c.others[key] = z
	}
	return z
}

// otherZoneNamed is the zone of a name like "acme/ch-gva-2". It needs the mutex.
func (c *Cloud) otherZoneNamed(name string) (*zone, bool) {
	organization, zone, is := strings.Cut(name, "/")
	if _, known := c.zones[zone]; !is || organization == "" || !known {
		return nil, false
	}
	return c.otherZone(organization, zone), true
}

// zoneFor is the zone that a call of an organization is about; the empty one is
// ours. It needs the mutex.
func (c *Cloud) zoneFor(organization, name string) *zone {
	if organization == "" {
		return c.zones[name]
	}
	return c.otherZone(organization, name)
}

func (c *Cloud) showOthers() []ZoneState {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle(c.opts.Clock.Now())
	var shown []ZoneState
	for _, name := range slices.Sorted(maps.Keys(c.others)) {
		shown = append(shown, c.showZone(c.others[name]))
	}
	return shown
}

// readOrganization reads the name of an organization, if there is one.
func readOrganization(o *object) string {
	name := value(o.text("organization", false, 1, 255))
	if strings.Contains(name, "/") {
		o.fault("organization", "must not hold a slash, is %q", name)
	}
	return name
}
