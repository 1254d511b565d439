package integration

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// labelled and corrected are the calls that a migration makes: the first for each
// NLB, the second for each service that the CCM probes in a way that says nothing.
const (
	labelled  = "update-load-balancer"
	corrected = "update-load-balancer-service"
)

// migrations are Services as the CCM serves them, and the calls that taking one
// over takes.
var migrations = map[string]struct {
	edit func(*corev1.Service)
	// external is an NLB that somebody else made, and on which others serve, too.
	external bool
	// apart is what the cloud holds otherwise than the Service says.
	apart func(*exosim.LoadBalancer)
	// takes are the calls forward, and those forward again after the CCM has been back.
	takes, again []string
}{
	"one TCP port": {takes: []string{labelled}},
	"two ports":    {edit: twoPorts, takes: []string{labelled}},
	"every annotation but names": {
		edit: annotated(
			v1alpha1.AnnotationDescription, "shop", v1alpha1.AnnotationServiceDescription, "its port",
			v1alpha1.AnnotationStrategy, "source-hash", v1alpha1.AnnotationHealthCheckMode, "http", v1alpha1.AnnotationHealthCheckURI, "/live"),
		takes: []string{labelled},
	},
	"externalTrafficPolicy Local": {
		edit: func(s *corev1.Service) {
			s.Spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyLocal
		},
		takes: []string{labelled, corrected},
	},
	"Local, two ports": {
		edit: func(s *corev1.Service) {
			twoPorts(s)
			s.Spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyLocal
		},
		takes: []string{labelled, corrected, corrected},
	},
	"Local, probed as its owner says": {
		edit: func(s *corev1.Service) {
			s.Spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyLocal
			annotated(v1alpha1.AnnotationHealthCheckMode, "http", v1alpha1.AnnotationHealthCheckURI, "/healthz")(s)
		},
		takes: []string{labelled},
	},
	"UDP": {edit: udp, takes: []string{labelled, corrected}},
	"UDP beside TCP on one port": {
		edit: func(s *corev1.Service) {
			s.Spec.Ports = []corev1.ServicePort{{Name: "tcp", Port: 53}, {Name: "udp", Port: 53, Protocol: corev1.ProtocolUDP}}
		},
		takes: []string{labelled}, // they have one NodePort, where TCP answers
	},
	"UDP, probed as its owner says": {
		edit: func(s *corev1.Service) {
			udp(s)
			annotated(v1alpha1.AnnotationHealthCheckPort, "30999")(s)
		},
		takes: []string{labelled},
	},
	"a description that the CCM never applied": {
		edit:  annotated(v1alpha1.AnnotationDescription, "new"),
		apart: func(lb *exosim.LoadBalancer) { lb.Description = "old" },
		takes: []string{labelled, labelled}, // taken over, then described
		again: []string{labelled},
	},
	"an external NLB": {external: true},
	"an external NLB, Local": {
		external: true,
		edit: func(s *corev1.Service) {
			s.Spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyLocal
		},
		takes: []string{corrected},
	},
	"labels of its owner": {
		apart: func(lb *exosim.LoadBalancer) { lb.Labels = map[string]string{"team": "shop"} },
		takes: []string{labelled},
	},
}

func udp(s *corev1.Service) {
	s.Spec.Ports = []corev1.ServicePort{{Name: "dns", Port: 53, Protocol: corev1.ProtocolUDP}}
}

// afterTheCCM is a world where no operator runs yet, and one Service that the CCM
// has served. The operator claims it as long as claims is true when it starts.
func afterTheCCM(t *testing.T, edit func(*corev1.Service)) (w *world, web *corev1.Service, claims *bool) {
	t.Helper()
	claimed := true
	w = newWorld(t, setup{Stopped: true, Operator: claimsIf(&claimed)})
	web = w.service("web", func(s *corev1.Service) {
		if edit != nil {
			edit(s)
		}
		classless(s)
	})
	return w, web, &claimed
}

// attachedBefore has a Service attach to an NLB that isn't the CCM's.
func (w *world) attachedBefore(service *corev1.Service) {
	w.t.Helper()
	made := w.sim.PutLoadBalancer("", exosim.LoadBalancer{Name: "terraform", Description: "theirs", Services: []exosim.Service{notOurs(w, "theirs", 443)}})
	change(w, service, annotated(v1alpha1.AnnotationID, made.ID, v1alpha1.AnnotationExternal, "true"))
}

// unmarked is a service as its user described it.
func unmarked(service exosim.Service) exosim.Service {
	service.Description, _ = nlb.SplitMark(service.Description)
	return service
}

