package exosim_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	v3 "github.com/exoscale/egoscale/v3"
	. "github.com/onsi/gomega"

	"github.com/exoscale-community/nlb-operator/test/exosim"
)

const patience = time.Minute

// moving is a world in real time whose NLBs forward traffic; probes are hurried.
func moving(t *testing.T) *world {
	t.Helper()
	return given(t, func(o *exosim.Options) {
		o.DataPlane, o.ProbeTimeScale, o.Clock = true, 200, nil
	})
}

// answering lets every instance of the pool answer HTTP and UDP with its own
// address, all at the same port.
func (w *world) answering() (port int64) {
	w.t.Helper()
	for _, member := range w.Members(w.pool.ID) {
		listener := w.listen(member.PublicIP, port)
		port = int64(listener.Addr().(*net.TCPAddr).Port)
		server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(rw, member.PublicIP)
		})}
		go func() { _ = server.Serve(listener) }()
		w.t.Cleanup(func() { _ = server.Close() })
		w.answerDatagrams(member.PublicIP, port)
	}
	return port
}

func (w *world) listen(ip string, port int64) net.Listener {
	w.t.Helper()
	listener, err := net.Listen("tcp4", fmt.Sprintf("%s:%d", ip, port))
	if err != nil {
		w.t.Fatal(err)
	}
	return listener
}

func (w *world) answerDatagrams(ip string, port int64) {
	w.t.Helper()
	conn, err := net.ListenPacket("udp4", fmt.Sprintf("%s:%d", ip, port))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = conn.Close() })
	go func() {
		buffer := make([]byte, 1500)
		for {
			_, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			_, _ = conn.WriteTo([]byte(ip), from)
		}
	}()
}

// asked sends one HTTP request and gives the answer, or "" if there is none.
func asked(address string) string {
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get("http://" + address)
	if err != nil {
		return ""
	}
	defer response.Body.Close()
	body := make([]byte, 64)
	n, _ := response.Body.Read(body)
	return string(body[:n])
}

// healths are the health statuses of an NLB's only service, as the API tells.
func (w *world) healths(lb v3.UUID) string {
	got, err := w.sdk.GetLoadBalancer(context.Background(), lb)
	if err != nil {
		return err.Error()
	}
	var told []string
	for _, health := range got.Services[0].HealthcheckStatus {
		told = append(told, string(health.Status))
	}
	return strings.Join(told, " ")
}

func TestTrafficGoesToTheBackendsThatTheirProbesFindHealthy(t *testing.T) {
	t.Parallel()
	w, ctx := moving(t), context.Background()
	nodePort := w.answering()
	members := w.Members(w.pool.ID)

	lb := w.nlb("web")
	request := w.onPort("http", 18080)
	request.TargetPort, request.Healthcheck.Port = nodePort, nodePort
	w.done(w.sdk.AddServiceToLoadBalancer(ctx, lb, request))
	shown, err := w.sdk.GetLoadBalancer(ctx, lb)
	address := must(t, shown, err).IP.String() + ":18080"
	if !shown.IP.IsLoopback() {
		t.Fatalf("the NLB has address %s", shown.IP)
	}

	answers := func() map[string]bool {
		seen := map[string]bool{}
		for range 4 {
			seen[asked(address)] = true
		}
		return seen
	}
	g := NewWithT(t)
	g.Eventually(func() string { return w.healths(lb) }).WithTimeout(patience).Should(Equal("success success"))
	g.Expect(answers()).To(Equal(map[string]bool{members[0].PublicIP: true, members[1].PublicIP: true}))

	w.StopInstance(members[0].ID)
	g.Expect(w.healths(lb)).To(Equal("failure success"))
	g.Expect(answers()).To(Equal(map[string]bool{members[1].PublicIP: true}))

	w.StartInstance(members[0].ID)
	g.Eventually(func() string { return w.healths(lb) }).WithTimeout(patience).Should(Equal("success success"))
	w.SetHealth(members[1].ID, false)
	g.Expect(answers()).To(Equal(map[string]bool{members[0].PublicIP: true}))
	w.SetHealth(members[1].ID, true)

	w.DeleteInstance(members[0].ID)
	g.Eventually(func() string { return w.healths(lb) }).WithTimeout(patience).Should(Equal("success"))
	g.Expect(answers()).To(Equal(map[string]bool{members[1].PublicIP: true}))

	w.DeleteLoadBalancer(lb.String())
	g.Expect(answers()).To(Equal(map[string]bool{"": true}))
}

