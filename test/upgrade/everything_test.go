package upgrade

import (
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/ccm"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// everything is what there is to be served, and by what.
type everything struct {
	fleet
	// terraform and adopted are the ids of NLBs that were made elsewhere.
	terraform, adopted string
	// elsewhere is what the cloud holds of others, by id.
	elsewhere map[string]exosim.LoadBalancer
	// balancers, ports and services are objects of the three kinds.
	balancers, ports, services []client.Object
}

func (e everything) objects() []client.Object { return slices.Concat(e.balancers, e.ports, e.services) }

// before any operator there are Nodes, what others made, and Services of the CCM.
func (c *cluster) before(t *testing.T) *everything {
	t.Helper()
	for name, labels := range map[string]map[string]string{shop: nil, guest: {"may": "attach"}, left: {"may": "attach"}} {
		c.create(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}})
	}
	e := &everything{fleet: c.makeFleet(t)}
	c.madeElsewhere(e)
	e.services = []client.Object{
		service(shop, "ccm", classless),
		service(shop, "ccm-local", classless, local),
		service(shop, "ccm-udp", classless, ports(port("tcp", corev1.ProtocolTCP, 53), port("udp", corev1.ProtocolUDP, 53), port("syslog", corev1.ProtocolUDP, 514))),
		service(shop, "ccm-chose", classless, annotated(v1alpha1.AnnotationName, "chosen-by-ccm")),
		service(shop, "ccm-port", classless, annotated(v1alpha1.AnnotationServiceName, "chosen-port")),
		service(shop, "ccm-external", classless, annotated(v1alpha1.AnnotationID, e.terraform, v1alpha1.AnnotationExternal, "true"), ports(port("b", corev1.ProtocolTCP, 8081))),
	}
	c.create(t, e.services...)
	theCCM := ccm.CCM{Client: c, Cloud: c.cloud.Cloud, Pool: e.workers}
	for _, object := range e.services {
		s := object.(*corev1.Service)
		NewWithT(t).Expect(theCCM.Sync(t.Context(), s)).To(Succeed())
		if s.Annotations[v1alpha1.AnnotationName] != "" { // a name proves nothing
			c.cloud.MutateLoadBalancer(s.Annotations[v1alpha1.AnnotationID], func(lb *exosim.LoadBalancer) { lb.Labels = c.consent(s.Name) })
		}
	}
	return e
}

// consent lets an object of the shop have an NLB.
func (c *cluster) consent(name string) map[string]string {
	return map[string]string{v1alpha1.CloudLabelAdopt: string(c.id) + "/" + shop + "/" + name}
}

// ownedBy are the labels of an NLB of an object that isn't there, as the earlier
// operator writes and reads them.
func ownedBy(cluster, name, uid string) map[string]string {
	return map[string]string{v1alpha1.FormerCloudLabelCluster: cluster, v1alpha1.FormerCloudLabelOwner: shop + "/" + name, v1alpha1.FormerCloudLabelOwnerUID: uid}
}

// madeElsewhere is what the cloud holds that no object of this cluster made: of
// others, of earlier selves of ours, and one whose object is gone.
func (c *cluster) madeElsewhere(e *everything) {
	const gone = "77777777-7777-4777-8777-777777777777"
	ours := string(c.id)
	put := func(name string, labels map[string]string, services ...exosim.Service) string {
		return c.cloud.PutLoadBalancer(home, exosim.LoadBalancer{Name: name, Description: "of " + name, Labels: labels, Services: services}).ID
	}
	e.terraform = put("terraform", map[string]string{"team": "infra"}, theirs("web", 8080, e.workers))
	put("by-name", nil, theirs("web", 8080, e.workers))
	put("orphan", ownedBy(ours, "gone", gone), theirs(gone+"-81", 81, e.workers))
	put("of-another-cluster", ownedBy("another-cluster", "edge", gone))
	e.adopted = put("adopted", c.consent("adopted"), theirs("theirs", 8080, e.workers))
	e.elsewhere = c.holds()
	put("shop-restored-"+gone, ownedBy(ours, "restored", gone), theirs(gone+"-80", 80, e.workers))
}

