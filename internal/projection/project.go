package projection

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/annotation"
	"github.com/exoscale-community/nlb-operator/internal/brief"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
)

// Project plans the objects of a Service of type LoadBalancer.
func Project(in Input) Plan {
	if problem := tooManyPorts(in.Service); problem != nil {
		return Plan{Problems: []Problem{*problem}}
	}
	unbound := in.unbound()
	if unbound != nil {
		if in.LoadBalancer = nil; !nlb.NeverStarted(unbound) {
			in.Zone = unbound.Spec.Zone // where it was looked for
		}
	}
	values, problems, warnings := annotation.Parse(in.Service.Annotations, in.annotated())
	if len(problems) == 0 {
		problems = unrestrictedLabels(in, values)
	}
	plan := Plan{Problems: slices.Concat(invalidAnnotations(problems), unsupported(in))}
	switch {
	case len(problems) > 0:
	case values.LoadBalancer != nil:
		plan.Problems = append(plan.Problems, contradictSharing(in, values)...)
	default:
		plan.Problems = append(plan.Problems, contradictChild(in, values)...)
	}
	target := annotatedTarget(values)
	if target == nil && values.TargetStays {
		target = in.targetNow()
	}
	if target == nil {
		target, plan.PoolProblem = in.Pool.Target, in.Pool.Problem
	}
	if target == nil && len(plan.Problems) == 0 && in.Pool.Problem != nil {
		plan.Problems = append(plan.Problems, *in.Pool.Problem)
	}
	for _, warning := range warnings {
		plan.Warnings = append(plan.Warnings, warning.String())
	}
	plan.Warnings = slices.Concat(plan.Warnings, notHonoured(in.Service, values), sidecarInVain(in, values))
	if len(plan.Problems) > 0 || target == nil {
		plan.PoolProblem = nil
		plan.awaitPool(in)
		return plan
	}
	plan.AttachTo, _ = LoadBalancerOf(in.Service, in.Services)
	if values.LoadBalancer == nil {
		plan.LoadBalancer = loadBalancer(in, values)
	}
	plan.addPorts(in, values, *target)
	if annotatedTarget(values) == nil && in.Pool.ByNodes {
		for _, child := range plan.Services {
			child.Annotations[v1alpha1.AnnotationPoolChoice] = v1alpha1.ChoiceNodes
		}
	}
	plan.Companion = companion(in, values)
	plan.spareNLB(in)
	plan.discard(unbound)
	return plan
}

func invalidAnnotations(problems []annotation.Problem) []Problem {
	all := make([]Problem, len(problems))
	for i, problem := range problems {
		all[i] = Problem{v1alpha1.ReasonInvalid, problem.String()}
	}
	return all
}

// NamesPool tells whether the Service itself says where its traffic goes, so
// that no pool has to be found for it.
func NamesPool(service *corev1.Service) bool {
	for _, name := range []string{
		v1alpha1.AnnotationSKSClusterName, v1alpha1.AnnotationSKSNodepoolName,
		v1alpha1.AnnotationInstancePoolID, v1alpha1.AnnotationNodeSelector,
	} {
		if service.Annotations[name] != "" {
			return true
		}
	}
	return false
}

func annotatedTarget(values annotation.Values) *v1alpha1.Target {
	switch {
	case values.SKSNodepool != nil:
		return &v1alpha1.Target{SKSNodepool: values.SKSNodepool}
	case values.InstancePoolID != "":
		return &v1alpha1.Target{InstancePoolID: values.InstancePoolID}
	case values.NodeSelector != nil:
		return &v1alpha1.Target{NodeSelector: values.NodeSelector}
	default:
		return nil
	}
}

// unrestrictedLabels refuses to select Nodes by what a kubelet says of its own, where
// that isn't wanted.
func unrestrictedLabels(in Input, values annotation.Values) []annotation.Problem {
	target := annotatedTarget(values)
	if !in.RestrictedNodeLabels || target == nil || target.NodeSelector == nil {
		return nil
	}
	keys := nlb.UnrestrictedKeys(target.NodeSelector)
	if len(keys) == 0 {
		return nil
	}
	return []annotation.Problem{{
		Annotation: v1alpha1.AnnotationNodeSelector, Value: in.Service.Annotations[v1alpha1.AnnotationNodeSelector],
		Message: fmt.Sprintf("a kubelet may set %s on its own Node; keys have to begin with %s", brief.List(keys), nlb.RestrictedLabelPrefix),
	}}
}

// loadBalancer is the NetworkLoadBalancer of the Service. What of its spec can't
// change, and isn't said by the Service, is carried forward.
func loadBalancer(in Input, values annotation.Values) *v1alpha1.NetworkLoadBalancer {
	object := &v1alpha1.NetworkLoadBalancer{ObjectMeta: childMeta(in.Service, in.Service.Name)}
	spec := &object.Spec
	spec.Zone = in.Zone
	if in.LoadBalancer != nil {
		spec.Zone = in.LoadBalancer.Spec.Zone
	}
	spec.ID = idToSet(in, values)
	spec.Name = values.Name
	if values.External {
		spec.ManagementPolicy = v1alpha1.External
		if in.LoadBalancer != nil && spec.ID == "" && spec.Name == "" {
			spec.Name = in.LoadBalancer.Spec.Name
		}
		return object
	}
	spec.ManagementPolicy = v1alpha1.Managed
	if spec.Name == "" {
		spec.Name = nlb.LoadBalancerNameOfService(string(in.Service.UID))
	}
	spec.Description = values.Description
	spec.DeletionPolicy = v1alpha1.DeletionDelete
	if values.DeletionPolicy != "" {
		spec.DeletionPolicy = values.DeletionPolicy
	}
	return object
}