func TestDatagramsGoThroughAnNLBProbedOverTCP(t *testing.T) {
	t.Parallel()
	w, ctx := moving(t), context.Background()
	nodePort := w.answering()
	lb := w.nlb("dns")
	request := w.onPort("dns", 18053)
	request.Protocol, request.TargetPort, request.Healthcheck.Port = "udp", nodePort, nodePort
	w.done(w.sdk.AddServiceToLoadBalancer(ctx, lb, request))
	g := NewWithT(t)
	g.Eventually(func() string { return w.healths(lb) }).WithTimeout(patience).Should(Equal("success success"))

	shown, _ := w.LoadBalancer(lb.String())
	conn, err := net.Dial("udp4", shown.IP+":18053")
	must(t, conn, err)
	defer conn.Close()
	must(t, conn, conn.SetDeadline(time.Now().Add(patience)))
	_, err = conn.Write([]byte("?"))
	must(t, "", err)
	answer := make([]byte, 64)
	n, err := conn.Read(answer)
	if backend := string(answer[:must(t, n, err)]); backend != w.Members(w.pool.ID)[0].PublicIP && backend != w.Members(w.pool.ID)[1].PublicIP {
		t.Errorf("answered by %q", backend)
	}
}

func TestAServiceMovesTrafficWhenItsOperationEndsThoughNobodyLooks(t *testing.T) {
	t.Parallel()
	w := moving(t)
	nodePort := w.answering()
	lb := w.PutLoadBalancer("", exosim.LoadBalancer{Name: "web"})
	w.SetOperationDelay(200 * time.Millisecond)
	request := w.onPort("http", 18081)
	request.TargetPort, request.Healthcheck.Port = nodePort, nodePort
	must(t, "", second(w.sdk.AddServiceToLoadBalancer(context.Background(), v3.UUID(lb.ID), request)))
	NewWithT(t).Eventually(func() string { return asked(lb.IP + ":18081") }).WithTimeout(patience).ShouldNot(BeEmpty())
}

func TestWhatTheDataPlaneCantDoIsInTheState(t *testing.T) {
	t.Parallel()
	w := moving(t)
	lb := w.PutLoadBalancer("", exosim.LoadBalancer{Name: "web"})
	taken := w.listen(lb.IP, 18082)
	defer taken.Close()
	w.PutLoadBalancer("", exosim.LoadBalancer{ID: lb.ID, Name: "web", IP: lb.IP, Services: []exosim.Service{{
		Name: "http", Port: 18082, InstancePool: exosim.PoolRef{ID: w.pool.ID},
	}}})
	if got := w.Snapshot().DataPlaneError; !strings.Contains(got, lb.IP+":18082") || !strings.Contains(got, "address already in use") {
		t.Errorf("the state says %q", got)
	}
}

func TestCloudsWithADataPlaneHaveAddressesOfTheirOwn(t *testing.T) {
	t.Parallel()
	one, other := moving(t), moving(t)
	a, b := one.PutLoadBalancer("", exosim.LoadBalancer{Name: "web"}), other.PutLoadBalancer("", exosim.LoadBalancer{Name: "web"})
	if a.IP == b.IP || one.Members(one.pool.ID)[0].PublicIP == other.Members(other.pool.ID)[0].PublicIP {
		t.Errorf("both have NLBs at %s", a.IP)
	}
}
