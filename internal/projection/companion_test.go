package projection_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/projection"
)

// sidecar asks for it; the companion exists, with a nodePort unless that is 0.
func sidecar(nodePort int32) func(*projection.Input) {
	return func(in *projection.Input) {
		in.Service.Annotations[v1alpha1.AnnotationUDPHealthCheck] = v1alpha1.UDPHealthCheckSidecar
		in.Companion = &corev1.Service{ObjectMeta: owned(in, projection.CompanionName(in.Service.Name))}
		in.Companion.Spec.Ports = []corev1.ServicePort{{Name: v1alpha1.SidecarHealthPort, Protocol: corev1.ProtocolTCP, NodePort: nodePort}}
	}
}

func noCompanion(in *projection.Input) { in.Companion = nil }

func noSelector(in *projection.Input) { in.Service.Spec.Selector = nil }

func foreignCompanion(in *projection.Input) { in.Companion.OwnerReferences = nil }

func noBlindProbe(in *projection.Input) { in.UDPHealthCheck = projection.UDPHealthCheckNone }

// served is UDP port 53 as it is served now: by which choice, and what is known
// of its sidecars.
func served(choice string, injected *metav1.Condition) func(*projection.Input) {
	return func(in *projection.Input) {
		object := v1alpha1.NLBService{ObjectMeta: owned(in, "web-53-udp")}
		object.Annotations = map[string]string{v1alpha1.AnnotationHealthCheckChoice: choice}
		object.Spec.Port, object.Spec.Protocol = 53, v1alpha1.ProtocolUDP
		if injected != nil {
			injected.Type = v1alpha1.ConditionSidecarsInjected
			object.Status.Conditions = []metav1.Condition{*injected}
		}
		in.Services = append(in.Services, object)
	}
}

func TestHealthCheckAtTheSidecar(t *testing.T) {
	missing := &metav1.Condition{Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonSidecarsMissing}
	there := &metav1.Condition{Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonSidecarsInjected}
	nobody := &metav1.Condition{Status: metav1.ConditionUnknown, Reason: v1alpha1.ReasonNoEndpoints}
	unknown := &metav1.Condition{Status: metav1.ConditionUnknown, Reason: v1alpha1.ReasonForbidden}
	const port, mode = v1alpha1.AnnotationHealthCheckPort, v1alpha1.AnnotationHealthCheckMode
	type changes = []func(*projection.Input)
	for name, c := range map[string]struct {
		given     changes
		want      string // choice mode port path; or "waits", or "problem" with its reason
		companion bool   // is wanted
	}{
		"the companion's nodePort, by TCP":                   {changes{sidecar(32053)}, "Sidecar TCP 32053 ", true},
		"a mode that is annotated":                           {changes{sidecar(32053), annotated(mode, "http")}, "Sidecar HTTP 32053 /", true},
		"a port that is annotated goes before":               {changes{sidecar(32053), annotated(port, "9000")}, "Annotation TCP 9000 ", false},
		"policy Local needs no companion":                    {changes{sidecar(32053), local(32000)}, "HealthCheckNodePort HTTP 32000 /healthz", false},
		"a TCP twin needs no companion":                      {changes{sidecar(32053), ports(udp(53, 30053), tcp(53, 31053))}, "TCPTwin TCP 31053 ", false},
		"no companion yet":                                   {changes{sidecar(0), noCompanion}, "waits", true},
		"no nodePort yet":                                    {changes{sidecar(0)}, "waits", true},
		"the companion is being deleted":                     {changes{sidecar(32053), deleted}, "waits", true},
		"not asked for":                                      {changes{sidecar(32053), notAsked}, "KubeProxy HTTP 10256 /healthz", false},
		"no selector":                                        {changes{sidecar(32053), noSelector}, "problem Invalid", false},
		"the companion's name is taken":                      {changes{sidecar(32053), foreignCompanion}, "problem InUseByOther", false},
		"served, no nodePort yet: as without":                {changes{sidecar(0), served("KubeProxy", there)}, "KubeProxy HTTP 10256 /healthz", true},
		"served, nobody has looked yet: as without":          {changes{sidecar(32053), served("KubeProxy", nil)}, "KubeProxy HTTP 10256 /healthz", true},
		"served, sidecars are missing: as without":           {changes{sidecar(32053), served("KubeProxy", missing)}, "KubeProxy HTTP 10256 /healthz", true},
		"served, nobody can tell: as without":                {changes{sidecar(32053), served("KubeProxy", unknown)}, "KubeProxy HTTP 10256 /healthz", true},
		"served, the sidecars are there":                     {changes{sidecar(32053), served("KubeProxy", there)}, "Sidecar TCP 32053 ", true},
		"served, there are no Pods":                          {changes{sidecar(32053), served("KubeProxy", nobody)}, "Sidecar TCP 32053 ", true},
		"served otherwise than by kube-proxy before":         {changes{sidecar(32053), served("HealthCheckNodePort", missing)}, "KubeProxy HTTP 10256 /healthz", true},
		"at the sidecar already, some are missing":           {changes{sidecar(32054), served("Sidecar", missing)}, "Sidecar TCP 32054 ", true},
		"at the sidecar already, the companion is made anew": {changes{sidecar(0), served("Sidecar", there)}, "KubeProxy HTTP 10256 /healthz", true},
		"served, sidecars are missing, no other way":         {changes{sidecar(32053), noBlindProbe, served("Annotation", missing)}, "Sidecar TCP 32053 ", true},
		"served, no nodePort yet, no other way":              {changes{sidecar(0), noBlindProbe, served("Annotation", there)}, "waits", true},
	} {
		t.Run(name, func(t *testing.T) {
			plan := projection.Project(given(append([]func(*projection.Input){ports(udp(53, 30053))}, c.given...)...))
			if got := told(plan); got != c.want {
				t.Errorf("want %q, got %q", c.want, got)
			}
			if (plan.Companion != nil) != c.companion {
				t.Errorf("a companion is to be wanted: %t; got %+v", c.companion, plan.Companion)
			}
		})
	}
}

