package exoscale

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	v3 "github.com/exoscale/egoscale/v3"
	"golang.org/x/sync/singleflight"
	"k8s.io/utils/clock"

	"github.com/exoscale-community/nlb-operator/internal/brief"
)

// zoneListLife is how long the list of zones is believed when a zone isn't in it.
const zoneListLife = time.Minute

// zones knows the API endpoint of every zone, from GET /zone of the base endpoint.
type zones struct {
	base     string
	insecure bool
	list     func(context.Context) ([]v3.Zone, error)
	clock    clock.PassiveClock

	calls     singleflight.Group
	mu        sync.Mutex
	endpoints map[string]string
	refused   map[string]error // endpoints that aren't believed, by zone
	readAt    time.Time
}

// endpoint of a zone. The list is read when it is needed first, and again, at
// most once a minute, for a zone that isn't in it.
func (z *zones) endpoint(ctx context.Context, zone string) (string, error) {
	endpoint, known, fresh := z.lookUp(zone)
	if known {
		return endpoint, nil
	}
	if !fresh {
		if err := z.read(ctx); err != nil {
			return "", err
		}
		if endpoint, known, _ = z.lookUp(zone); known {
			return endpoint, nil
		}
	}
	if err := z.refusal(zone); err != nil {
		return "", err
	}
	return "", &Error{Class: UnknownZone, Zone: zone, Operation: opListZones, Message: z.unknown(zone)}
}

func (z *zones) lookUp(zone string) (endpoint string, known, fresh bool) {
	z.mu.Lock()
	defer z.mu.Unlock()
	endpoint, known = z.endpoints[zone]
	return endpoint, known, z.endpoints != nil && z.clock.Since(z.readAt) < zoneListLife
}

// refusal is why nothing is sent to a zone that the list has; nil if there is no reason.
func (z *zones) refusal(zone string) error {
	z.mu.Lock()
	defer z.mu.Unlock()
	why := z.refused[zone]
	if why == nil {
		return nil
	}
	return &Error{Class: Blocked, Operation: opListZones, Zone: zone, cause: why,
		Message: fmt.Sprintf("the list of zones at %s leads elsewhere, so nothing is sent there: %s", z.base, why)}
}

// known tells whether Exoscale has the zone, as far as was read.
func (z *zones) known(zone string) bool {
	_, known, _ := z.lookUp(zone)
	return known
}

func (z *zones) read(ctx context.Context) error {
	c := &call{operation: opListZones}
	answer := z.calls.DoChan(opListZones, func() (any, error) {
		// Whoever asked first may give up; the others still want the answer.
		return nil, z.readOnce(context.WithoutCancel(ctx), c)
	})
	select {
	case <-ctx.Done():
		return newError(&call{operation: opListZones}, ctx.Err())
	case result := <-answer:
		return result.Err
	}
}

func (z *zones) readOnce(ctx context.Context, c *call) error {
	if err := CheckEndpoint(z.base, z.insecure); err != nil {
		return &Error{Class: Blocked, Operation: opListZones, cause: err, Message: "nothing is sent to the endpoint that is set: " + err.Error()}
	}
	list, err := z.list(withCall(ctx, c))
	if err == nil && len(list) == 0 {
		err = errors.New("the list of zones is empty")
	}
	if err != nil {
		e := newError(c, err)
		e.Class = Transient // the list takes no credentials and names no object
		e.Object = "the API at " + z.base
		return e
	}
	endpoints, refused := make(map[string]string, len(list)), map[string]error{}
	for _, zone := range list {
		endpoint := strings.TrimRight(string(zone.APIEndpoint), "/")
		if err := believe(z.base, endpoint); err != nil {
			refused[string(zone.Name)] = err
			continue
		}
		endpoints[string(zone.Name)] = endpoint
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	z.endpoints, z.refused, z.readAt = endpoints, refused, z.clock.Now()
	return nil
}

func (z *zones) unknown(zone string) string {
	z.mu.Lock()
	defer z.mu.Unlock()
	names := brief.List(slices.Sorted(maps.Keys(z.endpoints)))
	if zone == "" {
		return fmt.Sprintf("no zone is given and there is no default; the zones are %s", names)
	}
	return fmt.Sprintf("there is no zone %q; the zones are %s", zone, names)
}
