package annotation

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// Problem is an annotation that can't be accepted, or isn't honoured.
type Problem struct {
	// Annotation is the whole key, Value what it was set to.
	Annotation string
	Value      string
	// Message tells what is allowed, or what happens instead.
	Message string
}

// String names the annotation, its value and what is allowed.
func (p Problem) String() string {
	return fmt.Sprintf("annotation %s is %q: %s", p.Annotation, shortened(p.Value), p.Message)
}

func shortened(value string) string {
	const most = 64
	value = value[:min(len(value), most*utf8.UTFMax+1)] // of a long one, no more is looked at
	if runes := []rune(value); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return value
}

// Service is what Parse has to know of the Service besides its annotations.
type Service struct {
	// UID: names that carry it are its own.
	UID string
	// Ports is the number of its ports.
	Ports int
	// Zone is where its NLB is, or is to be; empty: that isn't known.
	Zone string
	// Served: it has an NLB, whatever its annotations say now.
	Served bool
	// Attached: that NLB is an external one.
	Attached bool
	// Shares is the NetworkLoadBalancer that it shares; nil if it has one of its own.
	Shares *v1alpha1.LoadBalancerReference
}

// Parse reads the annotations of a Service. An empty value is as none, since
// templates render it of a variable that isn't set. With problems the Values aren't
// to be used; warnings are for people only.
func Parse(annotations map[string]string, service Service) (values Values, problems, warnings []Problem) {
	values = Values{
		Strategy:    v1alpha1.StrategyRoundRobin,
		HealthCheck: HealthCheck{Interval: defaultInterval, Timeout: defaultTimeout, Retries: defaultRetries},
	}
	for _, key := range keys {
		value, annotated := annotations[key.Name]
		switch {
		case !annotated || value == "":
		case key.SinglePort && service.Ports != 1:
			warnings = append(warnings, Problem{key.Name, value, fmt.Sprintf(
				"it is honoured only for a Service with exactly one port, and this one has %d; the default is used", service.Ports)})
		case len(value) > key.longest():
			problems = append(problems, Problem{key.Name, value, fmt.Sprintf("it has %d bytes, and at most %d are read; allowed is %s", len(value), key.longest(), key.Allowed)})
		case !key.set(&values, value):
			problems = append(problems, Problem{key.Name, value, key.refusal(value)})
		}
	}
	if len(problems) == 0 { // otherwise the values are not what was meant
		warnings = append(warnings, values.emptied(annotations, service)...)
		problems = values.contradictions(annotations, service)
		warnings = append(warnings, values.unused(annotations)...)
		old, refused := values.oldWords(annotations, service)
		problems, warnings = append(problems, refused...), append(warnings, old...)
	}
	return values, problems, append(warnings, unknown(annotations)...)
}

// refusal tells what is wrong with a value, and what is allowed.
func (k Key) refusal(value string) string {
	allowed := "allowed is " + k.Allowed
	if k.why == nil {
		return allowed
	}
	return k.why(value) + "; " + allowed
}

// emptied leaves what is served as it is where a value that became empty says less
// than is needed to change it, and warns of that.
func (v *Values) emptied(annotations map[string]string, service Service) (warnings []Problem) {
	warn := func(name, message string) { warnings = append(warnings, Problem{name, "", message}) }
	empty := func(name string) bool {
		value, annotated := annotations[name]
		return annotated && value == "" && service.Served
	}
	if service.Attached && empty(v1alpha1.AnnotationExternal) {
		v.External = true
		warn(v1alpha1.AnnotationExternal, "this Service goes on only attaching to its NLB, which is managed elsewhere")
	}
	if value, annotated := annotations[v1alpha1.AnnotationLoadBalancer]; annotated && value == "" && service.Shares != nil {
		v.LoadBalancer = service.Shares
		warn(v1alpha1.AnnotationLoadBalancer, fmt.Sprintf(
			"this Service goes on sharing NetworkLoadBalancer %s/%s; remove the annotation to get an NLB of its own, with another address", service.Shares.Namespace, service.Shares.Name))
	}
	const stays = "the traffic goes to the pool that it went to; set both names, or neither"
	switch pool := v.SKSNodepool; {
	case pool == nil:
	case pool.Nodepool == "" && empty(v1alpha1.AnnotationSKSNodepoolName):
		v.SKSNodepool, v.TargetStays = nil, true
		warn(v1alpha1.AnnotationSKSNodepoolName, stays)
	case pool.Cluster == "" && empty(v1alpha1.AnnotationSKSClusterName):
		v.SKSNodepool, v.TargetStays = nil, true
		warn(v1alpha1.AnnotationSKSClusterName, stays)
	}
	return warnings
}

