package sidecar

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"github.com/exoscale-community/nlb-operator/internal/udphealth"
	"github.com/exoscale-community/nlb-operator/test/ports"
)

// Patience is how long a condition may take to come true.
const Patience = 30 * time.Second

// Process is a udp-healthcheck that runs.
type Process struct {
	HealthPort, InfoPort int

	t       testing.TB
	command *exec.Cmd
	log     *lockedBuffer
}

// Start runs the program with these arguments, at free ports, until the test ends.
// Its info port answers.
func Start(t testing.TB, arguments ...string) *Process {
	t.Helper()
	p := &Process{HealthPort: ports.Free(t), InfoPort: ports.Free(t), t: t, log: &lockedBuffer{}}
	at := []string{"--health-port", strconv.Itoa(p.HealthPort), "--info-port", strconv.Itoa(p.InfoPort)}
	p.command = exec.Command(Binary(t), append(at, arguments...)...)
	p.command.Env = []string{} // nothing of ours has a say
	p.command.Stderr = p.log
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.command.Process.Kill() // if it still runs
		_ = p.command.Wait()
		if t.Failed() {
			t.Logf("udp-healthcheck %s wrote\n%s", strings.Join(arguments, " "), p.log)
		}
	})
	gomega.NewWithT(t).Eventually(func() error {
		_, _, err := p.Get("/healthz")
		return err
	}).WithTimeout(Patience).WithPolling(time.Millisecond).Should(gomega.Succeed(), "udp-healthcheck has to answer at its info port")
	return p
}

// Get asks the info port.
func (p *Process) Get(path string) (code int, body string, err error) {
	return get(fmt.Sprintf("http://127.0.0.1:%d%s", p.InfoPort, path))
}

// GetHealth asks the health port over HTTP.
func (p *Process) GetHealth() (code int, body string, err error) {
	return get(fmt.Sprintf("http://127.0.0.1:%d/", p.HealthPort))
}

func get(url string) (code int, body string, err error) {
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	return response.StatusCode, string(data), err
}

// IsOpen tells whether the health port accepts connections.
func (p *Process) IsOpen() bool {
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", p.HealthPort))
	if err == nil {
		conn.Close()
	}
	return err == nil
}

// Status is what /healthz tells.
func (p *Process) Status() (udphealth.Status, error) {
	var status udphealth.Status
	_, body, err := p.Get("/healthz")
	if err == nil {
		err = json.Unmarshal([]byte(body), &status)
	}
	return status, err
}

// BecomesOpen waits until the health port accepts connections, or refuses them.
func (p *Process) BecomesOpen(open bool) {
	p.t.Helper()
	gomega.NewWithT(p.t).Eventually(p.IsOpen).WithTimeout(Patience).WithPolling(5*time.Millisecond).Should(gomega.Equal(open), "the health port's being open")
}

// Drain does what the preStop hook does.
func (p *Process) Drain() error {
	output, err := exec.Command(Binary(p.t), "--drain", "--health-port", strconv.Itoa(p.HealthPort)).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, output)
	}
	return nil
}

// Terminate ends the process as the kubelet does, and gives its exit code.
func (p *Process) Terminate() int {
	p.t.Helper()
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	_ = p.command.Wait() // the exit code tells more
	return p.command.ProcessState.ExitCode()
}

// Log is what it has written so far.
func (p *Process) Log() string { return p.log.String() }

// Memory is a figure of Linux about the process, such as VmRSS, in KiB.
func (p *Process) Memory(name string) int {
	p.t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		p.t.Skipf("memory is told by Linux only: %v", err)
	}
	for line := range strings.Lines(string(data)) {
		if rest, is := strings.CutPrefix(line, name+":"); is {
			figure, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			if err != nil {
				p.t.Fatal(err)
			}
			return figure
		}
	}
	p.t.Fatalf("no %s in %s", name, data)
	return 0
}

// Descriptors is how many files and sockets it has open.
func (p *Process) Descriptors() int {
	p.t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.command.Process.Pid))
	if err != nil {
		p.t.Skipf("descriptors are told by Linux only: %v", err)
	}
	return len(entries)
}

// lockedBuffer is safe for a process that writes while a test reads.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(data []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(data)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