// makes has the operator that runs serve everything that can be asked for.
func (c *cluster) makes(t *testing.T, e *everything) {
	t.Helper()
	c.verified(t, 4)
	c.certifies(t, e.privateNode, private)
	made := everything{balancers: balancers(e), ports: nlbServices(e), services: slices.Concat(services(e), attached(e))}
	c.create(t, made.objects()...)
	e.balancers, e.ports, e.services = made.balancers, made.ports, append(e.services, made.services...)
	c.ready(t, e.objects()...)
	c.moves(t, e)
}

// longest is a name whose label is longer than Exoscale's documentation allows.
var longest = strings.Repeat("n.", 80) + "n"

// balancers are NetworkLoadBalancers with every field, and every way to an NLB.
func balancers(e *everything) []client.Object {
	return []client.Object{
		loadBalancer("edge", func(s *v1alpha1.NetworkLoadBalancerSpec) {
			s.Description = strings.Repeat("d", 255)
			s.Labels = map[string]string{"team": "payments/eu-1", "2nd": "0", "long": strings.Repeat("l", 255)}
			s.AllowedNamespaces = &v1alpha1.AllowedNamespaces{From: v1alpha1.NamespacesFromSelector, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"may": "attach"}}}
		}),
		loadBalancer(longest, func(s *v1alpha1.NetworkLoadBalancerSpec) { s.Name = "longest" }),
		loadBalancer("named", func(s *v1alpha1.NetworkLoadBalancerSpec) {
			s.Name = "front door"
			s.AllowedNamespaces = &v1alpha1.AllowedNamespaces{From: v1alpha1.NamespacesFromAll}
		}),
		loadBalancer("abroad", func(s *v1alpha1.NetworkLoadBalancerSpec) { s.Zone = abroad }),
		loadBalancer("retained", func(s *v1alpha1.NetworkLoadBalancerSpec) { s.DeletionPolicy = v1alpha1.DeletionRetain }),
		loadBalancer("adopted", func(s *v1alpha1.NetworkLoadBalancerSpec) { s.ID = e.adopted }),
		loadBalancer("restored"),
		loadBalancer("external-id", func(s *v1alpha1.NetworkLoadBalancerSpec) { s.ManagementPolicy, s.ID = v1alpha1.External, e.terraform }),
		loadBalancer("external-name", func(s *v1alpha1.NetworkLoadBalancerSpec) { s.ManagementPolicy, s.Name = v1alpha1.External, "by-name" }),
	}
}

