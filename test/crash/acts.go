package main

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/nlb"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

const ccmFinalizer = "service.kubernetes.io/load-balancer-cleanup"

func nothing(*story) error { return nil }

// webService has a TCP and a UDP port.
func (st *story) webService(annotations ...string) *corev1.Service {
	class := v1alpha1.LoadBalancerClass
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: st.namespace, Name: "web", Annotations: map[string]string{v1alpha1.AnnotationInstancePoolID: workersID}},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeLoadBalancer, LoadBalancerClass: &class, Selector: map[string]string{"app": "web"},
			Ports: []corev1.ServicePort{{Name: "http", Port: 80, Protocol: corev1.ProtocolTCP}, {Name: "dns", Port: 53, Protocol: corev1.ProtocolUDP}},
		},
	}
	for i := 0; i < len(annotations); i += 2 {
		service.Annotations[annotations[i]] = annotations[i+1]
	}
	return service
}

func createWeb(st *story) error { return st.client.Create(st.ctx, st.webService()) }

func createRetained(st *story) error {
	return st.client.Create(st.ctx, st.webService(v1alpha1.AnnotationDeletionPolicy, "Retain"))
}

func createWatched(st *story) error {
	return st.client.Create(st.ctx, st.webService(v1alpha1.AnnotationUDPHealthCheck, v1alpha1.UDPHealthCheckSidecar))
}

func watchUDP(st *story) error {
	return st.edit(func(s *corev1.Service) {
		s.Annotations[v1alpha1.AnnotationUDPHealthCheck] = v1alpha1.UDPHealthCheckSidecar
	})
}

func watchUDPNoMore(st *story) error {
	return st.edit(func(s *corev1.Service) { delete(s.Annotations, v1alpha1.AnnotationUDPHealthCheck) })
}

func deleteWeb(st *story) error {
	return st.client.Delete(st.ctx, &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: st.namespace, Name: "web"}})
}

// updateWeb changes the NLB and both its services.
func updateWeb(st *story) error {
	for {
		err := st.edit(func(s *corev1.Service) {
			s.Annotations[v1alpha1.AnnotationDescription] = "the shop"
			s.Annotations[v1alpha1.AnnotationHealthCheckRetries] = "3"
			s.Spec.Ports[0].NodePort = st.nodePort()
		})
		if !apierrors.IsInvalid(err) { // the port may have been given to another story
			return err
		}
	}
}

func addPort(st *story) error {
	return st.edit(func(s *corev1.Service) {
		s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: "https", Port: 443, Protocol: corev1.ProtocolTCP})
	})
}

func removePort(st *story) error {
	return st.edit(func(s *corev1.Service) { s.Spec.Ports = s.Spec.Ports[:1] })
}

func changePool(st *story) error {
	return st.edit(func(s *corev1.Service) { s.Annotations[v1alpha1.AnnotationInstancePoolID] = greenID })
}

// selectPool has the Nodes of a pool chosen, as a fleet does whose nodepools are
// replaced: the operator finds the pool, and leaves the other once this is healthy.
func (st *story) selectPool(service *corev1.Service, pool string) {
	var names []string
	for _, instance := range st.fleet.members {
		if instance.Manager.ID == pool {
			names = append(names, instance.Name)
		}
	}
	delete(service.Annotations, v1alpha1.AnnotationInstancePoolID)
	service.Annotations[v1alpha1.AnnotationNodeSelector] = fmt.Sprintf("%s in (%s)", corev1.LabelHostname, strings.Join(names, ","))
}

func createSelecting(st *story) error {
	service := st.webService()
	st.selectPool(service, workersID)
	return st.client.Create(st.ctx, service)
}

func selectGreen(st *story) error {
	return st.edit(func(s *corev1.Service) { st.selectPool(s, greenID) })
}

func toClusterIP(st *story) error {
	return st.edit(func(s *corev1.Service) { s.Spec.Type, s.Spec.LoadBalancerClass = corev1.ServiceTypeClusterIP, nil })
}

// createWebAndShared makes the Service, and an NLB that it doesn't use yet.
func createWebAndShared(st *story) error {
	shared := &v1alpha1.NetworkLoadBalancer{ObjectMeta: metav1.ObjectMeta{Namespace: st.namespace, Name: "shared"}}
	if err := st.client.Create(st.ctx, shared); err != nil {
		return err
	}
	return createWeb(st)
}

func share(st *story) error {
	return st.edit(func(s *corev1.Service) { s.Annotations[v1alpha1.AnnotationLoadBalancer] = "shared" })
}

// plainService is a service on a TCP port as an NLBService with the defaults has it.
func plainService(uid string, port int64) exosim.Service {
	return exosim.Service{
		Name: fmt.Sprintf("%s-%d", uid, port), Protocol: "tcp", Strategy: "round-robin", Port: port, TargetPort: 30000 + port,
		InstancePool: exosim.PoolRef{ID: workersID},
		HealthCheck:  exosim.HealthCheck{Mode: "tcp", Port: 30000 + port, Interval: 10, Timeout: 5, Retries: 1},
	}
}

// ccmServes is a Service as the CCM leaves it, with the NLB that it made.
func ccmServes(st *story) error {
	service := st.webService()
	service.Spec.LoadBalancerClass, service.Finalizers = nil, []string{ccmFinalizer}
	if err := st.client.Create(st.ctx, service); err != nil {
		return err
	}
	lb := exosim.LoadBalancer{Name: "k8s-" + string(service.UID)}
	for _, port := range service.Spec.Ports {
		made := serviceFor(service, port)
		made.InstancePool.ID = workersID
		if port.Protocol == corev1.ProtocolUDP { // which the CCM probes on a port where nothing answers
			made.HealthCheck = exosim.HealthCheck{Mode: "tcp", Port: int64(port.NodePort), Interval: 10, Timeout: 5, Retries: 1}
		}
		lb.Services = append(lb.Services, made)
	}
	st.before = st.cloud.PutLoadBalancer("", lb)
	return st.edit(func(s *corev1.Service) { s.Annotations[v1alpha1.AnnotationID] = st.before.ID })
}