// contradictions are the problems between annotations, or with the Service's identity.
func (v *Values) contradictions(annotations map[string]string, service Service) []Problem {
	var problems []Problem
	refuse := func(annotation, format string, args ...any) {
		problems = append(problems, Problem{annotation, annotations[annotation], fmt.Sprintf(format, args...)})
	}
	if v.External && v.ID == "" && v.Name == "" && !service.Attached { // else it is known
		refuse(v1alpha1.AnnotationExternal, "it needs the id or the name of the NLB, in %s or %s", v1alpha1.AnnotationID, v1alpha1.AnnotationName)
	}
	// Looking an NLB up takes nobody's name; only those made for another Service are closed.
	if v.External && v.Name != nlb.LoadBalancerNameOfService(service.UID) && strings.HasPrefix(v.Name, nlb.ReservedNamePrefix) {
		refuse(v1alpha1.AnnotationName, "an NLB whose name begins with %s belongs to the Service of that UID; name another NLB", nlb.ReservedNamePrefix)
	}
	if !v.External && nlb.NameReserved(v.Name, service.UID) {
		refuse(v1alpha1.AnnotationName, "names that begin with %s, contain another object's UID, or are probe-<UID>, are reserved; choose another name", nlb.ReservedNamePrefix)
	}
	if nlb.NameReserved(v.ServiceName, service.UID) {
		refuse(v1alpha1.AnnotationServiceName, "names that begin with %s, contain another object's UID, or are probe-<UID>, are reserved; choose another name", nlb.ReservedNamePrefix)
	}
	if pool := v.SKSNodepool; pool != nil && pool.Nodepool == "" {
		refuse(v1alpha1.AnnotationSKSClusterName, "it is allowed only together with %s, which is missing", v1alpha1.AnnotationSKSNodepoolName)
	} else if pool != nil && pool.Cluster == "" {
		refuse(v1alpha1.AnnotationSKSNodepoolName, "it is allowed only together with %s, which is missing", v1alpha1.AnnotationSKSClusterName)
	}
	if check := &v.HealthCheck; check.Timeout > check.Interval {
		if _, annotated := annotations[v1alpha1.AnnotationHealthCheckTimeout]; annotated {
			refuse(v1alpha1.AnnotationHealthCheckTimeout, "it must not be longer than the interval, which is %s; set a longer one in %s",
				check.Interval, v1alpha1.AnnotationHealthCheckInterval)
		} else {
			check.Timeout = check.Interval
		}
	}
	return problems
}

// unused warns of annotations that are valid and have no effect beside others.
func (v *Values) unused(annotations map[string]string) []Problem {
	var warnings []Problem
	warn := func(annotation, message string) {
		if value, annotated := annotations[annotation]; annotated && value != "" {
			warnings = append(warnings, Problem{annotation, value, message})
		}
	}
	if v.External {
		warn(v1alpha1.AnnotationDescription, "the description of an external NLB is never written")
		if v.DeletionPolicy == v1alpha1.DeletionDelete {
			warn(v1alpha1.AnnotationDeletionPolicy, "an external NLB is never deleted")
		}
	}
	if v.LoadBalancer != nil {
		for _, name := range []string{v1alpha1.AnnotationName, v1alpha1.AnnotationDescription, v1alpha1.AnnotationDeletionPolicy} {
			warn(name, "it has no effect, since the Service shares a NetworkLoadBalancer by "+v1alpha1.AnnotationLoadBalancer)
		}
	}
	if v.NodeSelector != nil && (v.InstancePoolID != "" || v.SKSNodepool != nil) {
		warn(v1alpha1.AnnotationNodeSelector, "another annotation already names the instance pool, and goes before it")
	}
	if !v.UDPSidecar {
		warn(v1alpha1.AnnotationUDPHealthCheckProbe, fmt.Sprintf("it has no effect without %s: %s", v1alpha1.AnnotationUDPHealthCheck, v1alpha1.UDPHealthCheckSidecar))
	}
	return warnings
}

// unknown warns of annotations that can only be meant for the operator, and
// that it doesn't know: most likely misspelt.
func unknown(annotations map[string]string) []Problem {
	var warnings []Problem
	for name, value := range annotations {
		if ours(name) && !known(name) {
			warnings = append(warnings, Problem{name, value, "there is no such annotation, so it has no effect; is it misspelt?"})
		}
	}
	slices.SortFunc(warnings, func(a, b Problem) int { return strings.Compare(a.Annotation, b.Annotation) })
	return warnings
}
