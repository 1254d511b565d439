package exosim

import (
	"maps"
	"net/http"
)

// getReverseDNS is 404 for an instance without a name, too.
func getReverseDNS(r *request) (any, error) {
	instance, err := r.instance()
	if err != nil {
		return nil, err
	}
	domain, found := r.state.reverseDNS[instance.ID]
	if !found {
		return nil, refuse(http.StatusNotFound, "instance %s has no reverse DNS record", instance.ID)
	}
	return map[string]string{"domain-name": domain}, nil
}

func updateReverseDNS(r *request) (any, error) {
	var domain *string
	if err := r.read(func(body *object) { domain = body.text("domain-name", true, 1, 253) }); err != nil {
		return nil, err
	}
	instance, err := r.instance()
	if err != nil {
		return nil, err
	}
	return r.start(change{
		kind: kindInstance, target: instance.ID,
		finish: func(s *zoneState) { s.setReverseDNS(instance.ID, *domain) },
	})
}

func deleteReverseDNS(r *request) (any, error) {
	instance, err := r.instance()
	if err != nil {
		return nil, err
	}
	return r.start(change{
		kind: kindInstance, target: instance.ID,
		finish: func(s *zoneState) { s.setReverseDNS(instance.ID, "") },
	})
}

// setReverseDNS names an instance; "" removes its record.
func (s *zoneState) setReverseDNS(instance, domain string) {
	records := maps.Clone(s.reverseDNS)
	if records == nil {
		records = map[string]string{}
	}
	records[instance] = domain
	if domain == "" {
		delete(records, instance)
	}
	s.reverseDNS = records
}
