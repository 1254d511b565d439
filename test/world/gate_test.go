package world

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// patience is for a busy machine; what is awaited takes milliseconds.
const patience = time.Minute

// scene is a gate between a client and two servers that note what reaches them.
type scene struct {
	t       *testing.T
	g       Gomega
	gate    *Gate
	cluster *httptest.Server
	toAPI   *http.Client

	mu      sync.Mutex
	reached []string
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{t: t, g: NewWithT(t)}
	s.g.SetDefaultEventuallyTimeout(patience)
	s.cluster = httptest.NewServer(http.HandlerFunc(s.watch))
	t.Cleanup(s.cluster.Close)
	var err error
	if s.gate, err = NewGate(http.HandlerFunc(s.note)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.gate.Close)
	s.toAPI = &http.Client{Transport: s.gate.Wrap(http.DefaultTransport)}
	return s
}

// note is a server that does what it is asked for; /cut it does without a word.
func (s *scene) note(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.reached = append(s.reached, r.Method+" "+r.URL.Path)
	s.mu.Unlock()
	if r.URL.Path == "/cut" {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("From", "cloud")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, "done")
}

// watch is note, and a watch that never ends by itself.
func (s *scene) watch(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/watch" {
		s.note(w, r)
		return
	}
	_, _ = io.WriteString(w, "first\n")
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

// ask sends a request to the API server, or, with a path that begins with
// /cloud, to the cloud; it gives the answer, or why there was none.
func (s *scene) ask(method, path string) (string, error) {
	s.t.Helper()
	client, url := s.toAPI, s.cluster.URL+path
	if strings.HasPrefix(path, "/cloud") || path == "/cut" {
		client, url = http.DefaultClient, s.gate.URL+path
	}
	request, err := http.NewRequestWithContext(s.t.Context(), method, url, strings.NewReader("body"))
	if err != nil {
		s.t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	return response.Header.Get("From") + " " + response.Status + " " + string(answer), err
}

func (s *scene) asks(method, path string) {
	s.t.Helper()
	if answer, err := s.ask(method, path); err != nil || answer != "cloud 202 Accepted done" {
		s.t.Fatalf("%s %s: %q, %v", method, path, answer, err)
	}
}

func (s *scene) isRefused(method, path string) {
	s.t.Helper()
	if answer, err := s.ask(method, path); err == nil {
		s.t.Fatalf("%s %s was answered: %q", method, path, answer)
	}
}

func (s *scene) arrived() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.reached)
}

func TestAGateCountsWhatChangesSomething(t *testing.T) {
	s := newScene(t)
	s.asks("GET", "/api/v1/services")
	s.asks("PATCH", "/api/v1/services/web")
	s.asks("POST", "/apis/events.k8s.io/v1/namespaces/default/events")
	s.asks("PUT", "/apis/coordination.k8s.io/v1/namespaces/default/leases/leader")
	s.asks("GET", "/cloud/load-balancer")
	s.asks("POST", "/cloud/load-balancer")
	s.g.Expect(s.gate.Writes()).To(Equal([]Write{
		{Method: "PATCH", Path: "/api/v1/services/web"},
		{Cloud: true, Method: "POST", Path: "/cloud/load-balancer"},
	}))
	s.g.Expect(s.arrived()).To(HaveLen(6))
}

func TestAKillHappensAtItsWriteOnEitherSide(t *testing.T) {
	for name, test := range map[string]struct {
		path   string
		moment Moment
		effect bool
	}{
		"before a write to the cluster":                        {"/api/v1/services/web", Before, false},
		"after a write to the cluster":                         {"/api/v1/services/web", After, true},
		"before a write to the cloud":                          {"/cloud/load-balancer", Before, false},
		"after a write to the cloud":                           {"/cloud/load-balancer", After, true},
		"after a write that the cloud takes without an answer": {"/cut", After, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.asks("PUT", "/cloud/earlier") // before the kill is planned
			s.gate.KillAt(2, test.moment)
			s.asks("PUT", "/api/v1/first")
			s.g.Expect(s.gate.Killed()).NotTo(BeClosed())
			s.isRefused("POST", test.path)
			s.g.Eventually(s.gate.Killed()).Should(BeClosed())
			arrived := []string{"PUT /cloud/earlier", "PUT /api/v1/first"}
			if test.effect {
				arrived = append(arrived, "POST "+test.path)
			}
			s.g.Expect(s.arrived()).To(Equal(arrived))
			s.g.Expect(s.gate.Writes()).To(HaveLen(3))
		})
	}
}

func TestAWriteThatIsOnItsWayTakesEffectAfterTheDeath(t *testing.T) {
	for _, path := range []string{"/api/v1/services/web", "/cloud/load-balancer", "/cut"} {
		t.Run(path, func(t *testing.T) {
			s := newScene(t)
			s.gate.KillAt(1, During)
			s.isRefused("POST", path)
			s.g.Eventually(s.gate.Killed()).Should(BeClosed())
			s.g.Expect(s.arrived()).To(BeEmpty())
			s.isRefused("POST", "/api/v1/second")
			s.gate.Close()
			s.g.Expect(s.arrived()).To(Equal([]string{"POST " + path}))
		})
	}
}

func TestNothingOfTheDeadGetsThrough(t *testing.T) {
	s := newScene(t)
	s.asks("GET", "/cloud/zone") // so that a connection is open
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.cluster.URL+"/watch", http.NoBody)
	s.g.Expect(err).NotTo(HaveOccurred())
	watch, err := s.toAPI.Do(request)
	s.g.Expect(err).NotTo(HaveOccurred())
	defer func() { _ = watch.Body.Close() }()
	first := make([]byte, len("first\n"))
	_, err = io.ReadFull(watch.Body, first)
	s.g.Expect(err).NotTo(HaveOccurred())
	before := s.arrived()

	s.gate.Kill()
	_, err = io.ReadAll(watch.Body)
	s.g.Expect(err).To(MatchError(context.Canceled), "the watch is dropped")
	for _, path := range []string{"/api/v1/services", "/apis/events.k8s.io/v1/namespaces/default/events", "/cloud/load-balancer"} {
		for _, method := range []string{"GET", "PATCH"} {
			s.isRefused(method, path)
		}
	}
	s.g.Expect(s.arrived()).To(Equal(before))
}

// Writes pass side by side, unless a kill is planned by one of them.
func TestWhenAKillIsPlannedWritesPassOneAtATime(t *testing.T) {
	s := newScene(t)
	s.gate.KillAt(5, Before)
	var writers sync.WaitGroup
	for range 20 {
		writers.Go(func() { _, _ = s.ask("POST", "/cloud/load-balancer") })
	}
	writers.Wait()
	s.g.Expect(s.arrived()).To(HaveLen(4), "exactly those before the fifth have taken effect")
}
