package exosim_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/exoscale-community/nlb-operator/test/exosim"
)

const noUUID = "3f9b3f5e-6a0a-4b3c-9a52-not-a-uuid"

func TestARequestThatIsWrongIsRefusedByName(t *testing.T) {
	t.Parallel()
	w := given(t)
	lb := w.nlb("web").String()
	service := w.service(w.nlb("other"), "http", 80).String()
	long := strings.Repeat("x", 256)

	add := func(field, value string) string { return w.addBody(field, value) }
	check := func(fields string) string { return w.addBody("healthcheck", "{"+fields+"}") }
	for name, c := range map[string]struct {
		method, path, body string
		want               string
	}{
		"no JSON":                       {"POST", "load-balancer", `name=web`, "body: must be a JSON object"},
		"more than one document":        {"POST", "load-balancer", `{"name": "x"} {}`, "body: must be a JSON object"},
		"no body":                       {"POST", "load-balancer", ``, "body: must be a JSON object"},
		"null":                          {"POST", "load-balancer", `null`, "body: must be a JSON object"},
		"no name":                       {"POST", "load-balancer", `{}`, "name: is required"},
		"an empty name":                 {"POST", "load-balancer", `{"name": ""}`, "name: must have 1 to 255 characters, has 0"},
		"a name too long":               {"POST", "load-balancer", `{"name": "` + long + `"}`, "name: must have 1 to 255 characters, has 256"},
		"a name that is a number":       {"POST", "load-balancer", `{"name": 5}`, "name: must be a string"},
		"a description too long":        {"POST", "load-balancer", `{"name": "x", "description": "` + long + `"}`, "description: must have 0 to 255"},
		"null in a field":               {"POST", "load-balancer", `{"name": "x", "labels": null}`, "labels: must not be null"},
		"labels that are a list":        {"POST", "load-balancer", `{"name": "x", "labels": []}`, "labels: must be an object of strings"},
		"a label that is a number":      {"POST", "load-balancer", `{"name": "x", "labels": {"a": 1}}`, "labels.a: must be a string"},
		"a label without a key":         {"POST", "load-balancer", `{"name": "x", "labels": {"": "b"}}`, "the key is empty"},
		"a label that begins by a 1":    {"POST", "load-balancer", `{"name": "x", "labels": {"a": "1b"}}`, "labels.a: the value begins with a digit"},
		"a label with a space":          {"POST", "load-balancer", `{"name": "x", "labels": {"a": "b c"}}`, `labels.a: the value holds ' '`},
		"a label too long":              {"POST", "load-balancer", `{"name": "x", "labels": {"a": "` + long + `"}}`, "more than 128 characters"},
		"an unknown field":              {"POST", "load-balancer", `{"name": "x", "zone": "ch-gva-2"}`, "zone: unknown field: there are name, description, labels"},
		"two faults":                    {"POST", "load-balancer", `{"name": "", "ip": "1.2.3.4"}`, "0; ip: unknown"},
		"an update with null":           {"PUT", "load-balancer/" + lb, `{"name": null}`, "name: must not be null"},
		"a reset of another field":      {"DELETE", "load-balancer/" + lb + "/name", ``, "must be one of description, labels"},
		"a service without a port":      {"POST", "load-balancer/" + lb + "/service", add("port", ""), "port: is required"},
		"port 0":                        {"POST", "load-balancer/" + lb + "/service", add("port", "0"), "port: must be from 1 to 65535, is 0"},
		"port 65536":                    {"POST", "load-balancer/" + lb + "/service", add("port", "65536"), "port: must be from 1 to 65535, is 65536"},
		"a port with a fraction":        {"POST", "load-balancer/" + lb + "/service", add("port", "80.5"), "port: must be an integer"},
		"a port in quotes":              {"POST", "load-balancer/" + lb + "/service", add("port", `"80"`), "port: must be an integer"},
		"target port 0":                 {"POST", "load-balancer/" + lb + "/service", add("target-port", "0"), "target-port: must be from 1 to 65535"},
		"another protocol":              {"POST", "load-balancer/" + lb + "/service", add("protocol", `"sctp"`), `protocol: must be one of tcp, udp, is "sctp"`},
		"another strategy":              {"POST", "load-balancer/" + lb + "/service", add("strategy", `"random"`), "strategy: must be one of round-robin, maglev-hash, source-hash"},
		"no pool":                       {"POST", "load-balancer/" + lb + "/service", add("instance-pool", ""), "instance-pool: is required"},
		"a pool without id":             {"POST", "load-balancer/" + lb + "/service", add("instance-pool", `{}`), "instance-pool.id: is required"},
		"a pool with an empty id":       {"POST", "load-balancer/" + lb + "/service", add("instance-pool", `{"id": ""}`), "instance-pool.id: must be a UUID"},
		"a pool with what isn't known":  {"POST", "load-balancer/" + lb + "/service", add("instance-pool", `{"id": "`+w.pool.ID+`", "foo": 1}`), "instance-pool.foo: unknown field"},
		"a pool that is a string":       {"POST", "load-balancer/" + lb + "/service", add("instance-pool", `"x"`), "instance-pool: must be an object"},
		"no health check":               {"POST", "load-balancer/" + lb + "/service", add("healthcheck", ""), "healthcheck: is required"},
		"a check without mode and port": {"POST", "load-balancer/" + lb + "/service", check(``), "healthcheck.mode: is required; healthcheck.port: is required"},
		"a check by UDP":                {"POST", "load-balancer/" + lb + "/service", check(`"mode": "udp", "port": 1`), "healthcheck.mode: must be one of tcp, http, https"},
		"a check at port 70000":         {"POST", "load-balancer/" + lb + "/service", check(`"mode": "tcp", "port": 70000`), "healthcheck.port: must be from 1 to 65535, is 70000"},
		"an interval of 3 s":            {"POST", "load-balancer/" + lb + "/service", check(`"mode": "tcp", "port": 1, "interval": 3`), "healthcheck.interval: must be from 5 to 300, is 3"},
		"a timeout of 90 s":             {"POST", "load-balancer/" + lb + "/service", check(`"mode": "tcp", "port": 1, "timeout": 90`), "healthcheck.timeout: must be from 2 to 60, is 90"},
		"50 retries":                    {"POST", "load-balancer/" + lb + "/service", check(`"mode": "tcp", "port": 1, "retries": 50`), "healthcheck.retries: must be from 1 to 20, is 50"},
		"a timeout above the interval":  {"POST", "load-balancer/" + lb + "/service", check(`"mode": "tcp", "port": 1, "interval": 5, "timeout": 6`), "healthcheck.interval: must not be less than the timeout (6), is 5"},
		"http without a path":           {"POST", "load-balancer/" + lb + "/service", check(`"mode": "http", "port": 1`), "healthcheck.uri: is required with mode http"},
		"an update of the pool":         {"PUT", "load-balancer/" + lb + "/service/" + service, `{"instance-pool": {"id": "` + w.pool.ID + `"}}`, "instance-pool: unknown field: there are name,"},
		"a reset of a service's name":   {"DELETE", "load-balancer/" + lb + "/service/" + service + "/name", ``, "field: must be description"},
		"an id that is none":            {"GET", "load-balancer/" + noUUID, ``, "id: must be a UUID"},
		"a service id that is none":     {"GET", "load-balancer/" + lb + "/service/" + noUUID, ``, "service-id: must be a UUID"},
		"an operation id that is none":  {"GET", "operation/" + noUUID, ``, "id: must be a UUID"},
		"scaling to less than nothing":  {"PUT", "instance-pool/" + w.pool.ID + ":scale", `{"size": -1}`, "size: must be from 0"},
		"scaling without a size":        {"PUT", "instance-pool/" + w.pool.ID + ":scale", `{}`, "size: is required"},
		"evicting nobody":               {"PUT", "instance-pool/" + w.pool.ID + ":evict", `{}`, "instances: is required"},
		"evicting what isn't a list":    {"PUT", "instance-pool/" + w.pool.ID + ":evict", `{"instances": 1}`, "instances: must be an array"},
		"evicting a number":             {"PUT", "instance-pool/" + w.pool.ID + ":evict", `{"instances": [1]}`, "instances[0]: must be a string"},
		"evicting a stranger":           {"PUT", "instance-pool/" + w.pool.ID + ":evict", `{"instances": ["` + lb + `"]}`, "isn't in instance pool"},
		"another visibility":            {"GET", "security-group?visibility=secret", ``, "visibility: must be one of private, public"},
		"another manager":               {"GET", "instance?manager-type=nobody", ``, "manager-type: must be instance-pool"},
		"labels asked for badly":        {"GET", "instance?labels=a", ``, "labels: must be key=value pairs"},
		"labels asked for as numbers":   {"GET", "instance?labels=%7B%22a%22%3A1%7D", ``, "labels: must be an object of strings"},
	} {
		t.Run(name, func(t *testing.T) {
			status, message := w.do(call{method: c.method, path: "/v2/" + c.path, body: c.body})
			refused(t, status, message, http.StatusBadRequest, c.want)
		})
	}
	if got, _ := w.LoadBalancer(lb); got.Name != "web" || len(got.Services) != 0 {
		t.Errorf("what was refused has left %+v", got)
	}
}

