package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/exoscale-community/nlb-operator/internal/udphealth"
	"github.com/exoscale-community/nlb-operator/test/ports"
	"github.com/exoscale-community/nlb-operator/test/sidecar"
)

func TestMain(m *testing.M) { os.Exit(sidecar.Main(m)) }

// quickly makes checks often, so that tests are short.
const quickly = ";interval=100ms"

func givenApplication(t *testing.T) *sidecar.Application {
	t.Helper()
	return sidecar.StartApplication(t, "app", fmt.Sprintf("0.0.0.0:%d", ports.Free(t)))
}

// probing is a target that wants the Application's reply, and waits for it as long as
// it can: the machine may be busy.
func probing(app *sidecar.Application) string { return probingWithin(app, "10s") }

func probingWithin(app *sidecar.Application, timeout string) string {
	return app.Port() + "/probe;payload=text:ping;expect=text:app\\ got\\ ping;timeout=" + timeout + quickly
}

func socketOf(app *sidecar.Application) string { return app.Port() + "/socket" + quickly }

// thenSays waits for the last error of a target.
func thenSays(t *testing.T, p *sidecar.Process, target int, want string) {
	t.Helper()
	NewWithT(t).Eventually(func(g Gomega) {
		status, err := p.Status()
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(status.Targets[target].State).To(Equal(udphealth.Unhealthy))
		g.Expect(status.Targets[target].LastError).To(ContainSubstring(want))
	}).WithTimeout(sidecar.Patience).Should(Succeed())
}

func TestAnApplicationThatHangsIsSeenByProbesOnly(t *testing.T) {
	t.Parallel()
	app := givenApplication(t)
	probe := sidecar.Start(t, "--target", probingWithin(app, "200ms"))
	socket := sidecar.Start(t, "--target", socketOf(app))
	probe.BecomesOpen(true)
	socket.BecomesOpen(true)

	app.Hang()
	probe.BecomesOpen(false)
	thenSays(t, probe, 0, "sent no reply within 200ms")
	if !socket.IsOpen() {
		t.Error("the socket is bound, and the health port is closed")
	}
	app.Recover()
	probe.BecomesOpen(true)
}

func TestAnApplicationThatCrashesIsSeenInBothModes(t *testing.T) {
	t.Parallel()
	app := givenApplication(t)
	processes := []*sidecar.Process{sidecar.Start(t, "--target", probing(app)), sidecar.Start(t, "--target", socketOf(app))}
	for _, p := range processes {
		p.BecomesOpen(true)
	}
	app.Crash()
	for _, p := range processes {
		p.BecomesOpen(false)
		thenSays(t, p, 0, "no UDP socket is bound to port "+app.Port())
	}
	app.Restart()
	for _, p := range processes {
		p.BecomesOpen(true)
	}
}

func TestAReplyThatIsWrongIsUnhealthy(t *testing.T) {
	t.Parallel()
	app := givenApplication(t)
	p := sidecar.Start(t, "--target", app.Port()+"/probe;payload=text:ping;expect=re2:^pong"+quickly)
	thenSays(t, p, 0, "the reply of 12 bytes isn't matched by the expected regular expression")
	if _, body, err := p.Get("/healthz"); err != nil || strings.Contains(body, "pong") || strings.Contains(body, "app got") {
		t.Errorf("/healthz tells what is sent or received (%v): %s", err, body)
	}
	if !strings.Contains(p.Log(), `"reply":"app got ping"`) {
		t.Errorf("the log doesn't tell the reply: %s", p.Log())
	}
}

func TestOneBadTargetIsEnough(t *testing.T) {
	t.Parallel()
	one, other := givenApplication(t), givenApplication(t)
	p := sidecar.Start(t, "--target", probing(one), "--target", socketOf(other))
	p.BecomesOpen(true)
	other.Crash()
	p.BecomesOpen(false)
	status, err := p.Status()
	if err != nil || status.Targets[0].State != udphealth.Healthy || status.Targets[1].State != udphealth.Unhealthy {
		t.Errorf("%+v, %v", status, err)
	}
	other.Restart()
	p.BecomesOpen(true)
}

