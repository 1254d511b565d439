package annotation

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// FuzzParse gives a Service annotations, as lines of key=value whose keys are
// without the CCM's prefix, and any number of ports.
func FuzzParse(f *testing.F) {
	for key, c := range valueCases {
		for value := range c.valid {
			f.Add(written(map[string]string{key: value}, c.besides), uint8(1))
		}
		for _, value := range c.invalid {
			f.Add(written(map[string]string{key: value}, c.besides), uint8(1))
		}
	}
	f.Fuzz(func(t *testing.T, lines string, ports uint8) {
		annotations, service := read(lines), Service{UID: ownUID, Ports: int(ports)}
		before := maps.Clone(annotations)
		values, problems, warnings := Parse(annotations, service)

		again, sameProblems, sameWarnings := Parse(annotations, service)
		if diff := cmp.Diff([]any{values, problems, warnings}, []any{again, sameProblems, sameWarnings}); diff != "" {
			t.Errorf("the same annotations are read in two ways: %s", diff)
		}
		if !maps.Equal(annotations, before) {
			t.Errorf("the annotations of the Service were changed to %q", annotations)
		}
		for _, problem := range slices.Concat(problems, warnings) {
			if value, annotated := annotations[problem.Annotation]; !annotated || value != problem.Value || problem.Message == "" {
				t.Errorf("%q blames an annotation that the Service doesn't have, or gives no reason", problem)
			}
		}
		if len(problems) > 0 {
			return
		}
		for _, broken := range brokenLimits(values) {
			t.Errorf("accepted is %s", broken)
		}
		roundTrip(t, values)
	})
}

// roundTrip writes accepted values down and reads them again.
func roundTrip(t *testing.T, values Values) {
	t.Helper()
	rendered := render(values)
	again, problems, _ := Parse(rendered, Service{UID: ownUID, Ports: 1})
	if len(problems) > 0 {
		t.Errorf("what was accepted is refused when it is written down: %v", problems)
	}
	if !slices.Equal(requirements(values.NodeSelector), requirements(again.NodeSelector)) {
		t.Errorf("the selector %v is read back as %v", values.NodeSelector, again.NodeSelector)
	}
	if diff := cmp.Diff(values, again, cmpopts.IgnoreFields(Values{}, "NodeSelector")); diff != "" {
		t.Errorf("%q is read back otherwise: %s", rendered, diff)
	}
}

// render is annotations that mean the values.
func render(v Values) map[string]string {
	number := func(n int32) string {
		if n == 0 {
			return ""
		}
		return strconv.Itoa(int(n))
	}
	all := map[string]string{
		v1alpha1.AnnotationID: v.ID, v1alpha1.AnnotationName: v.Name, v1alpha1.AnnotationDescription: v.Description,
		v1alpha1.AnnotationExternal:    strconv.FormatBool(v.External),
		v1alpha1.AnnotationServiceName: v.ServiceName, v1alpha1.AnnotationServiceDescription: v.ServiceDescription,
		v1alpha1.AnnotationInstancePoolID:      v.InstancePoolID,
		v1alpha1.AnnotationStrategy:            keyOf(strategies, v.Strategy),
		v1alpha1.AnnotationHealthCheckMode:     keyOf(modes, v.HealthCheck.Mode),
		v1alpha1.AnnotationHealthCheckPort:     number(v.HealthCheck.Port),
		v1alpha1.AnnotationHealthCheckURI:      v.HealthCheck.Path,
		v1alpha1.AnnotationHealthCheckInterval: v.HealthCheck.Interval.String(),
		v1alpha1.AnnotationHealthCheckTimeout:  v.HealthCheck.Timeout.String(),
		v1alpha1.AnnotationHealthCheckRetries:  number(v.HealthCheck.Retries),
		v1alpha1.AnnotationDeletionPolicy:      string(v.DeletionPolicy),
	}
	if v.SKSNodepool != nil {
		all[v1alpha1.AnnotationSKSClusterName], all[v1alpha1.AnnotationSKSNodepoolName] = v.SKSNodepool.Cluster, v.SKSNodepool.Nodepool
	}
	if v.NodeSelector != nil {
		all[v1alpha1.AnnotationNodeSelector] = metav1.FormatLabelSelector(v.NodeSelector)
	}
	if v.UDPSidecar {
		all[v1alpha1.AnnotationUDPHealthCheck] = v1alpha1.UDPHealthCheckSidecar
	}
	var probes []string
	for _, spec := range v.UDPProbe {
		probes = append(probes, spec.String())
	}
	all[v1alpha1.AnnotationUDPHealthCheckProbe] = strings.Join(probes, " ")
	if v.LoadBalancer != nil {
		all[v1alpha1.AnnotationLoadBalancer] = strings.TrimPrefix(v.LoadBalancer.Namespace+"/"+v.LoadBalancer.Name, "/")
	}
	maps.DeleteFunc(all, func(_, value string) bool { return value == "" })
	return all
}

