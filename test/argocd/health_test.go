package argocd

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/metrics"
	"github.com/exoscale-community/nlb-operator/test/exosim"
	"github.com/exoscale-community/nlb-operator/test/world"
)

// What the scripts say.
const (
	progressing = "Progressing"
	healthy     = "Healthy"
	degraded    = "Degraded"
)

// sameAs is what kstatus calls the states.
var sameAs = map[status.Status]string{
	status.CurrentStatus: healthy, status.InProgressStatus: progressing,
	status.FailedStatus: degraded, status.TerminatingStatus: progressing,
}

// agreed is the verdict on an object of our kinds, if kstatus comes to the same.
func agreed(t *testing.T, object map[string]any) (verdict, error) {
	t.Helper()
	got := judge(t, healthScript, object)
	result, err := status.Compute(&unstructured.Unstructured{Object: object})
	if err == nil && sameAs[result.Status] != got.Status {
		err = fmt.Errorf("kstatus says %s (%s), the script %+v, of %v", result.Status, result.Message, got, object)
	}
	return got, err
}

// TestEveryCombinationOfConditions goes through more than the operator writes.
func TestEveryCombinationOfConditions(t *testing.T) {
	const absent = ""
	for _, observed := range []int64{1, 2} {
		for _, deleted := range []bool{false, true} {
			for _, stands := range []string{absent, "Stalled", "Reconciling"} {
				for _, ready := range []string{"True", "False", "Unknown"} {
					object := map[string]any{
						"apiVersion": v1alpha1.GroupVersion.String(), "kind": "NLBService",
						"metadata": map[string]any{"name": "web", "generation": int64(2)},
					}
					if deleted {
						object["metadata"].(map[string]any)["deletionTimestamp"] = "2026-08-07T12:00:00Z"
					}
					condition := func(kind, status string) any {
						return map[string]any{"type": kind, "status": status, "reason": "Because", "message": "Of this"}
					}
					conditions := []any{condition("Accepted", "True"), condition("Ready", ready), condition("BackendsHealthy", "False")}
					if stands != absent {
						conditions = append(conditions, condition(stands, "True"))
					}
					object["status"] = map[string]any{"observedGeneration": observed, "conditions": conditions}
					if _, err := agreed(t, object); err != nil {
						t.Error(err)
					}
				}
			}
		}
	}
}

func TestHealthOfRealObjects(t *testing.T) {
	s := newScene(t, "health")
	edge, http80 := s.loadBalancer("edge"), s.nlbService("edge-http", "edge", 80, "workers")
	s.make(edge)
	s.is(edge, progressing, "hasn't looked at it yet")
	operator := s.operate()

	t.Run("what works", func(t *testing.T) {
		s.make(http80)
		s.is(edge, healthy, "")
		s.is(http80, healthy, "")
		s.cloud.SetHealth(s.cloud.Members(s.pool.ID)[0].ID, false)
		s.is(http80, healthy, "None of 1 backends passes its health check")
	})
	t.Run("what somebody has to mend", func(t *testing.T) {
		rival, lost := s.nlbService("rival", "edge", 80, "workers"), s.nlbService("lost", "edge", 81, "nowhere")
		missing := s.loadBalancer("missing")
		missing.Spec.ManagementPolicy, missing.Spec.Name = v1alpha1.External, "terraform"
		s.make(rival, lost, missing)
		s.is(rival, degraded, "PortConflict: ")
		s.is(lost, degraded, "NotFound: ")
		s.is(missing, degraded, "NotFound: ")
	})
	t.Run("what waits for its deletion", func(t *testing.T) {
		leaving := s.loadBalancer("leaving")
		s.make(leaving)
		s.is(leaving, healthy, "")
		s.cloud.MutateLoadBalancer(leaving.Status.ID, func(lb *exosim.LoadBalancer) { lb.Services = append(lb.Services, s.foreignService(25)) })
		s.Expect(s.Delete(t.Context(), leaving)).To(Succeed())
		s.is(leaving, progressing, "Being deleted, and waits: ")
	})
	t.Run("what Exoscale answers", func(t *testing.T) {
		refused := s.cloud.Fault(exosim.Fault{Operation: "list-load-balancers", Kind: exosim.FaultStatus, Status: http.StatusUnauthorized})
		s.is(edge, degraded, "InvalidCredentials: ")
		refused()
		broken := s.cloud.Fault(exosim.Fault{Operation: "list-load-balancers", Kind: exosim.FaultStatus, Status: http.StatusServiceUnavailable})
		s.is(edge, progressing, "Retrying: ")
		broken()
		s.is(edge, healthy, "")
	})
	t.Run("NodeIdentities", func(t *testing.T) {
		awaited := s.cloud.ScalePool(s.pool.ID, 2).Instances[1].ID
		extra := s.cloud.AddInstance("", exosim.Instance{Name: "extra"})
		misnamed := extra
		misnamed.Name = "misnamed"
		s.Expect(world.JoinNodes(t.Context(), s, []exosim.Instance{misnamed})).To(Succeed())
		s.nodeIdentityIs(s.cloud.Members(s.pool.ID)[0].ID, healthy, "")
		s.nodeIdentityIs(awaited, progressing, "NotJoined: ")
		s.nodeIdentityIs(extra.ID, degraded, "NameMismatch: ")
	})
	t.Run("what is under way", func(t *testing.T) {
		s.cloud.SetOperationDelay(time.Hour)
		slow := s.loadBalancer("slow")
		s.make(slow)
		s.is(slow, progressing, "Creating: ")
	})
	t.Run("what nobody has seen yet", func(t *testing.T) {
		s.Expect(operator.Stop()).To(Succeed())
		s.Expect(s.Get(t.Context(), client.ObjectKeyFromObject(edge), edge)).To(Succeed())
		edge.Spec.Description = "another"
		s.Expect(s.Update(t.Context(), edge)).To(Succeed())
		s.is(edge, progressing, "hasn't looked at it yet")
	})
}

