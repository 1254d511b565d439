package annotation

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/udpprobe"
)

const (
	ownUID   = "6a1f0c1e-5b0a-4c7e-9b57-2f5a3a5e8d10"
	otherUID = "11111111-2222-4333-8444-555555555555"
	anID     = "0b12c3d4-0000-4000-8000-00000000abcd"
)

// defaults are the Values of a Service without annotations.
func defaults() Values {
	return Values{
		Strategy:    v1alpha1.StrategyRoundRobin,
		HealthCheck: HealthCheck{Interval: 10 * time.Second, Timeout: 5 * time.Second, Retries: 1},
	}
}

// valueCase is a table of values of one annotation: those that are accepted,
// with what they mean, and those that are refused.
type valueCase struct {
	besides map[string]string // other annotations that have to be there
	valid   map[string]func(*Values)
	invalid []string
}

var long = strings.Repeat("ä", 255)

var valueCases = map[string]valueCase{
	v1alpha1.AnnotationID: {
		valid: map[string]func(*Values){
			anID:                  func(v *Values) { v.ID = anID },
			strings.ToUpper(anID): func(v *Values) { v.ID = anID },
		},
		invalid: []string{"web", anID + "0", "{" + anID + "}", strings.ReplaceAll(anID, "-", "")},
	},
	v1alpha1.AnnotationName: {
		valid: map[string]func(*Values){
			"web":                    func(v *Values) { v.Name = "web" },
			"k8s-" + ownUID:          func(v *Values) { v.Name = "k8s-" + ownUID },
			"web-" + ownUID + "-all": func(v *Values) { v.Name = "web-" + ownUID + "-all" },
			long:                     func(v *Values) { v.Name = long },
		},
		invalid: []string{long + "ä", "k8s-" + otherUID, "k8s-web", "web-" + otherUID, "\xff"},
	},
	v1alpha1.AnnotationDescription: {
		valid: map[string]func(*Values){
			"my web": func(v *Values) { v.Description = "my web" },
			long:     func(v *Values) { v.Description = long },
		},
		invalid: []string{long + "ä"},
	},
	v1alpha1.AnnotationExternal: {
		besides: map[string]string{v1alpha1.AnnotationName: "web"},
		valid: map[string]func(*Values){
			"true":  func(v *Values) { v.External = true },
			"True":  func(v *Values) { v.External = true },
			"TRUE":  func(v *Values) { v.External = true },
			"false": func(*Values) {},
			"False": func(*Values) {},
		},
		invalid: []string{"yes", "1", "on", "true ", "t"},
	},
	v1alpha1.AnnotationServiceName: {
		valid: map[string]func(*Values){
			"https":         func(v *Values) { v.ServiceName = "https" },
			ownUID + "-443": func(v *Values) { v.ServiceName = ownUID + "-443" },
		},
		invalid: []string{long + "ä", "k8s-web", otherUID + "-443"},
	},
	v1alpha1.AnnotationServiceDescription: {
		valid: map[string]func(*Values){
			"TLS": func(v *Values) { v.ServiceDescription = "TLS" },
		},
		invalid: []string{long + "ä", "TLS [nlb.exoscale.com/0123456789ab-0123456789abcdef]", "[nlb.exoscale.com/"},
	},
	v1alpha1.AnnotationInstancePoolID: {
		valid: map[string]func(*Values){
			anID:                  func(v *Values) { v.InstancePoolID = anID },
			strings.ToUpper(anID): func(v *Values) { v.InstancePoolID = anID },
		},
		invalid: []string{"my-pool"},
	},
	v1alpha1.AnnotationSKSClusterName: {
		besides: map[string]string{v1alpha1.AnnotationSKSNodepoolName: "blue"},
		valid: map[string]func(*Values){
			"prod": func(v *Values) {
				v.SKSNodepool = &v1alpha1.SKSNodepoolReference{Cluster: "prod", Nodepool: "blue"}
			},
		},
		invalid: []string{long + "ä"},
	},
	v1alpha1.AnnotationSKSNodepoolName: {
		besides: map[string]string{v1alpha1.AnnotationSKSClusterName: "prod"},
		valid: map[string]func(*Values){
			"Blue": func(v *Values) {
				v.SKSNodepool = &v1alpha1.SKSNodepoolReference{Cluster: "prod", Nodepool: "Blue"}
			},
		},
		invalid: []string{long + "ä"},
	},
	v1alpha1.AnnotationStrategy: {
		valid: map[string]func(*Values){
			"round-robin": func(*Values) {},
			"source-hash": func(v *Values) { v.Strategy = v1alpha1.StrategySourceHash },
			"maglev-hash": func(v *Values) { v.Strategy = v1alpha1.StrategyMaglevHash },
		},
		invalid: []string{"random", "RoundRobin", "Source-Hash"},
	},
	v1alpha1.AnnotationHealthCheckMode: {
		valid: map[string]func(*Values){
			"tcp":   func(v *Values) { v.HealthCheck.Mode = v1alpha1.HealthCheckTCP },
			"http":  func(v *Values) { v.HealthCheck.Mode = v1alpha1.HealthCheckHTTP },
			"https": func(v *Values) { v.HealthCheck.Mode = v1alpha1.HealthCheckHTTPS },
		},
		invalid: []string{"udp", "HTTP", "http "},
	},
	v1alpha1.AnnotationHealthCheckPort: {
		valid: map[string]func(*Values){
			"1":     func(v *Values) { v.HealthCheck.Port = 1 },
			"31621": func(v *Values) { v.HealthCheck.Port = 31621 },
			"65535": func(v *Values) { v.HealthCheck.Port = 65535 },
		},
		invalid: []string{"0", "-1", "65536", "70000", "4295000000", "http", "80.0", " 80"},
	},
	v1alpha1.AnnotationHealthCheckURI: {
		valid: map[string]func(*Values){
			"/":                            func(v *Values) { v.HealthCheck.Path = "/" },
			"/healthz?full=1":              func(v *Values) { v.HealthCheck.Path = "/healthz?full=1" },
			"healthz":                      func(v *Values) { v.HealthCheck.Path = "/healthz" },
			"/" + strings.Repeat("a", 254): func(v *Values) { v.HealthCheck.Path = "/" + strings.Repeat("a", 254) },
		},
		invalid: []string{strings.Repeat("a", 255), "/with space", "/new\nline", "http://example.com/healthz", "/ä"},
	},
	v1alpha1.AnnotationHealthCheckInterval: {
		valid: map[string]func(*Values){
			"5s":    func(v *Values) { v.HealthCheck.Interval = 5 * time.Second },
			"90s":   func(v *Values) { v.HealthCheck.Interval = 90 * time.Second },
			"1m30s": func(v *Values) { v.HealthCheck.Interval = 90 * time.Second },
			"5m":    func(v *Values) { v.HealthCheck.Interval = 300 * time.Second },
		},
		invalid: []string{"3s", "4999ms", "301s", "10", "5.5s", "-10s", "soon", "1h"},
	},
	v1alpha1.AnnotationHealthCheckTimeout: {
		besides: map[string]string{v1alpha1.AnnotationHealthCheckInterval: "60s"},
		valid: map[string]func(*Values){
			"2s": func(v *Values) { v.HealthCheck.Interval, v.HealthCheck.Timeout = 60*time.Second, 2*time.Second },
			"1m": func(v *Values) { v.HealthCheck.Interval, v.HealthCheck.Timeout = 60*time.Second, 60*time.Second },
		},
		invalid: []string{"1s", "61s", "90s", "5", "2500ms", "never"},
	},
	v1alpha1.AnnotationHealthCheckRetries: {
		valid: map[string]func(*Values){
			"1":  func(*Values) {},
			"20": func(v *Values) { v.HealthCheck.Retries = 20 },
		},
		invalid: []string{"0", "21", "50", "two", "1.5", "99999999999"},
	},
	v1alpha1.AnnotationNodeSelector: {
		valid: map[string]func(*Values){
			"role=ingress": func(v *Values) {
				v.NodeSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"role": "ingress"}}
			},
			"role=ingress,tier!=test": func(v *Values) { // as the documentation has it
				v.NodeSelector = &metav1.LabelSelector{
					MatchLabels:      map[string]string{"role": "ingress"},
					MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "tier", Operator: metav1.LabelSelectorOpNotIn, Values: []string{"test"}}},
				}
			},
			"!test": func(v *Values) {
				v.NodeSelector = &metav1.LabelSelector{
					MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "test", Operator: metav1.LabelSelectorOpDoesNotExist}},
				}
			},
		},
		invalid: []string{"role==a==b", "a=b,=", "cpu>4"},
	},
	v1alpha1.AnnotationDeletionPolicy: {
		valid: map[string]func(*Values){
			"Delete": func(v *Values) { v.DeletionPolicy = v1alpha1.DeletionDelete },
			"Retain": func(v *Values) { v.DeletionPolicy = v1alpha1.DeletionRetain },
		},
		invalid: []string{"retain", "Keep"},
	},
	v1alpha1.AnnotationLoadBalancer: {
		valid: map[string]func(*Values){
			"shared":      func(v *Values) { v.LoadBalancer = &v1alpha1.LoadBalancerReference{Name: "shared"} },
			"edge/shared": func(v *Values) { v.LoadBalancer = &v1alpha1.LoadBalancerReference{Namespace: "edge", Name: "shared"} },
		},
		invalid: []string{"/shared", "edge/", "Shared", "a/b/c"},
	},
	v1alpha1.AnnotationUDPHealthCheck: {
		valid:   map[string]func(*Values){"sidecar": func(v *Values) { v.UDPSidecar = true }},
		invalid: []string{"Sidecar", "true", "none", "sidecar "},
	},
	v1alpha1.AnnotationUDPHealthCheckProbe: {
		besides: map[string]string{v1alpha1.AnnotationUDPHealthCheck: "sidecar"},
		valid: map[string]func(*Values){
			"socket": func(v *Values) { v.UDPProbe = []udpprobe.Spec{udpprobe.Default()} },
			// as the documentation has it
			"dns;query=example.com": func(v *Values) { v.UDPProbe = probes("dns;query=example.com") },
			"5060/socket":           func(v *Values) { v.UDPProbe = probes("5060/socket") },
		},
		invalid: []string{"53/tcp", "probe", "dns;query", "70000/dns", "dns dns"},
	},
}