func keyOf[V comparable](of map[string]V, value V) string {
	for key, v := range of {
		if v == value {
			return key
		}
	}
	return ""
}

// requirements of a selector; their order means nothing.
func requirements(selector *metav1.LabelSelector) []string {
	if selector == nil {
		return nil
	}
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return []string{err.Error()}
	}
	all, _ := parsed.Requirements()
	var texts []string
	for _, requirement := range all {
		texts = append(texts, requirement.String())
	}
	slices.Sort(texts)
	return texts
}

// brokenLimits are those of Exoscale's API that accepted values are beyond.
func brokenLimits(v Values) []string {
	var broken []string
	holds := func(ok bool, what string) {
		if !ok {
			broken = append(broken, what)
		}
	}
	for name, text := range map[string]string{
		"name": v.Name, "description": v.Description, "service name": v.ServiceName,
		"service description": v.ServiceDescription, "path": v.HealthCheck.Path,
	} {
		holds(utf8.ValidString(text) && utf8.RuneCountInString(text) <= 255, "a "+name+" that is too long, or no text")
	}
	for _, name := range []string{v.Name, v.ServiceName} {
		holds(name == nlb.LoadBalancerNameOfService(ownUID) || !strings.HasPrefix(name, "k8s-") || v.External && v.Name == name, "a name of another Service")
		holds(!strings.Contains(name, otherUID) || v.External && v.Name == name, "a name with the UID of another object")
	}
	for _, id := range []string{v.ID, v.InstancePoolID} {
		holds(id == "" || len(id) == 36 && id == strings.ToLower(id), "an id that is no UUID in lower case")
	}
	check := v.HealthCheck
	holds(check.Port >= 0 && check.Port <= 65535, "a port beyond 65535")
	holds(check.Interval >= 5*time.Second && check.Interval <= 5*time.Minute && check.Interval%time.Second == 0, "an interval that isn't whole seconds from 5s to 5m")
	holds(check.Timeout >= 2*time.Second && check.Timeout <= check.Interval && check.Timeout%time.Second == 0, "a timeout that isn't whole seconds from 2s to the interval")
	holds(check.Retries >= 1 && check.Retries <= 20, "a number of retries that isn't from 1 to 20")
	holds(check.Path == "" || strings.HasPrefix(check.Path, "/"), "a path without a slash")
	holds(v.Strategy != "", "no strategy")
	holds(!v.External || v.ID != "" || v.Name != "", "external without an NLB")
	holds(v.SKSNodepool == nil || v.SKSNodepool.Cluster != "" && v.SKSNodepool.Nodepool != "", "a nodepool without cluster, or the other way round")
	return broken
}

// written is annotations as the lines that read reads.
func written(all ...map[string]string) string {
	var lines []string
	for _, annotations := range all {
		for key, value := range annotations {
			lines = append(lines, strings.TrimPrefix(key, v1alpha1.AnnotationCCMPrefix)+"="+value)
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func read(lines string) map[string]string {
	annotations := map[string]string{}
	for line := range strings.SplitSeq(lines, "\n") {
		key, value, found := strings.Cut(line, "=")
		if !found {
			continue
		}
		if !strings.Contains(key, "/") {
			key = v1alpha1.AnnotationCCMPrefix + key
		}
		annotations[key] = value
	}
	return annotations
}
