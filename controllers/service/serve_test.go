package service_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/controllers/service"
	"github.com/exoscale-community/nlb-operator/internal/projection"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

func TestAServiceGetsItsObjectsThenItsAddress(t *testing.T) {
	s := newScene(t, nil)
	s.service("web", []int32{80, 443}, nil)

	lb := s.loadBalancer("web")
	web := s.read("web")
	s.Expect(lb.Spec.Name).To(Equal("k8s-" + string(web.UID)))
	s.Expect(lb.Spec.DeletionPolicy).To(Equal(v1alpha1.DeletionDelete))
	s.Expect(metav1.IsControlledBy(lb, web)).To(BeTrue())
	s.Expect(web.Finalizers).To(ContainElement(v1alpha1.ServiceFinalizer))
	http := s.nlbService("web-80-tcp")
	s.Expect(http.Spec.Target.InstancePoolID).To(Equal(s.pool.ID))
	s.Expect(http.Spec.TargetPort).To(Equal(web.Spec.Ports[0].NodePort))
	s.Expect(http.Spec.Name).To(Equal(string(web.UID) + "-80"))

	s.run("web", "80-tcp")
	s.shows("web", v1alpha1.ServiceConditionProgrammed, metav1.ConditionFalse, v1alpha1.ReasonPending)
	s.Expect(s.read("web").Status.LoadBalancer.Ingress).To(BeEmpty(), "one of two ports isn't there yet")

	s.run("web", "443-tcp")
	ingress := s.published("web")
	s.Expect(ingress.IP).To(Equal(address))
	s.Expect(ingress.IPMode).To(HaveValue(Equal(corev1.LoadBalancerIPModeVIP)))
	s.Expect(ingress.Ports).To(BeEmpty())
	s.shows("web", v1alpha1.ServiceConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted)
	s.shows("web", v1alpha1.ServiceConditionProgrammed, metav1.ConditionTrue, v1alpha1.ReasonProgrammed)
	s.shows("web", v1alpha1.ServiceConditionAllFieldsHonored, metav1.ConditionTrue, v1alpha1.ReasonAccepted)
	s.Eventually(func() string { return s.read("web").Annotations[v1alpha1.AnnotationID] }).Should(Equal(nlbID))
	s.tells("web", corev1.EventTypeNormal, v1alpha1.ReasonProgrammed, address)

	s.settles("web")
	s.Expect(s.loadBalancer("web").Spec.ID).To(BeEmpty(), "the id that was written back is no adoption")
}

func TestTheAPIServerAcceptsWhatIsProjected(t *testing.T) {
	// What they name has to exist, and be allowed, or no NLB is made.
	s := newScene(t, func(o *service.Options) { o.AllowedPools = []string{"named"} })
	s.sim.AddPool("", exosim.InstancePool{ID: "f0e1d2c3-0000-4000-8000-00000000000a", Name: "named"})
	s.sim.AddCluster("", exosim.SKSCluster{Name: "prod", Nodepools: []exosim.SKSNodepool{{Name: "workers", InstancePool: exosim.Ref{ID: s.pool.ID}}}})
	for i := range s.sim.Members(s.pool.ID) {
		change(s, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s-workers-%d", s.ns, i)}}, func(o *corev1.Node) { o.Labels = map[string]string{"role": "ingress"} })
	}
	files, err := filepath.Glob("../../internal/projection/testdata/*.service.yaml")
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(files).NotTo(BeEmpty())
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".service.yaml")
		if name == "bad-annotations" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			s.Expect(err).NotTo(HaveOccurred())
			given := &corev1.Service{}
			s.Expect(yaml.UnmarshalStrict(text, given)).To(Succeed())
			s.service(name, nil, func(object *corev1.Service) {
				object.Annotations, object.Spec = given.Annotations, given.Spec
				if id := given.Annotations[v1alpha1.AnnotationID]; id != "" {
					s.sim.PutLoadBalancer("", exosim.LoadBalancer{ID: strings.ToLower(id), Name: name})
				}
				object.Spec.LoadBalancerClass = ptr.To(v1alpha1.LoadBalancerClass)
				object.Spec.HealthCheckNodePort, object.Spec.IPFamilies = 0, nil
				for i := range object.Spec.Ports {
					object.Spec.Ports[i].NodePort = 0
				}
			})
			lb := s.loadBalancer(name)
			s.Expect(lb.Spec.Zone).To(Equal("ch-gva-2"))
			for _, port := range s.read(name).Spec.Ports {
				if port.Protocol != corev1.ProtocolSCTP {
					s.nlbService(projection.ServiceName(s.read(name), port, nil))
				}
			}
			s.settles(name)
		})
	}
}