func probes(text string) []udpprobe.Spec {
	specs, err := udpprobe.ParseAnnotation(text)
	if err != nil {
		panic(err)
	}
	return specs
}

func TestEveryAnnotation(t *testing.T) {
	for _, key := range Keys() {
		t.Run(strings.TrimPrefix(key.Name, v1alpha1.AnnotationCCMPrefix), func(t *testing.T) {
			test, found := valueCases[key.Name]
			if !found {
				t.Fatal("there is no test of this annotation")
			}
			with := func(value string) map[string]string {
				annotations := map[string]string{key.Name: value}
				for name, value := range test.besides {
					annotations[name] = value
				}
				return annotations
			}
			base, _, _ := Parse(test.besides, Service{UID: ownUID, Ports: 1})
			for value, change := range test.valid {
				want := base
				want.SKSNodepool = nil
				change(&want)
				got, problems, warnings := Parse(with(value), Service{UID: ownUID, Ports: 1})
				if len(problems)+len(warnings) > 0 {
					t.Errorf("%q: problems %v, warnings %v", value, problems, warnings)
				}
				if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("%q: %s", value, diff)
				}
			}
			for _, value := range test.invalid {
				_, problems, _ := Parse(with(value), Service{UID: ownUID, Ports: 1})
				if len(problems) != 1 || problems[0].Annotation != key.Name || problems[0].Value != value || problems[0].Message == "" {
					t.Errorf("%q is to be one problem of this annotation; got %v", value, problems)
				}
			}
			t.Run("with two ports", func(t *testing.T) { testWithTwoPorts(t, key, test, with) })
		})
	}
}