func TestHealthOfRealServices(t *testing.T) {
	s := newScene(t, "services")
	web := service(s.namespace, "web", nil)
	s.make(web)
	s.serviceIs(web, progressing, "Waiting for the address")
	s.operate()
	s.serviceIs(web, healthy, "")
	wrong := service(s.namespace, "wrong", map[string]string{v1alpha1.AnnotationStrategy: "fastest"})
	shared := s.loadBalancer("shared")
	s.make(wrong, shared, s.nlbService("first", "shared", 80, "workers"))
	s.serviceIs(wrong, degraded, "Invalid: ")
	s.is(s.nlbService("first", "shared", 80, "workers"), healthy, "")
	rival := service(s.namespace, "rival", map[string]string{v1alpha1.AnnotationLoadBalancer: "shared"})
	s.make(rival)
	s.serviceIs(rival, degraded, "PortConflict: ")
}

// A Service has no condition that tells what passes: the script has a list, and
// agrees with the metrics, which have one, too.
func TestTheScriptForServicesAgreesWithTheMetrics(t *testing.T) {
	same := map[metrics.State]string{metrics.Reconciling: progressing, metrics.Stalled: degraded}
	for _, reason := range []string{
		v1alpha1.ReasonPending, v1alpha1.ReasonCreating, v1alpha1.ReasonUpdating, v1alpha1.ReasonDeleting, v1alpha1.ReasonWaitingForLoadBalancer,
		v1alpha1.ReasonWaitingForOperation, v1alpha1.ReasonWaitingForAddress, v1alpha1.ReasonWaitingForServices, v1alpha1.ReasonWaitingForNodePort,
		v1alpha1.ReasonWaitingForVerification, v1alpha1.ReasonLoadBalancerDeleting, v1alpha1.ReasonRetrying,
		v1alpha1.ReasonInvalid, v1alpha1.ReasonPortConflict, v1alpha1.ReasonNotFound, v1alpha1.ReasonInvalidCredentials, v1alpha1.ReasonForbidden,
		v1alpha1.ReasonQuotaExceeded, v1alpha1.ReasonServiceLimitReached, v1alpha1.ReasonCloudError, v1alpha1.ReasonNoEligibleNodes,
	} {
		for _, address := range []bool{false, true} {
			object := service("shop", "web", nil)
			object.Finalizers = []string{v1alpha1.ServiceFinalizer}
			object.Status.Conditions = []metav1.Condition{
				{Type: v1alpha1.ServiceConditionAccepted, Status: metav1.ConditionTrue},
				{Type: v1alpha1.ServiceConditionProgrammed, Status: metav1.ConditionFalse, Reason: reason, Message: "because"},
			}
			if address {
				object.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "192.0.2.1"}}
			}
			census := metrics.Take(metrics.Objects{Services: []corev1.Service{*object}})
			if want, got := same[census.Unready[0].State], judge(t, serviceScript, plain(t, object)); got.Status != want {
				t.Errorf("%s: the script says %+v, the metrics %s", reason, got, census.Unready[0].State)
			}
		}
	}
}

func TestServicesOfOthersAreJudgedAsArgoCDDoes(t *testing.T) {
	inside := service("shop", "web", nil)
	inside.Spec.Type = corev1.ServiceTypeClusterIP
	waiting, served := service("shop", "web", nil), service("shop", "web", nil)
	served.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{Hostname: "lb.example.com"}}
	for want, objects := range map[string][]*corev1.Service{healthy: {inside, served}, progressing: {waiting}} {
		for _, object := range objects {
			if got := judge(t, serviceScript, plain(t, object)); got.Status != want {
				t.Errorf("got %+v, want %s, of %+v", got, want, object.Status)
			}
		}
	}
}

// plain is an object as Argo CD reads it.
func plain(t *testing.T, object runtime.Object) map[string]any {
	t.Helper()
	converted, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		t.Fatal(err)
	}
	return converted
}
