package nlb

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

func TestParsePortRanges(t *testing.T) {
	for name, test := range map[string]struct {
		texts []string
		want  string // empty: refused
	}{
		"nothing":               {nil, "none"},
		"a port":                {[]string{"6443"}, "6443"},
		"a range":               {[]string{"30000-32767"}, "30000-32767"},
		"a range of one":        {[]string{"22-22"}, "22"},
		"all there are":         {[]string{"1-65535"}, "1-65535"},
		"several":               {[]string{"6443", "9345", "30000-32767"}, "6443, 9345, 30000-32767"},
		"an empty one":          {[]string{""}, ""},
		"port 0":                {[]string{"0"}, ""},
		"a port that is none":   {[]string{"65536"}, ""},
		"a range that ends so":  {[]string{"1-65536"}, ""},
		"a range backwards":     {[]string{"32767-30000"}, ""},
		"a range without end":   {[]string{"30000-"}, ""},
		"a range without start": {[]string{"-30000"}, ""},
		"a range of three":      {[]string{"1-2-3"}, ""},
		"space":                 {[]string{" 6443"}, ""},
		"a sign":                {[]string{"+6443"}, ""},
		"a name":                {[]string{"https"}, ""},
		"one of many is wrong":  {[]string{"6443", "x"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParsePortRanges(test.texts)
			switch {
			case test.want == "" && (err == nil || !strings.Contains(err.Error(), test.texts[len(test.texts)-1])):
				t.Errorf("got %v, %v", got, err)
			case test.want != "" && err != nil:
				t.Error(err)
			case test.want != "":
				if diff := cmp.Diff(test.want, got.String()); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func TestPortRangesContain(t *testing.T) {
	ranges, err := ParsePortRanges([]string{"6443", "30000-32767"})
	if err != nil {
		t.Fatal(err)
	}
	for port, want := range map[int32]bool{0: false, 22: false, 6442: false, 6443: true, 6444: false, 29999: false, 30000: true, 31000: true, 32767: true, 32768: false} {
		if got := ranges.Contain(port); got != want {
			t.Errorf("port %d: got %v, want %v", port, got, want)
		}
		if (PortRanges{}).Contain(port) {
			t.Errorf("no ports contain %d", port)
		}
	}
}

func TestAllocatedTo(t *testing.T) {
	serving := func(kind corev1.ServiceType, edits ...func(*corev1.Service)) *corev1.Service {
		service := &corev1.Service{Spec: corev1.ServiceSpec{Type: kind, Ports: []corev1.ServicePort{{NodePort: 20080}, {NodePort: 20443}}}}
		for _, edit := range edits {
			edit(service)
		}
		return service
	}
	for name, test := range map[string]struct {
		service *corev1.Service
		port    int32
		want    bool
	}{
		"its first nodePort":                    {serving(corev1.ServiceTypeLoadBalancer), 20080, true},
		"its second nodePort":                   {serving(corev1.ServiceTypeLoadBalancer), 20443, true},
		"that of type NodePort":                 {serving(corev1.ServiceTypeNodePort), 20080, true},
		"its healthCheckNodePort":               {serving(corev1.ServiceTypeLoadBalancer, func(s *corev1.Service) { s.Spec.HealthCheckNodePort = 20001 }), 20001, true},
		"another port":                          {serving(corev1.ServiceTypeLoadBalancer), 22, false},
		"no port of one without":                {serving(corev1.ServiceTypeLoadBalancer, func(s *corev1.Service) { s.Spec.Ports[0].NodePort = 0 }), 0, false},
		"what an ExternalName says is no proof": {serving(corev1.ServiceTypeExternalName), 20080, false},
		"nor what a ClusterIP says":             {serving(corev1.ServiceTypeClusterIP), 20080, false},
		"nor what one without a type says":      {serving(""), 20080, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := AllocatedTo(test.service, test.port); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}
