package exosim

import (
	"encoding/json"
	"net/http"
	"strings"
)

const kindInstance = "instance"

func listInstances(r *request) (any, error) {
	keep, err := r.instanceFilter()
	if err != nil {
		return nil, err
	}
	instances := []*Instance{}
	for _, instance := range r.state.instances {
		if !keep(instance) {
			continue
		}
		listed := *instance // lists show less
		listed.UserData, listed.DiskSize, listed.SecureBoot, listed.TPM = "", 0, nil, nil
		instances = append(instances, &listed)
	}
	return map[string]any{"instances": instances}, nil
}

// instanceFilter is what the query asks for: manager-id, manager-type,
// ip-address (public or IPv6), labels (a JSON object, all of which must fit).
func (r *request) instanceFilter() (func(*Instance) bool, error) {
	managerID, managerType := r.query.Get("manager-id"), r.query.Get("manager-type")
	if managerType != "" && managerType != managerPool {
		return nil, refuse(http.StatusBadRequest, "manager-type: must be %s, is %q", managerPool, managerType)
	}
	address := r.query.Get("ip-address")
	var labels map[string]string
	if given := r.query.Get("labels"); given != "" {
		var err error
		if labels, err = labelQuery(given); err != nil {
			return nil, err
		}
	}
	return func(i *Instance) bool {
		manager := value(i.Manager)
		if managerID != "" && manager.ID != managerID || managerType != "" && manager.Type != managerType {
			return false
		}
		if address != "" && i.PublicIP != address && i.IPv6Address != address {
			return false
		}
		for key, want := range labels {
			if got, has := i.Labels[key]; !has || got != want {
				return false
			}
		}
		return true
	}, nil
}

// labelQuery reads the labels asked for: a JSON object, or key=value pairs
// separated by commas. The API's document only says that it is a string.
func labelQuery(given string) (map[string]string, error) {
	labels := map[string]string{}
	if strings.HasPrefix(strings.TrimSpace(given), "{") {
		if json.Unmarshal([]byte(given), &labels) != nil {
			return nil, refuse(http.StatusBadRequest, "labels: must be an object of strings, is %s", given)
		}
		return labels, nil
	}
	for pair := range strings.SplitSeq(given, ",") {
		key, value, found := strings.Cut(pair, "=")
		if !found {
			return nil, refuse(http.StatusBadRequest, "labels: must be key=value pairs, is %q", given)
		}
		labels[key] = value
	}
	return labels, nil
}

func getInstance(r *request) (any, error) { return r.instance() }

func (r *request) instance() (*Instance, error) {
	id, err := r.id("id")
	if err != nil {
		return nil, err
	}
	instance, found := find(r.state.instances, id)
	if !found {
		return nil, notFound("instance", id)
	}
	return instance, nil
}

func updateInstance(r *request) (any, error) {
	var name, userData, assignment *string
	var labels map[string]string
	err := r.read(func(body *object) {
		name = body.text("name", false, 1, 255)
		userData = body.text("user-data", false, 1, 32768)
		assignment = body.oneOf("public-ip-assignment", false, "inet4", "dual", "none")
		body.boolean("application-consistent-snapshot-enabled")
		if string(body.fields["labels"]) == "null" { // clears them; null is allowed here
			delete(body.fields, "labels")
			labels = map[string]string{}
			return
		}
		labels = body.labels(r.cloud.opts.labelRule())
	})
	if err != nil {
		return nil, err
	}
	instance, err := r.instance()
	if err != nil {
		return nil, err
	}
	return r.start(change{
		kind: kindInstance, target: instance.ID,
		finish: func(s *zoneState) {
			s.editInstance(instance.ID, func(i *Instance) {
				set(&i.Name, name)
				set(&i.UserData, userData)
				set(&i.PublicIPAssignment, assignment)
				if labels != nil {
					i.Labels = labels
				}
			})
		},
	})
}

func startInstance(r *request) (any, error) {
	if len(r.body) > 0 {
		err := r.read(func(body *object) { body.oneOf("rescue-profile", false, "netboot", "netboot-efi") })
		if err != nil {
			return nil, err
		}
	}
	return r.startPower(StateStopped, StateStarting, StateRunning)
}

func stopInstance(r *request) (any, error) {
	return r.startPower(StateRunning, StateStopping, StateStopped)
}

// startPower starts an operation that takes an instance from one state by way of
// another to a third.
func (r *request) startPower(from, by, to string) (any, error) {
	instance, err := r.instance()
	if err != nil {
		return nil, err
	}
	if instance.State != from {
		return nil, conflict("instance %s is %s, not %s", instance.ID, instance.State, from)
	}
	return r.start(change{
		kind: kindInstance, target: instance.ID,
		begin:  instanceState(instance.ID, by),
		finish: instanceState(instance.ID, to),
		revert: instanceState(instance.ID, from),
	})
}

func instanceState(id, state string) func(*zoneState) {
	return func(s *zoneState) { s.editInstance(id, func(i *Instance) { i.State = state }) }
}
