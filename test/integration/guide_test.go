package integration

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// apply makes the objects of a file in the world's namespace.
func (w *world) apply(path string) map[string]*unstructured.Unstructured {
	w.t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		w.t.Fatal(err)
	}
	made, decoder := map[string]*unstructured.Unstructured{}, yaml.NewYAMLOrJSONDecoder(bytes.NewReader(content), 4096)
	for {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(object); errors.Is(err, io.EOF) {
			return made
		} else if err != nil {
			w.t.Fatalf("%s: %v", path, err)
		}
		object.SetNamespace(w.ns)
		w.create(object)
		made[object.GetKind()+"/"+object.GetName()] = object
	}
}

// The manifests of the guide to the CCM, all five objects, as they are. They choose
// a nodePort, so that this test runs before those that are given any: not parallel.
func TestTheManifestsOfTheCCMGuideWorkUnchanged(t *testing.T) {
	w := newWorld(t, setup{Operator: func(o *app.Options) { o.ClaimClasslessServices = true }})
	external := w.sim.PutLoadBalancer("", exosim.LoadBalancer{ID: "09191de9-513b-4270-a44c-5aad8354bb47", Name: "terraform"})
	made := w.apply("testdata/ccm-guide.yaml")
	w.g.Expect(made).To(HaveLen(5))

	services := map[string]*corev1.Service{}
	for _, name := range []string{"nginx", "udp-echo-service", "nginx-external"} {
		services[name] = &corev1.Service{}
		services[name].Namespace, services[name].Name = w.ns, name
		w.served(services[name])
	}
	w.g.Expect(w.sim.LoadBalancers("")).To(HaveLen(3))
	w.g.Expect(addressOf(services["nginx-external"])).To(Equal(external.IP))
	w.g.Expect(addressOf(services["nginx"])).NotTo(Equal(addressOf(services["udp-echo-service"])))

	for _, lb := range w.sim.LoadBalancers("") {
		switch lb.ID {
		case external.ID:
			w.g.Expect(lb.Labels).To(BeEmpty())
			w.g.Expect(lb.Name).To(Equal("terraform"))
			w.g.Expect(lb.Services).To(HaveLen(1))
		default:
			w.g.Expect(lb.Name).To(HavePrefix("k8s-"))
		}
		for _, service := range lb.Services {
			if service.Port != 8080 {
				w.g.Expect(service.HealthCheck.Port).To(Equal(service.TargetPort))
				continue
			}
			// The TCP twin is the health check of both.
			w.g.Expect(service.HealthCheck).To(Equal(exosim.HealthCheck{Mode: "tcp", Port: 31621, Interval: 10, Timeout: 5, Retries: 1}))
		}
	}
	for _, service := range services {
		w.remove(service)
		w.gone(service)
	}
	w.g.Expect(w.onlyNLB().Services).To(BeEmpty(), "of the external NLB")
}