func TestAChangeOfTheServiceChangesItsObjects(t *testing.T) {
	s := newScene(t, nil)
	web := s.service("web", []int32{80, 81}, func(o *corev1.Service) { annotate(o, v1alpha1.AnnotationDescription, "old") })
	s.loadBalancer("web")
	s.nlbService("web-81-tcp")
	s.run("web", "80-tcp", "81-tcp")
	s.published("web")

	change(s, web, func(o *corev1.Service) {
		annotate(o, v1alpha1.AnnotationDescription, "new")
		annotate(o, v1alpha1.AnnotationStrategy, "source-hash")
		o.Spec.Ports[1].Port = 82
	})
	s.Eventually(func() string { return s.loadBalancer("web").Spec.Description }).Should(Equal("new"))
	s.Eventually(func() v1alpha1.Strategy { return s.nlbService("web-80-tcp").Spec.Strategy }).Should(Equal(v1alpha1.StrategySourceHash))
	s.nlbService("web-82-tcp")
	s.Eventually(func() bool {
		return apierrors.IsNotFound(s.Get(t.Context(), client.ObjectKey{Namespace: s.ns, Name: "web-81-tcp"}, &v1alpha1.NLBService{}))
	}).Should(BeTrue(), "the port that was removed leaves nothing")
	s.shows("web", v1alpha1.ServiceConditionProgrammed, metav1.ConditionFalse, v1alpha1.ReasonUpdating)
	s.Expect(s.published("web").IP).To(Equal(address), "an address isn't withdrawn")

	change(s, web, func(o *corev1.Service) { delete(o.Annotations, v1alpha1.AnnotationDescription) })
	s.Eventually(func() string { return s.loadBalancer("web").Spec.Description }).Should(BeEmpty())
	s.settles("web")
}

func TestWhatOthersWriteIntoOurFieldsIsPutRightAndTheirFieldsStay(t *testing.T) {
	s := newScene(t, nil)
	s.service("web", []int32{80}, nil)
	lb := s.loadBalancer("web")
	change(s, lb, func(o *v1alpha1.NetworkLoadBalancer) {
		o.Spec.Description = "somebody's"
		o.Spec.AllowedNamespaces = &v1alpha1.AllowedNamespaces{From: v1alpha1.NamespacesFromAll}
	})
	s.Eventually(func() string { return s.loadBalancer("web").Spec.Description }).Should(BeEmpty())
	s.Expect(s.loadBalancer("web").Spec.AllowedNamespaces.From).To(Equal(v1alpha1.NamespacesFromAll))
	change(s, s.nlbService("web-80-tcp"), func(o *v1alpha1.NLBService) { o.Spec.TargetPort = 1 })
	s.Eventually(func() int32 { return s.nlbService("web-80-tcp").Spec.TargetPort }).Should(Equal(s.read("web").Spec.Ports[0].NodePort))
	s.settles("web")
}

func TestABadAnnotationLeavesAWorkingServiceAsItWas(t *testing.T) {
	s := newScene(t, nil)
	web := s.service("web", []int32{80}, nil)
	s.run("web", "80-tcp")
	s.published("web")
	s.Eventually(func() string { return s.read("web").Annotations[v1alpha1.AnnotationID] }).Should(Equal(nlbID))
	s.settles("web")
	lb, child := s.loadBalancer("web").ResourceVersion, s.nlbService("web-80-tcp").ResourceVersion

	change(s, web, func(o *corev1.Service) {
		annotate(o, v1alpha1.AnnotationHealthCheckRetries, "50")
		o.Spec.Ports[0].Port = 81
	})
	message := s.shows("web", v1alpha1.ServiceConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonInvalid)
	s.Expect(message).To(And(ContainSubstring(v1alpha1.AnnotationHealthCheckRetries), ContainSubstring(`"50"`), ContainSubstring("1 to 20")))
	s.tells("web", corev1.EventTypeWarning, v1alpha1.ReasonInvalid, v1alpha1.AnnotationHealthCheckRetries)
	s.settles("web")
	s.Expect(s.loadBalancer("web").ResourceVersion).To(Equal(lb))
	s.Expect(s.nlbService("web-80-tcp").ResourceVersion).To(Equal(child))
	s.Expect(s.published("web").IP).To(Equal(address))

	change(s, web, func(o *corev1.Service) { annotate(o, v1alpha1.AnnotationHealthCheckRetries, "5") })
	s.Expect(s.nlbService("web-81-tcp").Spec.HealthCheck.Retries).To(Equal(int32(5)))
	s.shows("web", v1alpha1.ServiceConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted)
}

