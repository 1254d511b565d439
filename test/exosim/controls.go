package exosim

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// faultRule is a Fault at work.
type faultRule struct {
	ID int `json:"id"`
	Fault
	Latency string `json:"latency,omitempty"`
	Age     string `json:"age,omitempty"`
}

func controlFaults(c *Cloud, _ map[string]string, _ []byte) (any, error) {
	c.faults.mu.Lock()
	defer c.faults.mu.Unlock()
	rules := []faultRule{}
	for _, rule := range c.faults.rules {
		shown := faultRule{ID: rule.id, Fault: rule.Fault}
		if rule.Latency > 0 {
			shown.Latency = rule.Latency.String()
		}
		if rule.Age > 0 {
			shown.Age = rule.Age.String()
		}
		rules = append(rules, shown)
	}
	return rules, nil
}

// controlAddFault adds one rule, or those of an array, if all make sense.
func controlAddFault(c *Cloud, _ map[string]string, body []byte) (any, error) {
	var faults []string
	var rules []Fault
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("[")) {
		several := &object{fields: map[string]json.RawMessage{"rules": body}, faults: &faults}
		for _, o := range several.list("rules") {
			rules = append(rules, c.readFault(o))
		}
	} else {
		rules = append(rules, c.readFault(readObject(body, &faults)))
	}
	if err := badRequest(faults); err != nil {
		return nil, err
	}
	ids := []int{}
	for _, rule := range rules {
		ids = append(ids, c.faults.add(rule))
	}
	return map[string][]int{"ids": ids}, nil
}

func (c *Cloud) readFault(o *object) Fault {
	f := Fault{
		Operation:   value(o.text("operation", false, 0, 255)),
		Zone:        value(o.oneOf("zone", false, c.order...)),
		Kind:        FaultKind(value(o.text("kind", true, 1, 255))),
		Nth:         int(value(o.number("nth", false, 0, 1<<31))),
		Count:       int(value(o.number("count", false, 0, 1<<31))),
		Probability: value(o.fraction("probability")),
		Seed:        uint64(value(o.number("seed", false, 0, 1<<62))), //nolint:gosec // not negative
		Latency:     value(o.duration("latency")),
		Status:      int(value(o.number("status", false, 400, 599))),
		RetryAfter:  int(value(o.number("retry-after", false, 0, 86400))),
		Reason:      value(o.text("reason", false, 0, 255)),
		Effect:      value(o.text("effect", false, 0, 255)),
		Timeout:     value(o.boolean("timeout")),
		Immediate:   value(o.boolean("immediate")),
		Message:     value(o.text("message", false, 0, 1024)),
		Age:         value(o.duration("age")),
	}
	o.close()
	if fault := f.validate(); fault != nil && f.Kind != "" {
		o.fault("", "%s", fault)
	}
	return f
}

func controlRemoveFault(c *Cloud, params map[string]string, _ []byte) (any, error) {
	id, err := strconv.Atoi(params["id"])
	if err != nil || !c.faults.remove(id) {
		return nil, refuse(http.StatusNotFound, "fault %s not found", params["id"])
	}
	return done()
}

func controlSettings(c *Cloud, _ map[string]string, body []byte) (any, error) {
	var delay *time.Duration
	var addressless *bool
	err := readControl(body, func(o *object) {
		delay = o.duration("operation-delay")
		addressless = o.boolean("addressless")
	})
	if err != nil {
		return nil, err
	}
	if delay != nil {
		c.SetOperationDelay(*delay)
	}
	if addressless != nil {
		c.SetAddressless(*addressless)
	}
	return done()
}

func controlQuota(c *Cloud, params map[string]string, body []byte) (any, error) {
	var zone string
	var limit *int64
	err := readControl(body, func(o *object) {
		zone = value(o.oneOf("zone", false, c.order...))
		limit = o.number("limit", true, -1, 1<<31)
	})
	if err != nil {
		return nil, err
	}
	if resource := params["resource"]; resource != quotaLoadBalancers && resource != quotaInstances {
		return nil, refuse(http.StatusNotFound, "quota %s not found", resource)
	}
	c.SetQuota(zone, params["resource"], *limit)
	return done()
}

func controlAddKey(c *Cloud, _ map[string]string, body []byte) (any, error) {
	var key Key
	if err := readControl(body, func(o *object) { key = readKey(o) }); err != nil {
		return nil, err
	}
	c.AddKey(key)
	return done()
}

func controlRevokeKey(c *Cloud, params map[string]string, _ []byte) (any, error) {
	if !c.keys.revoke(params["key"]) {
		return nil, notFound("API key", params["key"])
	}
	return done()
}

func controlScale(c *Cloud, params map[string]string, body []byte) (any, error) {
	var size *int64
	if err := readControl(body, func(o *object) { size = o.number("size", true, 0, 1000) }); err != nil {
		return nil, err
	}
	scaled, found := c.scaleNow(params["id"], int(*size))
	if !found {
		return nil, notFound(aPool.name, params["id"])
	}
	return scaled, nil
}

func controlStop(c *Cloud, params map[string]string, _ []byte) (any, error) {
	return c.controlObject(anInstance, params["id"], instanceState(params["id"], StateStopped))
}

func controlStart(c *Cloud, params map[string]string, _ []byte) (any, error) {
	return c.controlObject(anInstance, params["id"], instanceState(params["id"], StateRunning))
}

func controlDeleteInstance(c *Cloud, params map[string]string, _ []byte) (any, error) {
	return c.controlObject(anInstance, params["id"], removeInstance(params["id"]))
}

func controlReplace(c *Cloud, params map[string]string, _ []byte) (any, error) {
	fresh, found := c.replaceNow(params["id"])
	if !found {
		return nil, notFound("instance of an instance pool", params["id"])
	}
	return fresh, nil
}

func controlHealth(c *Cloud, params map[string]string, body []byte) (any, error) {
	var healthy *bool
	var service *string
	err := readControl(body, func(o *object) {
		if healthy = o.boolean("healthy"); healthy == nil {
			o.fault("healthy", "is required")
		}
		service = o.id("service", false)
	})
	if err != nil {
		return nil, err
	}
	key := backendKey{instance: params["id"], service: value(service)}
	return c.controlObject(anInstance, params["id"], setHealth(key, *healthy))
}

func controlDeleteLoadBalancer(c *Cloud, params map[string]string, _ []byte) (any, error) {
	id := params["id"]
	return c.controlObject(aLoadBalancer, id, func(s *zoneState) { s.loadBalancers = without(s.loadBalancers, id) })
}

// controlObject changes the zone of an object at once.
func (c *Cloud) controlObject(of kind, id string, edit func(*zoneState)) (any, error) {
	if !c.tryArrange(of, id, func(s *zoneState, _ time.Time) { edit(s) }) {
		return nil, notFound(of.name, id)
	}
	return done()
}
