package exosim

import (
	"net/http"
	"strconv"
	"time"
)

func controlRemoveFault(c *Cloud, params map[string]string, _ []byte) (any, error) {
	id, err := strconv.Atoi(params["id"])
	if err != nil || !c.faults.remove(id) {
		return nil, refuse(http.StatusNotFound, "fault %s not found", params["id"])
	}
	return done()
}

func controlSettings(c *Cloud, _ map[string]string, body []byte) (any, error) {
	var delay *time.Duration
	var addressless, cascade *bool
	err := readControl(body, func(o *object) {
		delay = o.duration("operation-delay")
		addressless = o.boolean("addressless")
		cascade = o.boolean("cascade-delete")
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
	if cascade != nil {
		c.SetCascadeDelete(*cascade)
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

func controlEndOperation(c *Cloud, params map[string]string, _ []byte) (any, error) {
	if !c.EndOperation(params["id"]) {
		return nil, refuse(http.StatusNotFound, "operation %s isn't pending", params["id"])
	}
	return done()
}

// controlObject changes the zone of an object at once.
func (c *Cloud) controlObject(of kind, id string, edit func(*zoneState)) (any, error) {
	if !c.tryArrange(of, id, func(s *zoneState, _ time.Time) { edit(s) }) {
		return nil, notFound(of.name, id)
	}
	return done()
}