func TestAPortInConflictDoesNotStopTheOthers(t *testing.T) {
	s := newScene(t, nil)
	s.service("web", []int32{80, 443}, nil)
	s.run("web", "80-tcp")
	s.say("web-443-tcp", metav1.ConditionFalse, v1alpha1.ReasonPortConflict)

	ingress := s.published("web")
	s.Expect(ingress.IPMode).To(HaveValue(Equal(corev1.LoadBalancerIPModeProxy)))
	s.Expect(ingress.Ports).To(Equal([]corev1.PortStatus{
		{Port: 80, Protocol: corev1.ProtocolTCP},
		{Port: 443, Protocol: corev1.ProtocolTCP, Error: ptr.To("nlb.exoscale.com/PortConflict")},
	}))
	s.shows("web", v1alpha1.ServiceConditionProgrammed, metav1.ConditionFalse, v1alpha1.ReasonPortConflict)
	s.tells("web", corev1.EventTypeWarning, v1alpha1.ReasonPortConflict, "443")

	s.say("web-443-tcp", metav1.ConditionTrue, v1alpha1.ReasonProgrammed)
	s.Eventually(func() []corev1.PortStatus { return s.published("web").Ports }).Should(BeEmpty())
	s.Expect(s.published("web").IPMode).To(HaveValue(Equal(corev1.LoadBalancerIPModeVIP)))
}

func TestWhatAnNLBCannotDoIsSaid(t *testing.T) {
	s := newScene(t, nil)
	s.service("web", []int32{80}, func(o *corev1.Service) {
		o.Spec.LoadBalancerSourceRanges = []string{"198.51.100.0/24"}
		o.Spec.Ports = append(o.Spec.Ports, corev1.ServicePort{Name: "sctp", Port: 99, Protocol: corev1.ProtocolSCTP})
	})
	s.run("web", "80-tcp")
	message := s.shows("web", v1alpha1.ServiceConditionAllFieldsHonored, metav1.ConditionFalse, v1alpha1.ReasonNotSupported)
	s.Expect(message).To(ContainSubstring("loadBalancerSourceRanges"))
	s.tells("web", corev1.EventTypeWarning, v1alpha1.ReasonNotSupported, "loadBalancerSourceRanges")
	s.shows("web", v1alpha1.ServiceConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonNotSupported)
	s.Expect(s.published("web").Ports).To(ContainElement(corev1.PortStatus{Port: 99, Protocol: corev1.ProtocolSCTP, Error: ptr.To("nlb.exoscale.com/NotSupported")}))
}

func TestALostIDAnnotationIsWrittenAgain(t *testing.T) {
	s := newScene(t, nil)
	web := s.service("web", []int32{80}, nil)
	s.run("web", "80-tcp")
	id := func() string { return s.read("web").Annotations[v1alpha1.AnnotationID] }
	s.Eventually(id).Should(Equal(nlbID))

	change(s, web, func(o *corev1.Service) { o.Annotations = nil }) // as kubectl replace does
	s.Eventually(id).Should(Equal(nlbID))

	const anew = "aaaaaaaa-0000-4000-8000-000000000009"
	s.Eventually(func() error { // the NLB had vanished, and was made anew
		lb := s.loadBalancer("web")
		lb.Status.ID, lb.Status.Address = anew, "192.0.2.99"
		return s.Status().Update(t.Context(), lb)
	}).Should(Succeed())
	s.Eventually(id).Should(Equal(anew))
	s.Eventually(func() string { return s.published("web").IP }).Should(Equal("192.0.2.99"))
	s.tells("web", corev1.EventTypeWarning, v1alpha1.ReasonAddressChanged, address)
	s.shows("web", v1alpha1.ServiceConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted)

	change(s, web, func(o *corev1.Service) { annotate(o, v1alpha1.AnnotationID, nlbID) }) // a user's own wish
	s.shows("web", v1alpha1.ServiceConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonInvalid)
	s.Expect(id()).To(Equal(nlbID))
}

