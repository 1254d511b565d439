package sidecar

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/udpprobe"
)

// targets are what the sidecar of a Pod watches: the UDP ports that the asking
// Services send to and those that the Pod's annotation names; without either the
// UDP ports of its containers. Each is checked as the Pod's annotation says, else
// as the Service's does, else for its socket.
//
// What is written down wrong makes all of it void, since nobody can know what was
// meant. The notes then say why; else they tell what is left out.
func targets(pod *corev1.Pod, asking []*corev1.Service) (found []udpprobe.Target, notes []string) {
	if len(asking) > maxServices {
		return nil, []string{fmt.Sprintf("%d Services ask for it, and no more than %d are looked at; take the annotation %s off some of them", len(asking), maxServices, v1alpha1.AnnotationUDPHealthCheck)}
	}
	s := &search{ports: portsOf(pod)}
	s.own = s.read(pod.Annotations, "the Pod")
	for _, service := range asking {
		s.addService(service)
	}
	s.addOwn(len(asking) == 0)
	if err := udpprobe.Affordable(s.found); err != nil {
		s.wrong.add("%v", err)
	}
	if len(s.wrong) > 0 {
		return nil, s.wrong
	}
	return s.found, s.notes
}

// How much is looked at, since anybody may ask.
const (
	maxServices     = 100 // that ask for one Pod
	maxServicePorts = 500 // of one of them
	maxFound        = 500 // targets: far more than are allowed
	maxNotes        = 10  // that are told of one Pod
)

// search for what is to be watched.
type search struct {
	ports ports
	// own are the checks of the Pod's annotation.
	own   []udpprobe.Spec
	found []udpprobe.Target
	// notes tell what can't be watched, wrong what makes no sense.
	notes, wrong remarks
}

// remarks are the first of those that there are.
type remarks []string

func (r *remarks) add(format string, args ...any) {
	if len(*r) < maxNotes {
		*r = append(*r, fmt.Sprintf(format, args...))
	}
}

// read gives the checks that the annotation of somebody holds.
func (s *search) read(annotations map[string]string, whose string) []udpprobe.Spec {
	text := annotations[v1alpha1.AnnotationUDPHealthCheckProbe]
	if text == "" { // what a template renders of a variable that isn't set
		return nil
	}
	specs, err := udpprobe.ParseAnnotation(text)
	if err != nil {
		s.wrong.add("annotation %s of %s: %v", v1alpha1.AnnotationUDPHealthCheckProbe, whose, err)
	}
	return specs
}

// addService adds the ports of the Pod that a Service sends to.
func (s *search) addService(service *corev1.Service) {
	whose := "Service " + service.Name
	specs := s.read(service.Annotations, whose)
	if len(service.Spec.Ports) > maxServicePorts {
		s.wrong.add("%s has %d ports, and no more than %d are looked at", whose, len(service.Spec.Ports), maxServicePorts)
		return
	}
	meant := map[string]bool{} // of the Pod's ports, as the Service and the Pod call them
	for _, port := range service.Spec.Ports {
		if port.Protocol != corev1.ProtocolUDP {
			continue
		}
		name := sentTo(port)
		meant[name] = true
		number := s.ports.number(name)
		if number == 0 {
			s.notes.add("%s sends UDP port %d to a port named %q, but no container of the Pod has a UDP port of that name", whose, port.Port, name)
			continue
		}
		for _, called := range s.ports.names(number) {
			meant[called] = true
		}
		s.add(number, specs)
	}
	if len(meant) == 0 {
		s.notes.add("%s has no UDP port", whose)
	}
	for _, spec := range specs {
		if spec.Port != "" && !meant[spec.Port] {
			s.wrong.add("annotation %s of %s names port %s, to which the Service sends no UDP", v1alpha1.AnnotationUDPHealthCheckProbe, whose, spec.Port)
		}
	}
}

// addOwn adds the ports that the Pod's annotation names, and, if no Service says
// which ports there are, those of its containers.
func (s *search) addOwn(alone bool) {
	every := len(s.own) == 0
	for _, spec := range s.own {
		if spec.Port == "" {
			every = true
			continue
		}
		number := s.ports.number(spec.Port)
		if number == 0 {
			s.wrong.add("annotation %s of the Pod names port %s, but no container has a UDP port of that name", v1alpha1.AnnotationUDPHealthCheckProbe, spec.Port)
			continue
		}
		s.add(number, nil)
	}
	if !alone || !every {
		return
	}
	for _, port := range s.ports.udp {
		s.add(port.ContainerPort, nil)
	}
	if len(s.found) == 0 {
		s.notes.add("nothing tells which UDP port to watch; name it among the ports of the Pod's container, or in the annotation %s", v1alpha1.AnnotationUDPHealthCheckProbe)
	}
}

// add watches a port by what is said of it, by the Pod before the others.
func (s *search) add(number int32, others []udpprobe.Spec) {
	specs := s.about(number, s.own)
	if len(specs) == 0 {
		specs = s.about(number, others)
	}
	if len(specs) == 0 {
		specs = []udpprobe.Spec{udpprobe.Default()}
	}
	for _, spec := range specs {
		if target := spec.At(number); len(s.found) < maxFound && !slices.Contains(s.found, target) {
			s.found = append(s.found, target)
		}
	}
}

// about are the checks that name a port, else those of every port.
func (s *search) about(number int32, specs []udpprobe.Spec) []udpprobe.Spec {
	names := s.ports.names(number)
	var named, every []udpprobe.Spec
	for _, spec := range specs {
		switch {
		case slices.Contains(names, spec.Port):
			named = append(named, spec)
		case spec.Port == "":
			every = append(every, spec)
		}
	}
	if len(named) > 0 {
		return named
	}
	return every
}
