//go:build linux

package e2e

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/e2e/node"
)

// sidecarInfoPort is where sidecars always answer, unless the Pod uses it itself.
const sidecarInfoPort = 18054

// ending is what was seen of the end of a Pod, and when.
type ending struct {
	deleted      time.Time
	drained      time.Time // the sidecar's preStop hook was done
	bad          time.Time // the sidecar told so, to who asked from outside
	toldToEnd    time.Time // the application got its signal
	lastAnswer   time.Time // of the application
	sidecarEnded time.Time
}

// onePodEnds: a native sidecar gets its signal only after the application has
// ended, but its preStop hook is called at once.
func (s *scene) onePodEnds() {
	pod := s.eventuallyReady(game, pods)[0]
	e := s.end(pod)
	s.tellEnding(e)
	s.Expect(e.drained).To(BeTemporally("<", e.toldToEnd), "the health is bad before the application ends")
	s.Expect(e.bad).To(BeTemporally("<", e.lastAnswer), "it answers on while the health is bad")
	s.Expect(e.toldToEnd).To(BeTemporally("<", e.sidecarEnded), "the sidecar ends last")
	s.eventuallyReady(game, pods)
}

// aHastyPodEnds only tells: without a delay of its own, the application gets its
// signal while the sidecar's hook runs, and nobody waits for either.
func (s *scene) aHastyPodEnds() {
	s.createDeployment(hasty, 1, func(pod *corev1.PodTemplateSpec) {
		pod.Labels[v1alpha1.LabelUDPHealthCheck] = "true" // no Service asks for it
		pod.Annotations = map[string]string{v1alpha1.AnnotationUDPHealthCheckProbe: fmt.Sprintf("%d/%s", echoPort, probe)}
		pod.Spec.Containers[0].Lifecycle = nil
	})
	s.tellEnding(s.end(s.eventuallyReady(hasty, 1)[0]))
}

// aRollingRestartIsntFelt: the delay of the applications covers what it takes until
// nobody sends to a Pod that ends. A few answers may be lost all the same: those on
// their way while kube-proxy forgets which client was led to the Pod.
func (s *scene) aRollingRestartIsntFelt() {
	before := s.eventuallyReady(game, pods)
	for _, service := range []string{wide, near} {
		s.staysHealthy(service, func(to *v1alpha1.NLBService) {
			flows := s.startFlows(to, 8)
			s.restart(game)
			s.eventuallyGone(before...)
			before = s.eventuallyReady(game, pods)
			sent, lost := flows.stop()
			s.Logf("Service %s, during a rolling restart: %d datagrams sent, %d answered", service, sent, sent-lost)
			s.Expect(lost).To(BeNumerically("<", sent/100))
		})
	}
}

func (s *scene) tellEnding(e ending) {
	s.Helper()
	s.Logf("after the deletion: the sidecar drains at %s and tells so at %s, the application gets its signal at %s, answers until %s, the sidecar ends at %s",
		e.after(e.drained), e.after(e.bad), e.after(e.toldToEnd), e.after(e.lastAnswer), e.after(e.sidecarEnded))
}

func (e ending) after(moment time.Time) string {
	if moment.IsZero() {
		return "no time"
	}
	return moment.Sub(e.deleted).Round(time.Millisecond).String()
}

// end deletes a Pod and watches it from outside until it is gone.
func (s *scene) end(pod corev1.Pod) ending {
	s.Helper()
	application, sidecar := s.openLog(pod, applicationContainer), s.openLog(pod, v1alpha1.SidecarContainer)
	e := ending{}
	gone := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() { e.watch(pod.Status.PodIP, gone) })

	e.deleted = time.Now()
	s.must(s.client.Delete(s.Context(), &pod))
	s.eventuallyGone(pod)
	close(gone)
	watching.Wait()
	e.toldToEnd = s.said(application, "ending at")
	e.drained = s.said(sidecar, "draining")
	e.sidecarEnded = s.said(sidecar, "ended")
	return e
}

// watch a Pod's sidecar and application, until it is gone.
func (e *ending) watch(ip string, gone <-chan struct{}) {
	const pause, patience = 20 * time.Millisecond, 200 * time.Millisecond
	sidecar := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		response, err := sidecar.Get("http://" + net.JoinHostPort(ip, strconv.Itoa(sidecarInfoPort)) + "/healthz")
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusServiceUnavailable && e.bad.IsZero() {
				e.bad = time.Now()
			}
		}
		if _, err := askWithin(patience, "udp4", net.JoinHostPort(ip, strconv.Itoa(echoPort)), "still there?"); err == nil {
			e.lastAnswer = time.Now()
		}
		select {
		case <-gone:
			return
		case <-time.After(pause):
		}
	}
}

func (s *scene) openLog(pod corev1.Pod, container string) *node.Log {
	s.Helper()
	log, err := node.OpenLog(&pod, container)
	s.must(err)
	s.stops(log.Close)
	return log
}

// said tells when a text was said first.
func (s *scene) said(log *node.Log, text string) time.Time {
	s.Helper()
	lines, err := log.Lines()
	s.must(err)
	for _, line := range lines {
		if strings.Contains(line.Text, text) {
			return line.Time
		}
	}
	s.Fatalf("nobody said %q: %v", text, lines)
	return time.Time{}
}