func TestIPv6AloneIsProbed(t *testing.T) {
	t.Parallel()
	config := fmt.Sprintf("[::1]:%d", ports.Free(t))
	if socket, err := net.ListenPacket("udp6", config); err != nil {
		t.Skipf("there is no IPv6 here: %v", err)
	} else {
		socket.Close()
	}
	app := sidecar.StartApplication(t, "app", config)
	p := sidecar.Start(t, "--target", probing(app))
	p.BecomesOpen(true)
}

// givenNameServer knows known. and nothing else; it answers with the code for others.
func givenNameServer(t *testing.T, others dnsmessage.RCode) (port int) {
	t.Helper()
	socket, err := net.ListenPacket("udp", ports.FreeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	go func() {
		datagram := make([]byte, 512)
		for {
			n, from, err := socket.ReadFrom(datagram)
			if err != nil {
				return
			}
			var message dnsmessage.Message
			if message.Unpack(datagram[:n]) != nil {
				continue
			}
			message.Response = true
			if message.Questions[0].Name.String() != "known." {
				message.RCode = others
			}
			if reply, err := message.Pack(); err == nil {
				_, _ = socket.WriteTo(reply, from)
			}
		}
	}()
	return socket.LocalAddr().(*net.UDPAddr).Port
}

func TestDNS(t *testing.T) {
	t.Parallel()
	port := givenNameServer(t, dnsmessage.RCodeRefused)
	sidecar.Start(t, "--target", fmt.Sprintf("%d/dns%s", port, quickly)).BecomesOpen(true)
	sidecar.Start(t, "--target", fmt.Sprintf("%d/dns;query=known%s", port, quickly)).BecomesOpen(true)
	p := sidecar.Start(t, "--target", fmt.Sprintf("%d/dns;query=other%s", port, quickly))
	thenSays(t, p, 0, "the answer to the query for other. is REFUSED")
}

// TestMalformedReplies: whatever comes back, it is a failed check and no more.
func TestMalformedReplies(t *testing.T) {
	t.Parallel()
	socket, err := net.ListenPacket("udp", ports.FreeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	go func() {
		datagram := make([]byte, 512)
		header := make([]byte, 12)
		for round := 0; ; round++ {
			_, from, err := socket.ReadFrom(datagram)
			if err != nil {
				return
			}
			copy(header, datagram[:2]) // the right id, and nonsense behind it
			binary.BigEndian.PutUint16(header[2:], 0x8000)
			binary.BigEndian.PutUint16(header[4:], 0xffff)
			for _, reply := range [][]byte{{}, {0}, header, append(header, strings.Repeat("\xc0\x0c", 200)...), make([]byte, 60000)} {
				for range 20 {
					_, _ = socket.WriteTo(reply, from)
				}
			}
		}
	}()
	port := socket.LocalAddr().(*net.UDPAddr).Port
	p := sidecar.Start(t, "--target", fmt.Sprintf("%d/dns;query=a%s", port, quickly),
		"--target", fmt.Sprintf("%d/probe;payload=text:a;expect=re2:^b$%s", port, quickly))
	NewWithT(t).Eventually(func(g Gomega) {
		status, err := p.Status()
		g.Expect(err).NotTo(HaveOccurred())
		for _, target := range status.Targets {
			g.Expect(target.Failures).To(BeNumerically(">", 20))
			g.Expect(target.Failures).To(Equal(target.Checks))
		}
	}).WithTimeout(sidecar.Patience).Should(Succeed())
	thenSmall(t, p)
}

func TestHTTPOfTheHealthPort(t *testing.T) {
	t.Parallel()
	app := givenApplication(t)
	p := sidecar.Start(t, "--target", socketOf(app))
	p.BecomesOpen(true)
	if code, body, err := p.GetHealth(); code != http.StatusOK || body != "healthy\n" {
		t.Errorf("%d %q, %v", code, body, err)
	}
	held, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", p.HealthPort))
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	app.Crash()
	p.BecomesOpen(false)
	_ = held.SetReadDeadline(time.Now().Add(sidecar.Patience))
	if n, err := held.Read(make([]byte, 1)); n > 0 || os.IsTimeout(err) {
		t.Errorf("a connection from before is kept (%v)", err)
	}
}

func TestInfoPort(t *testing.T) {
	t.Parallel()
	app := givenApplication(t)
	p := sidecar.Start(t, "--target", socketOf(app))
	p.BecomesOpen(true)
	codes := func() []int {
		var codes []int
		for _, path := range []string{"/healthz", "/readyz", "/metrics", "/other"} {
			code, _, err := p.Get(path)
			if err != nil {
				t.Error(err)
			}
			codes = append(codes, code)
		}
		return codes
	}
	g := NewWithT(t)
	g.Expect(codes()).To(Equal([]int{200, 200, 200, 404}))
	app.Crash()
	p.BecomesOpen(false)
	g.Expect(codes()).To(Equal([]int{503, 503, 200, 404}))
	app.Restart()
	p.BecomesOpen(true)
	g.Expect(p.Drain()).To(Succeed())
	p.BecomesOpen(false)
	g.Expect(codes()).To(Equal([]int{503, 503, 200, 404}))
	_, metrics, _ := p.Get("/metrics")
	for _, line := range []string{
		`udp_healthcheck_build_info{version="v1.2.3"} 1`, "udp_healthcheck_healthy 0", "udp_healthcheck_ready 1", "udp_healthcheck_draining 1",
		"udp_healthcheck_health_port_open 0", `udp_healthcheck_target_healthy{target="` + app.Port() + `/socket"} 1`,
	} {
		g.Expect(metrics).To(ContainSubstring(line + "\n"))
	}
}

// TestLinger: to Kubernetes the Pod is as good as before for a while.
func TestLinger(t *testing.T) {
	t.Parallel()
	p := sidecar.Start(t, "--linger=10m", "--target", socketOf(givenApplication(t)))
	p.BecomesOpen(true)
	g := NewWithT(t)
	g.Expect(p.Drain()).To(Succeed())
	for path, want := range map[string]int{"/healthz": http.StatusServiceUnavailable, "/readyz": http.StatusOK} {
		code, _, err := p.Get(path)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(code).To(Equal(want), path)
	}
	code, _, err := p.GetHealth()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(code).To(Equal(http.StatusOK), "the health port")
}

func TestDrainIsForGood(t *testing.T) {
	t.Parallel()
	app := givenApplication(t)
	p := sidecar.Start(t, "--target", socketOf(app))
	p.BecomesOpen(true)
	g := NewWithT(t)
	g.Expect(p.Drain()).To(Succeed())
	g.Expect(p.Drain()).To(Succeed(), "a second time")
	p.BecomesOpen(false)
	app.Crash()
	thenSays(t, p, 0, "no UDP socket")
	app.Restart()
	g.Eventually(func() bool {
		status, _ := p.Status()
		return status.Ready
	}).WithTimeout(sidecar.Patience).Should(BeTrue())
	if p.IsOpen() {
		t.Error("the health port is open again")
	}
	if code := p.Terminate(); code != 0 {
		t.Errorf("ended with %d", code)
	}
	if err := p.Drain(); err == nil || !strings.Contains(err.Error(), "no udp-healthcheck with health port") {
		t.Errorf("with nobody to tell: %v", err)
	}
}

func TestTerminate(t *testing.T) {
	t.Parallel()
	p := sidecar.Start(t, "--target", socketOf(givenApplication(t)))
	p.BecomesOpen(true)
	if code := p.Terminate(); code != 0 || p.IsOpen() {
		t.Errorf("ended with %d, health port open: %t", code, p.IsOpen())
	}
}

func TestTerminateDoesntWaitForAReply(t *testing.T) {
	t.Parallel()
	app := givenApplication(t)
	app.Hang()
	p := sidecar.Start(t, "--target", app.Port()+"/probe;payload=text:a;timeout=10s")
	started := time.Now()
	if code := p.Terminate(); code != 0 || time.Since(started) > 9*time.Second {
		t.Errorf("ended with %d after %s", code, time.Since(started))
	}
}

func TestBadConfigurationEndsWith2(t *testing.T) {
	t.Parallel()
	command := exec.Command(sidecar.Binary(t), "--target", "53/dsn")
	output, err := command.CombinedOutput()
	want := `udp-healthcheck: --target: target "53/dsn": "dsn" is no mode; socket, probe and dns are (see --help)` + "\n"
	if err == nil || command.ProcessState.ExitCode() != 2 || string(output) != want {
		t.Errorf("ended with %v and wrote %s", err, output)
	}
}

func TestInjectedWithBadConfigurationStaysUp(t *testing.T) {
	t.Parallel()
	for name, target := range map[string]string{"a bad target": "53/dsn", "no target": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := sidecar.Start(t, "--injected", "--target", target)
			code, body, err := p.Get("/healthz")
			if err != nil || code != http.StatusServiceUnavailable {
				t.Errorf("/healthz answers %d, %v", code, err)
			}
			status, err := p.Status()
			if err != nil || status.Healthy || status.Ready || !strings.HasPrefix(status.ConfigurationError, "--target: ") {
				t.Errorf("%s, %v", body, err)
			}
			if p.IsOpen() {
				t.Error("the health port is open")
			}
			if err := p.Drain(); err != nil {
				t.Error(err)
			}
			if code := p.Terminate(); code != 0 {
				t.Errorf("ended with %d", code)
			}
		})
	}
}

