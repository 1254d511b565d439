package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/exoscale-community/nlb-operator/internal/udpprobe"
	"github.com/exoscale-community/nlb-operator/test/sidecar"
)

const (
	mostBytes       = 8 << 20  // of the binary
	mostKiB         = 10 << 10 // resident
	mostDescriptors = 60       // 16 connections at each port, and what Go needs
)

// thenSmall holds for what is resident, at most since the start, and for what is
// open now.
func thenSmall(t *testing.T, p *sidecar.Process) {
	t.Helper()
	resident, most := p.Memory("VmRSS"), p.Memory("VmHWM")
	descriptors := p.Descriptors()
	t.Logf("%d KiB are resident, %d were at most; %d descriptors", resident, most, descriptors)
	if descriptors > mostDescriptors {
		t.Errorf("%d descriptors are open; %d are allowed", descriptors, mostDescriptors)
	}
	if most >= mostKiB {
		t.Errorf("%d KiB were resident; it has to stay below %d", most, mostKiB)
	}
}

func TestTheBinaryIsSmallAndStatic(t *testing.T) {
	t.Parallel()
	info, err := os.Stat(sidecar.Binary(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the binary has %.2f MiB", float64(info.Size())/(1<<20))
	if info.Size() >= mostBytes {
		t.Errorf("the binary has %d bytes; it has to stay below %d", info.Size(), mostBytes)
	}
	data, err := os.ReadFile(sidecar.Binary(t))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(data, []byte("/lib64/ld-linux")) {
		t.Error("the binary asks for a dynamic linker")
	}
	version, err := exec.Command(sidecar.Binary(t), "--version").Output()
	if err != nil || string(version) != "v1.2.3\n" {
		t.Errorf("the version is %q (%v)", version, err)
	}
}

func TestStartTakesMilliseconds(t *testing.T) {
	app := givenApplication(t)
	best := time.Hour
	for range 5 {
		started := time.Now()
		p := sidecar.Start(t, "--target", socketOf(app))
		best = min(best, time.Since(started))
		p.BecomesOpen(true)
		p.Terminate()
	}
	t.Logf("from the start to the first answer: %s at best", best.Round(100*time.Microsecond)) // told, not judged
}

// strangers are what may come to a port.
var strangers = map[string]string{
	"nothing":           "",
	"half a request":    "GET /healthz HTTP/1.1\r\nX: ",
	"an endless header": "GET /healthz HTTP/1.1\r\nX: " + strings.Repeat("a", 200<<10),
	"many headers":      "GET /healthz HTTP/1.1\r\n" + strings.Repeat("X: y\r\n", 10<<10),
	"a body":            "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n" + strings.Repeat("a", 200<<10),
	"an endless line":   strings.Repeat("A", 200<<10),
	"no text":           strings.Repeat("\x00\xff\x16\x03", 50<<10),
	"many requests":     strings.Repeat("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 2<<10),
}

// whenFlooded opens many connections at once, keeps them, and sends as much as is
// taken; closing ends it.
func whenFlooded(t *testing.T, port, connections int, sent string) (closing func()) {
	t.Helper()
	var opened []net.Conn
	var sending sync.WaitGroup
	for range connections {
		conn, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), time.Second)
		if err != nil {
			continue // even the kernel's queue is full
		}
		opened = append(opened, conn)
		sending.Go(func() {
			_ = conn.SetWriteDeadline(time.Now().Add(sidecar.Patience))
			_, _ = conn.Write([]byte(sent))
		})
	}
	return func() {
		for _, conn := range opened {
			conn.Close()
		}
		sending.Wait()
	}
}

func TestFloodsAreBounded(t *testing.T) {
	t.Parallel()
	const connections = 80
	app := givenApplication(t)
	p := sidecar.Start(t, "--target", probing(app))
	p.BecomesOpen(true)
	for name, sent := range strangers {
		t.Run(name, func(t *testing.T) {
			closeHealth, closeInfo := whenFlooded(t, p.HealthPort, connections, sent), whenFlooded(t, p.InfoPort, connections, sent)
			if !p.IsOpen() {
				t.Error("a probe that connects is refused")
			}
			// Those who say too little, or too much, lose their place to us.
			NewWithT(t).Eventually(func() (int, error) {
				code, _, err := p.GetHealth()
				return code, err
			}).WithTimeout(sidecar.Patience).Should(Equal(200), "an honest request in the midst of them")
			thenSmall(t, p)
			closeHealth()
			closeInfo()
		})
	}
	status, err := p.Status()
	if err != nil || !status.Healthy {
		t.Errorf("after all that it is %+v, %v", status, err)
	}
}

// TestDatagramsToTheApplicationDontReachTheSidecar: it has no UDP port of its own,
// but while it asks, and then hears the application only.
func TestFloodOfDatagrams(t *testing.T) {
	t.Parallel()
	app := givenApplication(t)
	p := sidecar.Start(t, "--target", probing(app), "--target", socketOf(app))
	p.BecomesOpen(true)
	conn, err := net.Dial("udp", "127.0.0.1:"+app.Port())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for i := range 20000 {
		_, _ = conn.Write(bytes.Repeat([]byte{byte(i)}, i%1400))
	}
	p.BecomesOpen(true)
	thenSmall(t, p)
}

// What anybody may annotate, the sidecar compiles and matches within its memory.
func TestTheDearestPatternsStaySmall(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		pattern string
		times   int
	}{
		"repeats":             {"a{1000}|%d", 8},
		"choices":             {"(?:a|ab|abc){150}|%d", 8},
		"anchored":            {"^app got (?:a|b){150}|%d", 16},
		"classes in a row":    {strings.Repeat(`\PC`, 16), 1},
		"classes":             {`\PC{20}%d?`, 16},
		"repeated classes":    {`\PC{500}|%d`, 8},
		"sets of either case": {"(?i)" + strings.Repeat("[a-z ]", 40) + "%d?", udpprobe.MaxTargets},
		"one for all":         {"a{1000}", udpprobe.MaxTargets},
	} {
		t.Run(name, func(t *testing.T) {
			app := givenApplication(t)
			var arguments []string
			for i := range tc.times {
				pattern := strings.Replace(tc.pattern, "%d", strconv.Itoa(i), 1)
				check := udpprobe.Check{
					Mode: udpprobe.ModeProbe, Payload: fmt.Sprintf("%s%d", strings.Repeat("a", 1000), i),
					Expect: udpprobe.Expectation{Kind: udpprobe.MatchingReply, Value: pattern}, Timeout: 10 * time.Second, Interval: 100 * time.Millisecond,
				}
				arguments = append(arguments, "--target", app.Port()+check.String())
			}
			p := sidecar.Start(t, arguments...)
			p.BecomesOpen(true)
			thenSmall(t, p)
		})
	}
}