// testWithTwoPorts: what the CCM honours for one port only has no effect, and
// that is said; everything else holds as for one port.
func testWithTwoPorts(t *testing.T, key Key, test valueCase, with func(string) map[string]string) {
	base, _, _ := Parse(test.besides, Service{UID: ownUID, Ports: 2})
	for value, change := range test.valid {
		want := base
		want.SKSNodepool = nil
		wantWarnings := 0
		if key.SinglePort {
			wantWarnings = 1
		} else {
			change(&want)
		}
		got, problems, warnings := Parse(with(value), Service{UID: ownUID, Ports: 2})
		if len(problems) > 0 || len(warnings) != wantWarnings {
			t.Errorf("%q: problems %v, warnings %v; want %d warnings", value, problems, warnings, wantWarnings)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%q: %s", value, diff)
		}
	}
	for _, value := range test.invalid {
		_, problems, warnings := Parse(with(value), Service{UID: ownUID, Ports: 2})
		if refused := len(problems) == 1; refused == key.SinglePort || (key.SinglePort && len(warnings) != 1) {
			t.Errorf("%q: problems %v, warnings %v", value, problems, warnings)
		}
	}
}

// What a template renders of a variable that isn't set asks for nothing.
func TestAnEmptyValueIsAsNone(t *testing.T) {
	all := map[string]string{}
	for _, key := range OldKeys() {
		all[key.Name] = ""
	}
	for _, key := range Keys() {
		all[key.Name] = ""
		for _, ports := range []int{1, 2} {
			got, problems, warnings := Parse(map[string]string{key.Name: ""}, Service{UID: ownUID, Ports: ports})
			if diff := cmp.Diff(defaults(), got); diff != "" || len(problems)+len(warnings) > 0 {
				t.Error(key.Name, diff, problems, warnings)
			}
		}
	}
	if got, problems, warnings := Parse(all, Service{UID: ownUID, Ports: 1}); !cmp.Equal(defaults(), got) || len(problems)+len(warnings) > 0 {
		t.Error(cmp.Diff(defaults(), got), problems, warnings)
	}
}