// addBody is the body that adds a service, with one field set to the JSON given,
// or left out.
func (w *world) addBody(field, value string) string {
	fields := map[string]string{
		"name": `"http"`, "protocol": `"tcp"`, "strategy": `"round-robin"`, "port": "80", "target-port": "30080",
		"instance-pool": fmt.Sprintf(`{"id": %q}`, w.pool.ID),
		"healthcheck":   `{"mode": "tcp", "port": 30080}`,
	}
	fields[field] = value
	var parts []string
	for name, value := range fields {
		if value != "" {
			parts = append(parts, fmt.Sprintf("%q: %s", name, value))
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func TestWhatIsLeftOutOfAHealthCheckHasItsDefault(t *testing.T) {
	t.Parallel()
	w := given(t)
	lb := w.nlb("web").String()
	status, message := w.do(call{method: "POST", path: "/v2/load-balancer/" + lb + "/service", body: w.addBody("healthcheck", `{"mode": "tcp", "port": 31000}`)})
	if status != http.StatusOK {
		t.Fatalf("answered with %d: %s", status, message)
	}
	got, _ := w.LoadBalancer(lb)
	want := exosim.HealthCheck{Mode: "tcp", Port: 31000, Interval: 10, Timeout: 2, Retries: 1}
	if got.Services[0].HealthCheck != want {
		t.Errorf("the health check is %+v, want %+v", got.Services[0].HealthCheck, want)
	}
}

func TestAPathOrMethodThatIsntThereIsRefused(t *testing.T) {
	t.Parallel()
	w := given(t)
	id := w.pool.ID
	for name, c := range map[string]struct {
		method, path string
		want         int
		word         string
	}{
		"no API":                     {"GET", "/", 404, w.URL + "/v2 (ch-gva-2)"},
		"a zone that isn't served":   {"GET", "/de-fra-1/v2/zone", 404, "no API at /de-fra-1/v2/zone"},
		"a resource that isn't":      {"GET", "/v2/teapot", 404, "nothing known at /teapot"},
		"a method that isn't":        {"PATCH", "/v2/load-balancer/" + id, 405, "PATCH isn't allowed"},
		"an action that isn't":       {"PUT", "/v2/instance-pool/" + id + ":explode", 404, "nothing known"},
		"an operation not simulated": {"POST", "/v2/security-group", 501, "operation create-security-group (POST /security-group) isn't simulated"},
		"an NLB that isn't":          {"GET", "/v2/load-balancer/" + id, 404, "load balancer " + id + " not found"},
		"a pool that isn't":          {"GET", "/v2/instance-pool/" + w.Members(id)[0].ID, 404, "not found"},
		"an instance that isn't":     {"GET", "/v2/instance/" + id, 404, "instance " + id + " not found"},
		"a cluster that isn't":       {"GET", "/v2/sks-cluster/" + id, 404, "SKS cluster " + id + " not found"},
		"an operation that isn't":    {"GET", "/v2/operation/" + id, 404, "operation " + id + " not found"},
		"a security group that isn't": {
			"GET", "/v2/security-group/" + id, 404, "security group " + id + " not found",
		},
		"a quota that isn't":       {"GET", "/v2/quota/happiness", 404, "quota happiness not found"},
		"a reverse record unset":   {"GET", "/v2/reverse-dns/instance/" + w.Members(id)[0].ID, 404, "has no reverse DNS record"},
		"a body beyond all reason": {"POST", "/v2/load-balancer", 413, "more than"},
	} {
		t.Run(name, func(t *testing.T) {
			body := ""
			if c.want == http.StatusRequestEntityTooLarge {
				body = strings.Repeat("x", 1<<20+1)
			}
			status, message := w.do(call{method: c.method, path: c.path, body: body})
			refused(t, status, message, c.want, c.word)
		})
	}
}

func TestLaxLabelsAreThoseOfTheAPIDocument(t *testing.T) {
	t.Parallel()
	w := given(t, func(o *exosim.Options) { o.LaxLabels = true })
	long := strings.Repeat("x", 256)
	for name, labels := range map[string]string{
		"a digit at the beginning": `{"a": "1b"}`, "a slash": `{"a": "b/c"}`, "more than 128 characters": `{"a": "` + long + `"}`, "nothing": `{"a": ""}`,
	} {
		status, message := w.do(call{method: "POST", path: "/v2/load-balancer", body: `{"name": "` + name + `", "labels": ` + labels + `}`})
		if status != http.StatusOK {
			t.Errorf("%s: answered with %d: %s", name, status, message)
		}
	}
	status, message := w.do(call{method: "POST", path: "/v2/load-balancer", body: `{"name": "x", "labels": {"": "b"}}`})
	refused(t, status, message, http.StatusBadRequest, "the key is empty")
}