// apartFromHealth compares services without how, and how well, they are probed, and
// without the operator's mark.
var apartFromHealth = cmp.Options{
	cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Description" }, cmp.Comparer(func(a, b string) bool {
		a, _ = nlb.SplitMark(a)
		b, _ = nlb.SplitMark(b)
		return a == b
	})),
	cmpopts.IgnoreFields(exosim.Service{}, "HealthCheck", "HealthStatus"),
	cmpopts.SortSlices(func(a, b exosim.Service) bool { return a.ID < b.ID }),
}

func TestWhatTheCCMServedIsTakenOverHandedBackAndTakenOverAgain(t *testing.T) {
	t.Parallel()
	for name, migration := range migrations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, web, claims := afterTheCCM(t, migration.edit)
			if migration.external {
				w.attachedBefore(web)
			}
			w.ccmSyncs(web)
			if migration.apart != nil {
				w.sim.MutateLoadBalancer(w.onlyNLB().ID, migration.apart)
			}
			was := w.onlyNLB()
			same := func() {
				t.Helper()
				is := w.onlyNLB()
				w.g.Expect(is.ID).To(Equal(was.ID))
				w.g.Expect(is.Name).To(Equal(was.Name))
				if diff := cmp.Diff(was.Services, is.Services, apartFromHealth); diff != "" {
					t.Error(diff)
				}
				w.g.Expect(addressOf(web)).To(Equal(was.IP))
				w.g.Expect(web.Annotations).To(HaveKeyWithValue(v1alpha1.AnnotationID, was.ID))
				for label, value := range was.Labels {
					w.g.Expect(is.Labels).To(HaveKeyWithValue(label, value))
				}
			}

			t.Log("forward")
			w.start()
			w.takenOver(web)
			w.g.Expect(w.writes()).To(ConsistOf(migration.takes))
			same()
			left := []string{labelled} // and the marks are taken off
			for _, service := range w.onlyNLB().Services {
				if plain := unmarked(service).Description; plain != service.Description && plain == "" {
					left = append(left, "reset-load-balancer-service-field")
				} else if plain != service.Description {
					left = append(left, corrected)
				}
			}
			if migration.external {
				w.g.Expect(w.onlyNLB().Labels).To(BeEmpty())
				w.g.Expect(w.onlyNLB().Description).To(Equal("theirs"))
				left = left[1:]
			} else {
				w.g.Expect(w.onlyNLB().Labels).To(HaveKeyWithValue(v1alpha1.CloudLabelOwner, nlb.LabelValue(w.ns+"/web")))
				w.g.Expect(w.onlyNLB().Description).To(Equal(web.Annotations[v1alpha1.AnnotationDescription]))
			}

			t.Log("back")
			*claims = false
			w.sim.ResetCalls()
			w.restart()
			change(w, web, annotated(v1alpha1.AnnotationDeletionPolicy, "Retain"))
			change(w, web, func(s *corev1.Service) { controllerutil.AddFinalizer(s, ccmFinalizer) }) // with which its sync begins
			w.g.Eventually(func() []string { w.says(web, ""); return web.Finalizers }).Should(Equal([]string{ccmFinalizer}))
			w.g.Expect(w.children()).To(BeEmpty())
			w.g.Expect(w.writes()).To(ConsistOf(left), "the labels of an NLB that was left, and the marks")
			w.ccmSyncs(web)
			same()

			t.Log("and forward again")
			*claims = true
			w.sim.ResetCalls()
			w.restart()
			w.takenOver(web)
			if migration.again == nil {
				migration.again = migration.takes
			}
			w.g.Expect(w.writes()).To(ConsistOf(migration.again))
			same()
		})
	}
}

// takenOver waits until a Service is the operator's and nothing is left to do.
func (w *world) takenOver(service *corev1.Service) {
	w.t.Helper()
	w.g.Eventually(func() []string { w.says(service, ""); return service.Finalizers }).Should(Equal([]string{v1alpha1.ServiceFinalizer}))
	w.served(service)
	writes := len(w.writes())
	w.g.Consistently(func() int { return len(w.writes()) }, 5*syncPeriod, syncPeriod).Should(Equal(writes), "it is at rest")
}

// A name that somebody chose proves nothing, so it takes the account's consent.
func TestAnNLBOfAChosenNameIsTakenOverWithConsent(t *testing.T) {
	t.Parallel()
	w, web, _ := afterTheCCM(t, annotated(v1alpha1.AnnotationName, "shop"))
	w.ccmSyncs(web)
	was := w.onlyNLB()
	w.start()
	w.g.Eventually(func() string { return w.says(web, v1alpha1.ServiceConditionAccepted) }).
		Should(And(HavePrefix("False/InUseByOther"), ContainSubstring(v1alpha1.CloudLabelAdopt)))
	w.g.Expect(w.writes()).To(BeEmpty())
	w.g.Expect(addressOf(web)).To(Equal(was.IP), "nothing is withdrawn")
	w.sim.MutateLoadBalancer(was.ID, func(lb *exosim.LoadBalancer) {
		lb.Labels = map[string]string{v1alpha1.CloudLabelAdopt: string(w.clusterUID()) + "/" + w.ns + "/web"}
	})
	w.takenOver(web)
	w.g.Expect(w.writes()).To(Equal([]string{labelled}))
	w.g.Expect(w.onlyNLB().Services).To(Equal(was.Services))
	w.g.Expect(addressOf(web)).To(Equal(was.IP))
}