// nlbServices have every field and every kind of target, by paths that an operator
// may come to refuse, too: what is served stays.
func nlbServices(e *everything) []client.Object {
	named := func(name, description string) func(*v1alpha1.NLBService) {
		return func(s *v1alpha1.NLBService) { s.Spec.Name, s.Spec.Description = name, description }
	}
	to := func(port int32) func(*v1alpha1.NLBService) {
		return func(s *v1alpha1.NLBService) { s.Spec.TargetPort = port }
	}
	https := func(s *v1alpha1.NLBService) {
		s.Spec.Strategy = v1alpha1.StrategyMaglevHash
		s.Spec.HealthCheck = v1alpha1.HealthCheck{Mode: v1alpha1.HealthCheckHTTPS, Path: "/healthz", Port: 9443, Retries: 3, TLSServerName: "api.example.com"}
	}
	udp := func(s *v1alpha1.NLBService) {
		s.Spec.Protocol, s.Spec.Strategy = v1alpha1.ProtocolUDP, v1alpha1.StrategySourceHash
	}
	return []client.Object{
		nlbService("web", "edge", 443, e.workers, to(30443)),
		nlbService("ssh", "edge", 2222, e.workers, to(22)),
		nlbService("refused-mark", "edge", 2223, e.workers, to(30223), named("", "as by the operator ["+v1alpha1.Prefix+"0123456789ab-0123456789abcdef]")),
		nlbService("longest", longest, 80, e.workers, to(30180)),
		nlbService("api", "edge", 6443, e.workers, https),
		nlbService("etcd", "edge", 2379, e.workers, named("etcd", strings.Repeat("x", 255))),
		nlbService("long", "edge", 8443, e.workers, named(strings.Repeat("n", 255), "")),
		nlbService("dns", "named", 53, e.workers, udp, named("dns by hand", "")),
		nlbService("pool-name", "named", 8001, "", selecting(v1alpha1.Target{InstancePoolName: "workers"})),
		nlbService("nodepool", "named", 8002, "", selecting(v1alpha1.Target{SKSNodepool: &v1alpha1.SKSNodepoolReference{Cluster: "prod", Nodepool: "MAIN"}})),
		nlbService("selector", "named", 8003, "", selecting(v1alpha1.Target{NodeSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelHostname: e.privateNode}}}), func(s *v1alpha1.NLBService) {
			s.Spec.Target.NodeSelector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: corev1.LabelNodeExcludeBalancers, Operator: metav1.LabelSelectorOpDoesNotExist}, {Key: corev1.LabelHostname, Operator: metav1.LabelSelectorOpExists}}}
		}),
		nlbService("drained", "named", 8004, e.drained),
		nlbService("private", "named", 8005, e.private),
		// Outside of the operator's zone.
		nlbService("abroad", "abroad", 443, e.abroad, to(22)),
		nlbService("abroad-nodes", "abroad", 80, "", selecting(v1alpha1.Target{NodeSelector: &metav1.LabelSelector{}})),
		nlbService("external-id", "external-id", 9001, e.workers),
		nlbService("external-name", "external-name", 9001, e.workers, named("chosen", "by us")),
		nlbService("adopted", "adopted", 80, e.workers),
		nlbService("adopted-named", "adopted", 443, e.workers, named("web", "")),
		nlbService("restored", "restored", 80, e.workers, to(30080)),
		nlbService("retained", "retained", 80, e.workers),
		nlbService("guest", "edge", 1234, e.workers, from(guest)),
		nlbService("left", "edge", 1235, e.workers, from(left), to(30123)),
	}
}

// services have NLBs of their own.
func services(e *everything) []client.Object {
	return []client.Object{
		service(shop, "plain"),
		service(shop, "ports", ports(port("http", corev1.ProtocolTCP, 80), port("https", corev1.ProtocolTCP, 443))),
		service(shop, "udp", ports(port("syslog", corev1.ProtocolUDP, 514))),
		service(shop, "dns", ports(port("tcp", corev1.ProtocolTCP, 53), port("udp", corev1.ProtocolUDP, 53))),
		service(shop, "sidecar", ports(port("sip", corev1.ProtocolUDP, 5060)), annotated(v1alpha1.AnnotationUDPHealthCheck, v1alpha1.UDPHealthCheckSidecar, v1alpha1.AnnotationUDPHealthCheckProbe, `5060/probe;payload=hex:00;expect=re2:^(OK|ready)\ [0-9]{1,3}`)),
		service(shop, "refused-probe", ports(port("game", corev1.ProtocolUDP, 7777)), annotated(v1alpha1.AnnotationUDPHealthCheck, v1alpha1.UDPHealthCheckSidecar, v1alpha1.AnnotationUDPHealthCheckProbe, `7777/probe;payload=hex:00;expect=re2:\\pL{900}`)),
		service(shop, "refused-selector", annotated(v1alpha1.AnnotationNodeSelector, "!"+corev1.LabelNodeExcludeBalancers+","+corev1.LabelHostname+" notin ("+strings.Repeat(strings.Repeat("n", 60)+",", 300)+"n)")),
		service(shop, "local", local),
		service(shop, "local-udp", local, ports(port("syslog", corev1.ProtocolUDP, 514))),
		service(shop, "annotated", annotated(
			v1alpha1.AnnotationName, "shop", v1alpha1.AnnotationDescription, "of the shop", v1alpha1.AnnotationServiceName, "shop-http", v1alpha1.AnnotationServiceDescription, strings.Repeat("x", 255),
			v1alpha1.AnnotationStrategy, "source-hash", v1alpha1.AnnotationHealthCheckMode, "http", v1alpha1.AnnotationHealthCheckURI, "/live", v1alpha1.AnnotationHealthCheckPort, "30999",
			v1alpha1.AnnotationHealthCheckInterval, "30s", v1alpha1.AnnotationHealthCheckTimeout, "20s", v1alpha1.AnnotationHealthCheckRetries, "5")),
		service(shop, "by-pool", annotated(v1alpha1.AnnotationInstancePoolID, e.private)),
		service(shop, "by-nodepool", annotated(v1alpha1.AnnotationSKSClusterName, "prod", v1alpha1.AnnotationSKSNodepoolName, "main")),
		service(shop, "by-nodes", annotated(v1alpha1.AnnotationNodeSelector, "!"+corev1.LabelNodeExcludeBalancers)),
		service(shop, "kept", annotated(v1alpha1.AnnotationDeletionPolicy, string(v1alpha1.DeletionRetain))),
		service(shop, "ranges", func(s *corev1.Service) { s.Spec.LoadBalancerSourceRanges = []string{"192.0.2.0/24"} }),
	}
}