// consent is an NLB that its owner gives away, with a service that stays theirs.
func consent(st *story) error {
	st.before = st.cloud.PutLoadBalancer("", exosim.LoadBalancer{
		Name: "by-hand", Description: "stays", Services: []exosim.Service{plainService("theirs", 443)},
		Labels: map[string]string{"team": "a", v1alpha1.CloudLabelAdopt: nlb.LabelValue(clusterID + "/" + st.namespace + "/edge")},
	})
	return nil
}

func adopt(st *story) error {
	edge := &v1alpha1.NetworkLoadBalancer{
		ObjectMeta: metav1.ObjectMeta{Namespace: st.namespace, Name: "edge"},
		Spec:       v1alpha1.NetworkLoadBalancerSpec{ID: st.before.ID, Description: st.before.Description},
	}
	if err := st.client.Create(st.ctx, edge); err != nil {
		return err
	}
	return st.client.Create(st.ctx, &v1alpha1.NLBService{
		ObjectMeta: metav1.ObjectMeta{Namespace: st.namespace, Name: "web-81"},
		Spec: v1alpha1.NLBServiceSpec{
			LoadBalancerRef: v1alpha1.LoadBalancerReference{Name: "edge"}, Port: 81, TargetPort: 30081,
			Target: v1alpha1.Target{InstancePoolID: workersID},
		},
	})
}

// terraform is an NLB that was made elsewhere, with a service on it.
func terraform(st *story) error {
	st.terraformed = st.cloud.PutLoadBalancer("", exosim.LoadBalancer{
		Name: "terraform", Description: "theirs", Labels: map[string]string{"team": "a"},
		Services: []exosim.Service{plainService("theirs", 443)},
	})
	return nil
}

func attach(st *story) error {
	return st.client.Create(st.ctx, st.webService(v1alpha1.AnnotationExternal, "true", v1alpha1.AnnotationID, st.terraformed.ID))
}

func terraformAttached(st *story) error {
	if err := terraform(st); err != nil {
		return err
	}
	return attach(st)
}

// ownName is what users call a service of theirs.
const ownName = "shop"

// createNamed attaches to the NLB that was made elsewhere, with a service of the
// user's own name.
func createNamed(st *story) error {
	edge := &v1alpha1.NetworkLoadBalancer{
		ObjectMeta: metav1.ObjectMeta{Namespace: st.namespace, Name: "edge"},
		Spec:       v1alpha1.NetworkLoadBalancerSpec{ManagementPolicy: v1alpha1.External, ID: st.terraformed.ID},
	}
	if err := st.client.Create(st.ctx, edge); err != nil {
		return err
	}
	return st.client.Create(st.ctx, &v1alpha1.NLBService{
		ObjectMeta: metav1.ObjectMeta{Namespace: st.namespace, Name: "web-81"},
		Spec: v1alpha1.NLBServiceSpec{
			LoadBalancerRef: v1alpha1.LoadBalancerReference{Name: "edge"}, Name: ownName, Port: 81, TargetPort: 30081,
			Target: v1alpha1.Target{InstancePoolID: workersID},
		},
	})
}

func terraformNamed(st *story) error {
	if err := terraform(st); err != nil {
		return err
	}
	return createNamed(st)
}

func deleteNamed(st *story) error {
	for _, object := range []client.Object{
		&v1alpha1.NLBService{ObjectMeta: metav1.ObjectMeta{Namespace: st.namespace, Name: "web-81"}},
		&v1alpha1.NetworkLoadBalancer{ObjectMeta: metav1.ObjectMeta{Namespace: st.namespace, Name: "edge"}},
	} {
		if err := st.client.Delete(st.ctx, object); err != nil {
			return err
		}
	}
	return nil
}

// createTaken is createNamed a moment after the owner of the NLB has put a service
// of that very name on that very port: no list of ours shows it yet.
func createTaken(st *story) error {
	taken := named(plainService("", 81))
	taken.TargetPort, taken.State = 8081, exosim.StateRunning
	st.cloud.MutateLoadBalancer(st.terraformed.ID, func(lb *exosim.LoadBalancer) {
		taken.ID = "cccccccc-0000-4000-8000-000000000081"
		lb.Services = append(lb.Services, taken)
	})
	st.terraformed, _ = st.cloud.LoadBalancer(st.terraformed.ID)
	return createNamed(st)
}

// named is a service under the user's own name.
func named(service exosim.Service) exosim.Service {
	service.Name = ownName
	return service
}

// elsewhere is an NLB in the same account that has nothing to do with anything,
// though it looks as if: its name and its service's are like ours.
func elsewhere(st *story) {
	service := plainService("5f9d2b1a-7a8e-4f0f-9d4e-2c6c6b1f3a77", 80)
	lb := exosim.LoadBalancer{
		Name: "k8s-5f9d2b1a-7a8e-4f0f-9d4e-2c6c6b1f3a77", Services: []exosim.Service{service},
		Labels: map[string]string{v1alpha1.CloudLabelCluster: "another-cluster", v1alpha1.CloudLabelOwner: nlb.LabelValue(st.namespace + "/web")},
	}
	st.foreign = slices.Clip([]exosim.LoadBalancer{st.cloud.PutLoadBalancer("", lb)})
}