func deleted(in *projection.Input) {
	now := metav1.Now()
	in.Companion.DeletionTimestamp = &now
}

func notAsked(in *projection.Input) {
	delete(in.Service.Annotations, v1alpha1.AnnotationUDPHealthCheck)
}

// told is how UDP port 53 is probed, or why it isn't.
func told(plan projection.Plan) string {
	for _, object := range plan.Services {
		if check := object.Spec.HealthCheck; object.Spec.Protocol == v1alpha1.ProtocolUDP {
			return fmt.Sprintf("%s %s %d %s", object.Annotations[v1alpha1.AnnotationHealthCheckChoice], check.Mode, check.Port, check.Path)
		}
	}
	for _, problem := range plan.PortProblems {
		return "problem " + problem.Reason
	}
	for range plan.Waits {
		return "waits"
	}
	return fmt.Sprintf("%+v", plan)
}

func TestWhatWorksStaysWhileAPortHasAProblemOrWaits(t *testing.T) {
	for name, change := range map[string]func(*projection.Input){
		"no selector":                   noSelector,
		"the companion's name is taken": foreignCompanion,
		"no nodePort yet, no other way": func(in *projection.Input) { noCompanion(in); noBlindProbe(in) },
	} {
		t.Run(name, func(t *testing.T) {
			plan := projection.Project(given(ports(udp(53, 30053), tcp(80, 30080)), sidecar(32053), served("KubeProxy", nil), change))
			if len(plan.Services) != 1 || plan.Services[0].Name != "web-80-tcp" {
				t.Errorf("the other port isn't planned alone: %+v", plan.Services)
			}
			if diff := cmp.Diff([]string{"web-53-udp"}, plan.Kept); diff != "" {
				t.Errorf("kept (-want +got): %s", diff)
			}
		})
	}
}

func TestTheCompanionLeadsToTheSameReadyPods(t *testing.T) {
	in := given(ports(udp(53, 30053)), sidecar(0), noCompanion)
	in.Service.Labels = map[string]string{"app.kubernetes.io/instance": "argo"}
	companion := projection.Project(in).Companion
	if companion.Spec.PublishNotReadyAddresses || companion.Spec.Ports[0].TargetPort.StrVal != "udp-health" {
		t.Errorf("it leads elsewhere: %+v", companion.Spec)
	}
	if diff := cmp.Diff(in.Service.Spec.Selector, companion.Spec.Selector); diff != "" {
		t.Errorf("it selects other Pods: %s", diff)
	}
	if !metav1.IsControlledBy(companion, in.Service) {
		t.Error("it doesn't go with the Service")
	}
	if diff := cmp.Diff(map[string]string{v1alpha1.LabelService: "web"}, companion.Labels); diff != "" {
		t.Errorf("labels that may be a GitOps tool's (-want +got): %s", diff)
	}
	in.SidecarsByNumber = true
	if got := projection.Project(in).Companion.Spec.Ports[0].TargetPort.String(); got != "18053" {
		t.Errorf("where the port isn't found by its name it leads to %q", got)
	}
	in.Service.Spec.Selector = map[string]string{"app": "other"}
	if got := projection.Project(in).Companion.Spec.Selector["app"]; got != "other" {
		t.Errorf("it doesn't follow the selector: %q", got)
	}
}

func TestTheNameOfTheCompanion(t *testing.T) {
	names := map[string]string{}
	for _, name := range []string{"a", "dns", strings.Repeat("n", 52), strings.Repeat("n", 53), strings.Repeat("n", 62) + "a", strings.Repeat("n", 62) + "b", strings.Repeat("n-", 31) + "n"} {
		got := projection.CompanionName(name)
		if wrong := validation.IsDNS1035Label(got); len(wrong) > 0 {
			t.Errorf("%s: %s isn't the name of a Service: %v", name, got, wrong)
		}
		if was, twice := names[got]; twice {
			t.Errorf("%s and %s have the same companion %s", was, name, got)
		}
		names[got] = name
		if want := name + "-udp-health"; len(want) <= 63 && got != want {
			t.Errorf("want %s, got %s", want, got)
		}
	}
}
