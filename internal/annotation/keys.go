package annotation

import (
	"fmt"
	"slices"
	"strings"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/internal/udpprobe"
)

// Key is an annotation that the operator understands.
type Key struct {
	// Name is the whole key.
	Name string
	// Allowed tells the values, as a noun: "a whole number from 1 to 20".
	Allowed string
	// Default tells what holds without the annotation; empty: nothing.
	Default string
	// Meaning is a sentence for the documentation.
	Meaning string
	// Empty tells what the CCM does with an empty value, by its code; only of its own
	// annotations. Here it is always as without the annotation.
	Empty string
	// Effect tells when a value that is set later takes effect.
	Effect string
	// SinglePort: honoured only if the Service has exactly one port, as with the CCM.
	SinglePort bool

	// most bytes that a value may have; 0: longestValue.
	most int
	// set parses a value into its field; it tells whether the value is allowed.
	set func(*Values, string) bool
	// why tells what is wrong with a value that isn't allowed; nil: Allowed says all.
	why func(string) string
}

// What the CCM does with an empty value, in its exoscale/loadbalancer.go: its
// getAnnotation gives the default only where the annotation is missing, so each use
// of the value decides.
const (
	emptyUnset   = "unset"
	emptyText    = "the empty text, which is the default"
	emptyRefused = "sent as it is, which Exoscale refuses at creation; here unset"
	emptyUnread  = "an error, since it is no %s; here unset"
)

// When a change takes effect.
const (
	effectInPlace = "At once, in place."
	effectPool    = "At once: a service can't be given another pool, so it is removed and added again; its port is away for seconds."
	effectDelete  = "Read when the Service is deleted."
)

// Keys are all annotations, those of the CCM first.
func Keys() []Key { return slices.Clone(keys) }