// attached are Services on NLBs that aren't their own.
func attached(e *everything) []client.Object {
	return []client.Object{
		service(shop, "shares", annotated(v1alpha1.AnnotationLoadBalancer, "edge"), ports(port("a", corev1.ProtocolTCP, 81))),
		service(guest, "shares", annotated(v1alpha1.AnnotationLoadBalancer, shop+"/named"), ports(port("a", corev1.ProtocolTCP, 82))),
		service(shop, "attached", annotated(v1alpha1.AnnotationID, e.terraform, v1alpha1.AnnotationExternal, "true", v1alpha1.AnnotationServiceName, "shop-on-terraform"), ports(port("a", corev1.ProtocolTCP, 83))),
		service(guest, "attached", annotated(v1alpha1.AnnotationName, "by-name", v1alpha1.AnnotationExternal, "true"), ports(port("a", corev1.ProtocolTCP, 84), port("b", corev1.ProtocolUDP, 84))),
	}
}

// moves on: what is served, though it couldn't be begun any more as things are now.
func (c *cluster) moves(t *testing.T, e *everything) {
	t.Helper()
	c.remove(t, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: e.drainedNode}})
	change(t, c, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: left}}, func(n *corev1.Namespace) { delete(n.Labels, "may") })
	lost := &v1alpha1.NLBService{ObjectMeta: metav1.ObjectMeta{Namespace: left, Name: "left"}}
	NewWithT(t).Eventually(func(g Gomega) {
		g.Expect(c.Get(t.Context(), client.ObjectKeyFromObject(lost), lost)).To(Succeed())
		g.Expect(lost.Status.Conditions).To(ContainElement(And(HaveField("Type", v1alpha1.ConditionAccepted), HaveField("Reason", v1alpha1.ReasonNotAllowedNamespace))))
	}, patience).Should(Succeed(), "%s", c.said())
	// The NLBs of these two stay.
	c.dismiss(t, e, "retained", "kept")
}

// dismiss removes objects by their names.
func (c *cluster) dismiss(t *testing.T, e *everything, names ...string) {
	t.Helper()
	for _, of := range []*[]client.Object{&e.ports, &e.balancers, &e.services} {
		var going []client.Object
		*of = slices.DeleteFunc(*of, func(o client.Object) bool {
			goes := slices.Contains(names, o.GetName())
			if goes {
				going = append(going, o)
			}
			return goes
		})
		c.remove(t, going...)
	}
}