// idToSet is the id in the spec of the NetworkLoadBalancer, where it means an
// NLB that exists already. It can't be taken out again, so whoever applies the
// plan makes sure first that there is such an NLB (see Adopts). The id of an NLB
// that the operator made stands in the annotation only because it was written
// back, and is no reason to adopt it: it is found again by its labels, and made
// anew if it is gone.
//
//	child        its spec.id   its status.id   → spec.id
//	none         –             –               the annotated one, unless we wrote it
//	any          set           set             carried forward (see bound)
//	Managed      any           none            the annotated one, unless we wrote it
//	Managed      none          set             none
//	External     any           none            the annotated one
//	External     none          set             the annotated one
func idToSet(in Input, values annotation.Values) string {
	child := in.LoadBalancer
	switch {
	case bound(child):
		return child.Spec.ID
	case values.External:
		return values.ID
	case child != nil && child.Status.ID != "", WroteID(in.Service):
		return ""
	default:
		return values.ID
	}
}

// bound tells whether a NetworkLoadBalancer that names an NLB stands for one, or nobody
// has looked yet. One that is gone, or never was the object's, binds nobody.
func bound(child *v1alpha1.NetworkLoadBalancer) bool {
	return child != nil && child.Spec.ID != "" && (child.Status.ID != "" || child.Status.ObservedGeneration < 1)
}

// Adopts is the NLB that the plan binds the NetworkLoadBalancer to for good, and
// that it isn't bound to yet; empty if there is none. A plan with an id that
// doesn't exist isn't to be applied: what it names is most likely lost with a
// former cluster, or misspelt, and could never be put right.
func (p Plan) Adopts(child *v1alpha1.NetworkLoadBalancer) (zone, id string) {
	if p.LoadBalancer == nil || child != nil && child.Spec.ID == p.LoadBalancer.Spec.ID && !p.Discard {
		return "", ""
	}
	return p.LoadBalancer.Spec.Zone, p.LoadBalancer.Spec.ID
}

// contradictChild finds what the Service asks of its NetworkLoadBalancer that
// can't be changed any more, or a NetworkLoadBalancer that isn't its own.
func contradictChild(in Input, values annotation.Values) []Problem {
	child := in.LoadBalancer
	if child == nil {
		return nil
	}
	if !metav1.IsControlledBy(child, in.Service) {
		return []Problem{{v1alpha1.ReasonInUseByOther, fmt.Sprintf(
			"NetworkLoadBalancer %s/%s exists and doesn't belong to this Service; delete it or rename the Service", child.Namespace, child.Name)}}
	}
	known := child.Status.ID
	if bound(child) {
		known = child.Spec.ID
	}
	if external := child.Spec.ManagementPolicy == v1alpha1.External; external != values.External {
		return []Problem{otherPolicy(in.Service, external, known)}
	}
	if values.ID == "" || known == "" || values.ID == known || child.Spec.ID == "" && WroteID(in.Service) {
		return nil
	}
	return []Problem{{v1alpha1.ReasonInvalid, fmt.Sprintf(
		"annotation %s is %q, but the NLB of this Service is %s and can't be exchanged; set that id, or create another Service",
		v1alpha1.AnnotationID, in.Service.Annotations[v1alpha1.AnnotationID], known)}}
}

// otherPolicy refuses to turn the NLB of a Service into one that is only
// attached to, which would leak it, and the other way round, which would take
// an NLB that was never ours.
func otherPolicy(service *corev1.Service, external bool, id string) Problem {
	if id == "" {
		id = "still to come"
	}
	value, annotated := service.Annotations[v1alpha1.AnnotationExternal]
	said := fmt.Sprintf("annotation %s is %q", v1alpha1.AnnotationExternal, value)
	if !annotated {
		said = fmt.Sprintf("annotation %s is gone", v1alpha1.AnnotationExternal)
	}
	if external {
		return Problem{v1alpha1.ReasonInvalid, fmt.Sprintf(
			"%s, but this Service only attaches to its NLB (%s), which is managed elsewhere and doesn't become the operator's by that; set it to \"true\" again, or create another Service",
			said, id)}
	}
	return Problem{v1alpha1.ReasonInvalid, fmt.Sprintf(
		"%s, but this Service has an NLB of its own (%s), which can't be exchanged for another; remove the annotation, or create another Service for the external NLB",
		said, id)}
}

// childMeta marks an object as the Service's: it goes when the Service goes.
// Labels of the Service aren't copied, since GitOps tools would prune what
// bears theirs.
func childMeta(service *corev1.Service, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: service.Namespace,
		Name:      name,
		Labels:    map[string]string{v1alpha1.LabelService: service.Name},
		OwnerReferences: []metav1.OwnerReference{
			*metav1.NewControllerRef(service, corev1.SchemeGroupVersion.WithKind("Service")),
		},
	}
}

// ProtocolOf is the protocol of a port, with its default.
func ProtocolOf(port corev1.ServicePort) corev1.Protocol {
	if port.Protocol == "" {
		return corev1.ProtocolTCP
	}
	return port.Protocol
}
