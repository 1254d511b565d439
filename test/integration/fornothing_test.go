package integration

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/internal/projection"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

const noSuchPool = "0b12c3d4-0000-4000-8000-00000000abcd"

// An NLB costs money: none is made before a port of the Service can be served.
func TestNoNLBIsMadeBeforeAPortCanBeServed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		operator func(*app.Options)
		service  func(*corev1.Service)
		// given puts into the cloud what the Service is about, and edits it accordingly.
		given func(w *world) func(*corev1.Service)
		says  string
		// then makes it possible.
		then func(w *world, service *corev1.Service)
	}{
		"no port has a nodePort": {
			service: func(s *corev1.Service) { s.Spec.AllocateLoadBalancerNodePorts = ptr.To(false) },
			says:    "allocateLoadBalancerNodePorts",
			then: func(w *world, web *corev1.Service) {
				change(w, web, func(s *corev1.Service) { s.Spec.AllocateLoadBalancerNodePorts = ptr.To(true) })
			},
		},
		"all ports are SCTP": {
			service: func(s *corev1.Service) { s.Spec.Ports[0].Protocol = corev1.ProtocolSCTP },
			says:    "TCP and UDP only",
			then: func(w *world, web *corev1.Service) {
				change(w, web, func(s *corev1.Service) { s.Spec.Ports[0].Protocol = corev1.ProtocolTCP })
			},
		},
		"nobody says how UDP is probed": {
			operator: func(o *app.Options) { o.UDPDefaultHealthCheck = string(projection.UDPHealthCheckNone) },
			service:  func(s *corev1.Service) { s.Spec.Ports[0].Protocol = corev1.ProtocolUDP },
			says:     v1alpha1.AnnotationHealthCheckPort,
			then: func(w *world, web *corev1.Service) {
				change(w, web, annotated(v1alpha1.AnnotationHealthCheckPort, "10256"))
			},
		},
		"the pool that is named doesn't exist": {
			service: annotated(v1alpha1.AnnotationInstancePoolID, noSuchPool),
			says:    noSuchPool,
			then: func(w *world, web *corev1.Service) {
				change(w, web, annotated(v1alpha1.AnnotationInstancePoolID, w.pool.ID))
			},
		},
		"the SKS nodepool that is named doesn't exist": {
			service: annotated(v1alpha1.AnnotationSKSClusterName, "prod", v1alpha1.AnnotationSKSNodepoolName, "blue"),
			says:    "blue",
			then: func(w *world, _ *corev1.Service) {
				w.sim.AddCluster("", exosim.SKSCluster{Name: "prod", Nodepools: []exosim.SKSNodepool{{Name: "Blue", InstancePool: exosim.Ref{ID: w.pool.ID}}}})
			},
		},
		"no node is selected": {
			service: annotated(v1alpha1.AnnotationNodeSelector, "role=nowhere"),
			says:    v1alpha1.AnnotationNodeSelector,
			then: func(w *world, web *corev1.Service) {
				change(w, web, annotated(v1alpha1.AnnotationNodeSelector, "world="+w.ns))
			},
		},
		"the pool that is named isn't this cluster's": {
			given: func(w *world) func(*corev1.Service) {
				return annotated(v1alpha1.AnnotationInstancePoolID, w.foreignPool("victim").ID)
			},
			says: "isn't this cluster's",
			then: func(w *world, web *corev1.Service) {
				w.addNode(w.sim.Members(web.Annotations[v1alpha1.AnnotationInstancePoolID])[0], "victim")
			},
		},
		"the pool of the SKS nodepool that is named isn't this cluster's": {
			given: func(w *world) func(*corev1.Service) {
				w.nodepool("theirs", "blue", w.foreignPool("victim"))
				return annotated(v1alpha1.AnnotationSKSClusterName, "theirs", v1alpha1.AnnotationSKSNodepoolName, "blue")
			},
			says: "isn't this cluster's",
			then: func(w *world, web *corev1.Service) {
				w.nodepool("ours", "blue", w.pool)
				change(w, web, annotated(v1alpha1.AnnotationSKSClusterName, "ours"))
			},
		},
		"several pools have the name of the default one": {
			operator: func(o *app.Options) { o.DefaultInstancePool = "workers" },
			given: func(w *world) func(*corev1.Service) {
				w.foreignPool("workers")
				return nil
			},
			says: "Several instance pools",
			then: func(w *world, web *corev1.Service) {
				change(w, web, annotated(v1alpha1.AnnotationInstancePoolID, w.pool.ID))
			},
		},
		"several SKS nodepools have the name": {
			given: func(w *world) func(*corev1.Service) {
				w.nodepool("prod", "blue", w.pool)
				w.nodepool("prod", "blue", w.pool)
				return annotated(v1alpha1.AnnotationSKSClusterName, "prod", v1alpha1.AnnotationSKSNodepoolName, "blue")
			},
			says: "Several nodepools",
			then: func(w *world, web *corev1.Service) {
				only := w.nodepool("test", "blue", w.pool)
				change(w, web, annotated(v1alpha1.AnnotationSKSClusterName, only.ID))
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{Operator: c.operator, Stopped: true})
			if c.given != nil {
				c.service = c.given(w)
			}
			w.start()
			web := w.service("web", c.service)
			for _, condition := range []string{v1alpha1.ServiceConditionAccepted, v1alpha1.ServiceConditionProgrammed} {
				w.g.Eventually(func() string { return w.says(web, condition) }).Should(And(HavePrefix("False/"), ContainSubstring(c.says)), condition)
			}
			w.settles()
			w.g.Expect(w.sim.LoadBalancers("")).To(BeEmpty())
			w.g.Expect(w.children()).To(BeEmpty())
			w.inAnnotations(web)
			c.then(w, web)
			w.served(web)
		})
	}
}

// nodepool makes an SKS cluster of one nodepool, which is an instance pool.
func (w *world) nodepool(cluster, name string, pool exosim.InstancePool) exosim.SKSCluster {
	w.t.Helper()
	return w.sim.AddCluster("", exosim.SKSCluster{Name: cluster, Nodepools: []exosim.SKSNodepool{{Name: name, InstancePool: exosim.Ref{ID: pool.ID}}}})
}

// An NLB that a CR asks for is made, whether or not it has a service.
func TestTheNLBOfACRIsMadeWithoutServices(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.ready(w.loadBalancer("edge", nil))
	w.g.Expect(w.onlyNLB().Services).To(BeEmpty())
}

// What is there stays when its last port can be served no longer: it has the address.
func TestAnNLBStaysThoughNoPortCanBeServedAnyMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	web := w.service("web", nil)
	w.served(web)
	made := w.onlyNLB()
	change(w, web, func(s *corev1.Service) {
		s.Spec.AllocateLoadBalancerNodePorts = ptr.To(false)
		s.Spec.Ports = []corev1.ServicePort{{Name: "other", Port: 443}}
	})
	w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionAccepted) }).Should(ContainSubstring("nodePort"))
	w.settles()
	w.g.Expect(w.onlyNLB().ID).To(Equal(made.ID))
	w.g.Expect(addressOf(web)).To(Equal(made.IP))
}