func TestAPortThatIsTaken(t *testing.T) {
	t.Parallel()
	app, taken := givenApplication(t), ports.Free(t)
	listener, err := net.Listen("tcp", fmt.Sprintf(":%d", taken))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()

	command := exec.Command(sidecar.Binary(t), "--target", app.Port(), "--info-port", fmt.Sprint(taken), "--health-port", fmt.Sprint(ports.Free(t)))
	if output, err := command.CombinedOutput(); command.ProcessState.ExitCode() != 1 || !strings.Contains(string(output), "--info-port: ") {
		t.Errorf("without the info port it ended with %v and wrote %s", err, output)
	}

	// The last of two flags counts.
	p := sidecar.Start(t, "--target", socketOf(app), "--health-port", fmt.Sprint(taken))
	g := NewWithT(t)
	g.Eventually(func() string {
		status, _ := p.Status()
		return status.HealthPort.Error
	}).WithTimeout(sidecar.Patience).Should(ContainSubstring("address already in use"))
	listener.Close()
	p.HealthPort = taken
	p.BecomesOpen(true)
}

func TestInjectedWaitsForItsInfoPort(t *testing.T) {
	t.Parallel()
	app, taken := givenApplication(t), ports.Free(t)
	listener, err := net.Listen("tcp", fmt.Sprintf(":%d", taken))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	health := ports.Free(t)
	command := exec.Command(sidecar.Binary(t), "--injected", "--target", socketOf(app), "--info-port", fmt.Sprint(taken), "--health-port", fmt.Sprint(health))
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = command.Process.Kill(); _ = command.Wait() }()
	p := &sidecar.Process{HealthPort: health, InfoPort: taken}
	g := NewWithT(t)
	g.Eventually(p.IsOpen).WithTimeout(sidecar.Patience).Should(BeTrue())
	listener.Close()
	g.Eventually(func() error {
		_, err := p.Status()
		return err
	}).WithTimeout(sidecar.Patience).Should(Succeed())
}