// clusterUID is what the cluster is called unless it is told otherwise.
func (w *world) clusterUID() types.UID {
	w.t.Helper()
	system := &corev1.Namespace{}
	w.g.Expect(w.client.Get(w.t.Context(), client.ObjectKey{Name: metav1.NamespaceSystem}, system)).To(Succeed())
	return system.UID
}

// While the CCM runs it takes names off in place, so that nobody has to consent.
func TestChosenNamesAreTakenOffBeforeAndSetAgainAfterwards(t *testing.T) {
	t.Parallel()
	w, web, _ := afterTheCCM(t, annotated(v1alpha1.AnnotationName, "shop", v1alpha1.AnnotationServiceName, "shop-http"))
	w.ccmSyncs(web)
	was := w.onlyNLB()
	change(w, web, func(s *corev1.Service) {
		delete(s.Annotations, v1alpha1.AnnotationName)
		delete(s.Annotations, v1alpha1.AnnotationServiceName)
	})
	w.ccmSyncs(web)
	w.start()
	w.takenOver(web)
	change(w, web, annotated(v1alpha1.AnnotationName, "shop", v1alpha1.AnnotationServiceName, "shop-http"))
	w.g.Eventually(func() string { return w.onlyNLB().Name + " " + w.onlyNLB().Services[0].Name }).Should(Equal("shop shop-http"))
	w.g.Expect(w.writes()).To(ConsistOf(labelled, labelled, corrected), "ownership, and the two names")
	w.g.Expect(w.onlyNLB().ID).To(Equal(was.ID))
	w.g.Expect(w.onlyNLB().Services[0].ID).To(Equal(was.Services[0].ID))
	w.served(web)
	w.g.Expect(addressOf(web)).To(Equal(was.IP))
}

// Where the CCM can't be stopped, as on SKS, a Service leaves it by itself: for a
// moment it is no load balancer and has no id, so that the CCM finds nothing to
// delete, and then one of our class.
func TestOneServiceLeavesARunningCCM(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*corev1.Service){
		"Cluster": twoPorts,
		"Local": func(s *corev1.Service) {
			s.Spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyLocal
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, web, claims := afterTheCCM(t, edit)
			*claims = false
			w.ccmSyncs(web)
			was := w.onlyNLB()
			w.start()
			change(w, web, func(s *corev1.Service) {
				s.Spec.Type = corev1.ServiceTypeNodePort
				delete(s.Annotations, v1alpha1.AnnotationID)
			})
			w.ccmSyncs(web)
			w.g.Expect(web.Finalizers).To(BeEmpty())
			w.g.Expect(addressOf(web)).To(BeEmpty())
			class := v1alpha1.LoadBalancerClass
			change(w, web, func(s *corev1.Service) {
				s.Spec.Type, s.Spec.LoadBalancerClass = corev1.ServiceTypeLoadBalancer, &class
			})
			w.takenOver(web)
			is := w.onlyNLB()
			w.g.Expect(is.ID).To(Equal(was.ID))
			w.g.Expect(addressOf(web)).To(Equal(was.IP))
			w.g.Expect(web.Annotations).To(HaveKeyWithValue(v1alpha1.AnnotationID, was.ID))
			if diff := cmp.Diff(was.Services, is.Services, apartFromHealth); diff != "" {
				t.Error(diff)
			}
			w.g.Expect(w.writes()).To(HaveEach(Or(Equal(labelled), Equal(corrected))))
		})
	}
}

func TestAServiceThatTheCCMGaveANameIsTakenOver(t *testing.T) {
	t.Parallel()
	w, web, _ := afterTheCCM(t, annotated(v1alpha1.AnnotationServiceName, "shop-http"))
	w.ccmSyncs(web)
	w.start()
	w.takenOver(web)
}

func TestAServiceThatACCMTookInBetweenCanBeDeleted(t *testing.T) {
	t.Parallel()
	w, web, claims := afterTheCCM(t, nil)
	w.ccmSyncs(web)
	w.start()
	w.takenOver(web)
	*claims = false
	w.restart()
	w.ccmSyncs(web) // back, and nobody said Retain: nothing is handed over
	*claims = true
	w.restart()
	w.g.Eventually(func() []string { w.says(web, ""); return web.Finalizers }).Should(Equal([]string{v1alpha1.ServiceFinalizer}))
	w.remove(web)
	w.gone(web)
	w.g.Expect(w.sim.LoadBalancers("")).To(BeEmpty())
}