func TestAnObjectOfTheNameThatIsNotOursIsLeftAlone(t *testing.T) {
	s := newScene(t, nil)
	theirs := &v1alpha1.NetworkLoadBalancer{ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: "web"}, Spec: v1alpha1.NetworkLoadBalancerSpec{Name: "theirs"}}
	s.Expect(s.Create(t.Context(), theirs)).To(Succeed())
	s.service("web", []int32{80}, nil)
	s.shows("web", v1alpha1.ServiceConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonInUseByOther)
	s.settles("web")
	s.Expect(s.loadBalancer("web").ResourceVersion).To(Equal(theirs.ResourceVersion))

	s.Expect(s.round("web").RequeueAfter).NotTo(BeZero())
	s.Expect(s.Delete(t.Context(), theirs)).To(Succeed())
	s.shows("web", v1alpha1.ServiceConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted)
}

func TestAnNLBServiceOfAPortsNameThatIsNotOursIsLeftAlone(t *testing.T) {
	s := newScene(t, nil)
	theirs := &v1alpha1.NLBService{ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: "web-80-tcp"}, Spec: v1alpha1.NLBServiceSpec{
		LoadBalancerRef: v1alpha1.LoadBalancerReference{Name: "another"}, Port: 80, TargetPort: 30000,
		Target: v1alpha1.Target{InstancePoolID: s.pool.ID},
	}}
	s.Expect(s.Create(t.Context(), theirs)).To(Succeed())
	s.service("web", []int32{80, 81}, nil)
	s.run("web", "81-tcp")
	s.shows("web", v1alpha1.ServiceConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonInUseByOther)
	s.settles("web")
	s.Expect(s.nlbService("web-80-tcp").ResourceVersion).To(Equal(theirs.ResourceVersion))
	s.Expect(s.published("web").Ports).To(HaveLen(2))

	s.Expect(s.round("web").RequeueAfter).NotTo(BeZero())
	s.Expect(s.Delete(t.Context(), theirs)).To(Succeed())
	s.shows("web", v1alpha1.ServiceConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted)
}

func TestTheOperatorsDefaultPool(t *testing.T) {
	s := newStage(t, func(o *service.Options) {
		o.DefaultInstancePool, o.AllowedPools = "workers", []string{"workers"}
	})
	s.sim.AddPool("", exosim.InstancePool{Name: "workers"})
	s.start()
	s.service("web", []int32{80}, nil)
	s.Expect(s.nlbService("web-80-tcp").Spec.Target).To(Equal(v1alpha1.Target{InstancePoolName: "workers"}))
}

func TestAnObjectThatTheAPIServerRefusesDoesNotStopTheOthers(t *testing.T) {
	s := newScene(t, nil)
	web := s.service("web", []int32{80, 81}, func(o *corev1.Service) { annotate(o, v1alpha1.AnnotationHealthCheckMode, "https") })
	s.run("web", "80-tcp", "81-tcp")
	s.published("web")
	change(s, s.nlbService("web-80-tcp"), func(o *v1alpha1.NLBService) { o.Spec.HealthCheck.TLSServerName = "somebody.example" })
	s.settles("web") // the server name is theirs to set

	change(s, web, func(o *corev1.Service) { annotate(o, v1alpha1.AnnotationHealthCheckMode, "tcp") })
	s.Eventually(func() v1alpha1.HealthCheckMode { return s.nlbService("web-81-tcp").Spec.HealthCheck.Mode }).Should(Equal(v1alpha1.HealthCheckTCP))
	message := s.shows("web", v1alpha1.ServiceConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonInvalid)
	s.Expect(message).To(And(ContainSubstring("port 80/TCP"), ContainSubstring("tlsServerName")))
	s.Expect(s.nlbService("web-80-tcp").Spec.HealthCheck.Mode).To(Equal(v1alpha1.HealthCheckHTTPS))

	change(s, s.nlbService("web-80-tcp"), func(o *v1alpha1.NLBService) { o.Spec.HealthCheck.TLSServerName = "" })
	s.shows("web", v1alpha1.ServiceConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted)
}