var keys = []Key{
	{
		Name:    v1alpha1.AnnotationID,
		Allowed: "the id (a UUID) of an NLB", Default: "written back after the NLB was created",
		Meaning: "The NLB of the Service.",
		Empty:   emptyUnset, Effect: "Before there is an NLB: at once. An NLB of the Service's own is never exchanged; an external one is once it is gone, or is refused while none of the Service's ports is on it. Another id is refused until then, and nothing is touched.",
		set: func(v *Values, s string) bool { return setID(&v.ID, s) },
	},
	{
		Name:    v1alpha1.AnnotationName,
		Allowed: "1-255 characters that neither begin with k8s- nor contain another object's UID", Default: "k8s-<UID of the Service>",
		Meaning: "Name of the NLB; of an external one without id: the name to look it up by.",
		Empty:   emptyRefused + ". Of an external NLB: unset", Effect: "At once, in place, or as soon as no other NLB of the zone has the name; of an external NLB without id the ports move to the NLB of that name.",
		set: func(v *Values, s string) bool { return setText(&v.Name, s, 1) },
	},
	{
		Name:    v1alpha1.AnnotationDescription,
		Allowed: "up to 255 characters",
		Meaning: "Description of the NLB.",
		Empty:   emptyText, Effect: effectInPlace,
		set: func(v *Values, s string) bool { return setText(&v.Description, s, 0) },
	},
	{
		Name:    v1alpha1.AnnotationExternal,
		Allowed: "true or false", Default: "false",
		Meaning: "The NLB is made elsewhere: it is found by id or name, and itself never created, changed or deleted.",
		Empty:   "false", Effect: "Before there is an NLB, or while it is refused and none of the Service's ports is on it: at once. Later neither way: it is refused, and nothing is touched; empty leaves it as it is.",
		set: func(v *Values, s string) bool { return setBool(&v.External, s) },
	},
	{
		Name:    v1alpha1.AnnotationServiceName,
		Allowed: "1-255 characters that neither begin with k8s- nor contain another object's UID", Default: "<UID of the Service>-<port>, with -udp appended for UDP",
		Meaning: "Name of the service on the NLB.", SinglePort: true,
		Empty: emptyRefused, Effect: "At once, in place, or as soon as no other service of the NLB has the name.",
		set: func(v *Values, s string) bool { return setText(&v.ServiceName, s, 1) },
	},
	{
		Name:    v1alpha1.AnnotationServiceDescription,
		Allowed: "up to 255 characters without " + nlb.MarkStart + ", which begins the operator's own mark",
		Meaning: "Description of the service on the NLB. Up to 206 bytes leave room for the operator's mark.", SinglePort: true,
		Empty: emptyText, Effect: effectInPlace,
		set: func(v *Values, s string) bool { return setText(&v.ServiceDescription, s, 0) && !nlb.ClaimsMark(s) },
	},
	{
		Name:    v1alpha1.AnnotationInstancePoolID,
		Allowed: "the id (a UUID) of an instance pool", Default: "inferred from the nodes",
		Meaning: "The instance pool that receives the traffic. SKS names go before it: the CCM wrote here what they stood for.",
		Empty:   emptyUnset, Effect: effectPool,
		set: func(v *Values, s string) bool { return setID(&v.InstancePoolID, s) },
	},
	{
		Name:    v1alpha1.AnnotationSKSClusterName,
		Allowed: "the name or id of an SKS cluster, 1-255 characters, together with " + v1alpha1.AnnotationSKSNodepoolName,
		Meaning: "The SKS cluster of the nodepool that receives the traffic.",
		Empty:   emptyUnset, Effect: effectPool,
		set: func(v *Values, s string) bool { return setText(&v.nodepool().Cluster, s, 1) },
	},
	{
		Name:    v1alpha1.AnnotationSKSNodepoolName,
		Allowed: "the name of a nodepool, in any case, 1-255 characters, together with " + v1alpha1.AnnotationSKSClusterName,
		Meaning: "The SKS nodepool that receives the traffic.",
		Empty:   emptyUnset, Effect: effectPool,
		set: func(v *Values, s string) bool { return setText(&v.nodepool().Nodepool, s, 1) },
	},
	{
		Name:    v1alpha1.AnnotationStrategy,
		Allowed: "round-robin, source-hash or maglev-hash", Default: "round-robin",
		Meaning: "How the NLB picks a backend.",
		Empty:   emptyRefused, Effect: effectInPlace,
		set: func(v *Values, s string) bool { return setOneOf(&v.Strategy, s, strategies) },
	},
	{
		Name:    v1alpha1.AnnotationHealthCheckMode,
		Allowed: "tcp, http or https", Default: "tcp; http with externalTrafficPolicy Local",
		Meaning: "How the NLB probes a backend.",
		Empty:   emptyRefused, Effect: effectInPlace,
		set: func(v *Values, s string) bool { return setOneOf(&v.HealthCheck.Mode, s, modes) },
	},
	{
		Name:    v1alpha1.AnnotationHealthCheckPort,
		Allowed: "a whole number from 1 to 65535", Default: "healthCheckNodePort with externalTrafficPolicy Local, else the port's NodePort",
		Meaning: "The port to probe on every node, for every port of the Service.",
		Empty:   emptyUnset, Effect: effectInPlace,
		set: func(v *Values, s string) bool { return setNumber(&v.HealthCheck.Port, s, 1, 65535) },
	},
	{
		Name:    v1alpha1.AnnotationHealthCheckURI,
		Allowed: "a path of up to 255 characters, without spaces", Default: "/; /healthz with externalTrafficPolicy Local",
		Meaning: "The path that mode http or https requests.",
		Empty:   emptyText, Effect: effectInPlace,
		set: func(v *Values, s string) bool { return setPath(&v.HealthCheck.Path, s) },
	},
	{
		Name:    v1alpha1.AnnotationHealthCheckInterval,
		Allowed: "a duration of whole seconds from 5s to 5m", Default: "10s",
		Meaning: "Time between two probes.",
		Empty:   fmt.Sprintf(emptyUnread, "duration"), Effect: effectInPlace,
		set: func(v *Values, s string) bool { return setSeconds(&v.HealthCheck.Interval, s, 5, 300) },
	},
	{
		Name:    v1alpha1.AnnotationHealthCheckTimeout,
		Allowed: "a duration of whole seconds from 2s to 1m, no longer than the interval", Default: "5s",
		Meaning: "Time that a probe may take.",
		Empty:   fmt.Sprintf(emptyUnread, "duration"), Effect: effectInPlace,
		set: func(v *Values, s string) bool { return setSeconds(&v.HealthCheck.Timeout, s, 2, 60) },
	},
	{
		Name:    v1alpha1.AnnotationHealthCheckRetries,
		Allowed: "a whole number from 1 to 20", Default: "1",
		Meaning: "How many probes have to fail before a backend is taken out.",
		Empty:   fmt.Sprintf(emptyUnread, "number"), Effect: effectInPlace,
		set: func(v *Values, s string) bool { return setNumber(&v.HealthCheck.Retries, s, 1, 20) },
	},
	{
		Name:    v1alpha1.AnnotationNodeSelector,
		Allowed: "a label selector of up to 16 KiB, for example role=ingress,tier!=test", Default: "all nodes",
		Meaning: "The nodes whose instance pool receives the traffic; best by keys that begin with node-restriction.kubernetes.io/, which no kubelet can set on its own node.",
		Effect:  "Once the new pool is seen to be healthy, if that is another pool (docs/instance-pools.md); also when the Nodes change.",
		most:    longestSelector,
		set:     func(v *Values, s string) bool { return setSelector(&v.NodeSelector, s) },
	},
	{
		Name:    v1alpha1.AnnotationDeletionPolicy,
		Allowed: "Delete or Retain", Default: "Delete",
		Meaning: "What becomes of the NLB when the Service is deleted.",
		Effect:  effectDelete,
		set:     func(v *Values, s string) bool { return setOneOf(&v.DeletionPolicy, s, deletionPolicies) },
	},
	{
		Name:    v1alpha1.AnnotationLoadBalancer,
		Allowed: "the [namespace/]name of a NetworkLoadBalancer",
		Meaning: "The NetworkLoadBalancer that the Service shares, instead of an NLB of its own.",
		Effect:  "At once: both NLBs serve until all ports work on the new one and its address is published. Its removal leads back in the same way; a value that became empty leaves a served Service where it is.",
		set:     func(v *Values, s string) bool { return setReference(&v.LoadBalancer, s) },
	},
	{
		Name:    v1alpha1.AnnotationUDPHealthCheck,
		Allowed: v1alpha1.UDPHealthCheckSidecar,
		Meaning: "UDP ports are probed at a sidecar of the Pods, which knows whether the application answers.",
		Effect:  "The health check at once; Pods that are made from then on have the sidecar.",
		set: func(v *Values, s string) bool {
			v.UDPSidecar = s == v1alpha1.UDPHealthCheckSidecar
			return v.UDPSidecar
		},
	},
	{
		Name:    v1alpha1.AnnotationUDPHealthCheckProbe,
		Allowed: "checks as in docs/udp.md, for example dns;query=example.com, or 5060/socket", Default: "socket: the port is open",
		Meaning: "How the sidecar finds out whether the application answers. On a Pod, too, where it goes before the Service's.",
		Effect:  "For Pods that are made from then on.",
		most:    longestProbe,
		set: func(v *Values, s string) bool {
			var err error
			v.UDPProbe, err = udpprobe.ParseAnnotation(s)
			return err == nil
		},
		why: func(s string) string {
			_, err := udpprobe.ParseAnnotation(s)
			return err.Error()
		},
	},
}

func (v *Values) nodepool() *v1alpha1.SKSNodepoolReference {
	if v.SKSNodepool == nil {
		v.SKSNodepool = &v1alpha1.SKSNodepoolReference{}
	}
	return v.SKSNodepool
}

func known(name string) bool {
	return slices.ContainsFunc(keys, func(k Key) bool { return k.Name == name }) ||
		slices.ContainsFunc(oldKeys, func(k OldKey) bool { return k.Name == name })
}

// ours tells whether an annotation can only be meant for the operator.
func ours(name string) bool {
	return strings.HasPrefix(name, v1alpha1.AnnotationCCMPrefix) || strings.HasPrefix(name, v1alpha1.Prefix)
}