func TestOldWords(t *testing.T) {
	zone, keep := v1alpha1.AnnotationOldZone, v1alpha1.AnnotationOldKeep
	for name, test := range map[string]struct {
		annotations map[string]string
		served      bool
		problem     string
		warning     string
		policy      v1alpha1.DeletionPolicy
	}{
		"our zone":                          {annotations: map[string]string{zone: "ch-gva-2"}},
		"another zone before the first NLB": {annotations: map[string]string{zone: "de-fra-1"}, problem: "ch-gva-2"},
		"another zone of one that's served": {annotations: map[string]string{zone: "de-fra-1"}, served: true, warning: "stays there"},
		"another zone beside sharing":       {annotations: map[string]string{zone: "de-fra-1", v1alpha1.AnnotationLoadBalancer: "edge"}, warning: "shares"},
		"keep":                              {annotations: map[string]string{keep: "TRUE"}, warning: "Retain", policy: v1alpha1.DeletionRetain},
		"keep that is false":                {annotations: map[string]string{keep: "false"}, warning: "Delete"},
		"keep beside today's word":          {annotations: map[string]string{keep: "true", v1alpha1.AnnotationDeletionPolicy: "Delete"}, warning: "goes before it", policy: v1alpha1.DeletionDelete},
		"keep beside sharing":               {annotations: map[string]string{keep: "true", v1alpha1.AnnotationLoadBalancer: "edge"}, warning: "shares"},
		"the id of the service":             {annotations: map[string]string{v1alpha1.AnnotationOldServiceID: anID}, warning: "port and protocol"},
		"the former path":                   {annotations: map[string]string{v1alpha1.AnnotationOldHTTPHealthCheckURI: "/"}, warning: v1alpha1.AnnotationHealthCheckURI},
		"the protocol":                      {annotations: map[string]string{v1alpha1.AnnotationOldServiceProtocol: "tcp"}, warning: "spec.ports"},
	} {
		t.Run(name, func(t *testing.T) {
			values, problems, warnings := Parse(test.annotations, Service{UID: ownUID, Ports: 1, Zone: "ch-gva-2", Served: test.served})
			for said, all := range map[string][]Problem{test.problem: problems, test.warning: warnings} {
				if said == "" {
					continue
				}
				if len(all) != 1 || !strings.Contains(all[0].Message, said) {
					t.Errorf("got %v, want %q", all, said)
				}
			}
			if test.problem == "" && len(problems) > 0 || test.warning == "" && len(warnings) > 0 || values.DeletionPolicy != test.policy {
				t.Error(problems, warnings, values.DeletionPolicy)
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	for _, annotations := range []map[string]string{nil, {"example.com/other": "1"}} {
		got, problems, warnings := Parse(annotations, Service{UID: ownUID, Ports: 1})
		if diff := cmp.Diff(defaults(), got); diff != "" || len(problems)+len(warnings) > 0 {
			t.Error(diff, problems, warnings)
		}
	}
}

func TestContradictions(t *testing.T) {
	for name, test := range map[string]struct {
		annotations map[string]string
		blamed      string
		says        string
	}{
		"external without id and name": {
			map[string]string{v1alpha1.AnnotationExternal: "true"},
			v1alpha1.AnnotationExternal, v1alpha1.AnnotationID,
		},
		"external by the name of another Service's NLB": {
			map[string]string{v1alpha1.AnnotationExternal: "true", v1alpha1.AnnotationName: "k8s-" + otherUID},
			v1alpha1.AnnotationName, "k8s-",
		},
		"fault 5: an SKS cluster without a nodepool": {
			map[string]string{v1alpha1.AnnotationSKSClusterName: "prod"},
			v1alpha1.AnnotationSKSClusterName, v1alpha1.AnnotationSKSNodepoolName,
		},
		"an SKS nodepool without a cluster": {
			map[string]string{v1alpha1.AnnotationSKSNodepoolName: "blue"},
			v1alpha1.AnnotationSKSNodepoolName, v1alpha1.AnnotationSKSClusterName,
		},
		"a timeout longer than the interval": {
			map[string]string{v1alpha1.AnnotationHealthCheckTimeout: "20s", v1alpha1.AnnotationHealthCheckInterval: "15s"},
			v1alpha1.AnnotationHealthCheckTimeout, "15s",
		},
		"a timeout longer than the default interval": {
			map[string]string{v1alpha1.AnnotationHealthCheckTimeout: "11s"},
			v1alpha1.AnnotationHealthCheckTimeout, "10s",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems, _ := Parse(test.annotations, Service{UID: ownUID, Ports: 1})
			if len(problems) != 1 || problems[0].Annotation != test.blamed || !strings.Contains(problems[0].Message, test.says) {
				t.Errorf("got %v", problems)
			}
		})
	}
}

func TestAccepted(t *testing.T) {
	for name, annotations := range map[string]map[string]string{
		"an external NLB whose name holds some UUID": {v1alpha1.AnnotationExternal: "true", v1alpha1.AnnotationName: "web-" + otherUID},
		"a timeout as long as the interval":          {v1alpha1.AnnotationHealthCheckTimeout: "10s"},
		"an interval as long as the default timeout": {v1alpha1.AnnotationHealthCheckInterval: "5s"},
		"retaining an external NLB":                  {v1alpha1.AnnotationExternal: "true", v1alpha1.AnnotationID: anID, v1alpha1.AnnotationDeletionPolicy: "Retain"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, problems, warnings := Parse(annotations, Service{UID: ownUID, Ports: 1}); len(problems)+len(warnings) > 0 {
				t.Errorf("problems %v, warnings %v", problems, warnings)
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	misspelt := v1alpha1.AnnotationCCMPrefix + "service-healtcheck-port"
	for name, test := range map[string]struct {
		annotations map[string]string
		blamed      string
	}{
		"a misspelt annotation":    {map[string]string{misspelt: "80"}, misspelt},
		"one of another version":   {map[string]string{v1alpha1.Prefix + "future": "80"}, v1alpha1.Prefix + "future"},
		"deleting an external NLB": {map[string]string{v1alpha1.AnnotationExternal: "true", v1alpha1.AnnotationID: anID, v1alpha1.AnnotationDeletionPolicy: "Delete"}, v1alpha1.AnnotationDeletionPolicy},
		"describing an external":   {map[string]string{v1alpha1.AnnotationExternal: "true", v1alpha1.AnnotationID: anID, v1alpha1.AnnotationDescription: "x"}, v1alpha1.AnnotationDescription},
		"a probe without sidecar":  {map[string]string{v1alpha1.AnnotationUDPHealthCheckProbe: "dns"}, v1alpha1.AnnotationUDPHealthCheckProbe},
		"a selector beside a pool": {map[string]string{v1alpha1.AnnotationNodeSelector: "a=b", v1alpha1.AnnotationInstancePoolID: anID}, v1alpha1.AnnotationNodeSelector},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems, warnings := Parse(test.annotations, Service{UID: ownUID, Ports: 1})
			if len(problems) > 0 || len(warnings) != 1 || warnings[0].Annotation != test.blamed {
				t.Errorf("problems %v, warnings %v", problems, warnings)
			}
		})
	}
}

func TestSeveralProblemsAreAllTold(t *testing.T) {
	_, problems, _ := Parse(map[string]string{
		v1alpha1.AnnotationHealthCheckPort:     "70000",
		v1alpha1.AnnotationHealthCheckInterval: "3s",
		v1alpha1.AnnotationHealthCheckTimeout:  "90s",
		v1alpha1.AnnotationHealthCheckRetries:  "50",
	}, Service{UID: ownUID, Ports: 1})
	if len(problems) != 4 {
		t.Errorf("fault 16: four values are out of range; got %v", problems)
	}
}

func TestProblemReadsAsASentence(t *testing.T) {
	_, problems, _ := Parse(map[string]string{v1alpha1.AnnotationHealthCheckPort: "70000"}, Service{UID: ownUID, Ports: 1})
	want := `annotation service.beta.kubernetes.io/exoscale-loadbalancer-service-healthcheck-port is "70000": allowed is a whole number from 1 to 65535`
	if len(problems) != 1 || problems[0].String() != want {
		t.Errorf("got %v, want %s", problems, want)
	}
	_, problems, _ = Parse(map[string]string{v1alpha1.AnnotationUDPHealthCheckProbe: "53/tcp"}, Service{UID: ownUID, Ports: 1})
	want = `annotation nlb.exoscale.com/udp-healthcheck-probe is "53/tcp": target "53/tcp": "tcp" is no mode; socket, probe and dns are; allowed is checks as in docs/udp.md`
	if len(problems) != 1 || !strings.HasPrefix(problems[0].String(), want) {
		t.Errorf("got %v, want %s", problems, want)
	}
	if got := (Problem{"a", strings.Repeat("ä", 100), "b"}).String(); got != `annotation a is "`+strings.Repeat("ä", 64)+`…": b` {
		t.Errorf("a long value: %s", got)
	}
}

func TestKeysAreDocumented(t *testing.T) {
	seen := map[string]bool{}
	for _, key := range Keys() {
		if key.Allowed == "" || key.Meaning == "" || strings.HasPrefix(key.Name, v1alpha1.AnnotationCCMPrefix) != (key.Empty != "") || key.Effect == "" || !ours(key.Name) || seen[key.Name] {
			t.Errorf("%+v is to be described once, and ours", key)
		}
		seen[key.Name] = true
	}
	if len(seen) != 21 {
		t.Errorf("there are %d annotations; the CCM's sixteen (17 keys) and ours are expected", len(seen))
	}
}
