package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// beProgram in the environment makes the test binary the program itself.
const beProgram = "TEST_BINARY_IS_EXOSIM"

func TestMain(m *testing.M) {
	if os.Getenv(beProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// program is a running exosim.
type program struct {
	t       *testing.T
	process *exec.Cmd
	// env is what it told to export, by name.
	env    map[string]string
	base   string
	stderr *lockedBuffer
}

// started runs the program until the test ends; it is ready.
func started(t *testing.T, args ...string) *program {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &program{t: t, process: exec.Command(self, args...), env: map[string]string{}, stderr: &lockedBuffer{}}
	p.process.Env = append(os.Environ(), beProgram+"=1")
	p.process.Stderr = p.stderr
	stdout, err := p.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.process.Process.Kill() // if it still runs
		_ = p.process.Wait()
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if name, value, found := strings.Cut(strings.TrimPrefix(lines.Text(), "  export "), "="); found {
			p.env[name] = value
		}
		if control, is := strings.CutPrefix(lines.Text(), "control"); is {
			p.base = strings.TrimSuffix(strings.TrimSpace(control), "/sim/")
			return p
		}
	}
	t.Fatalf("exosim ended before it was ready: %s", p.stderr)
	return nil
}

// stopped ends the program as a service manager would, and gives its exit code.
func (p *program) stopped() int {
	p.t.Helper()
	if err := p.process.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	_ = p.process.Wait() // the exit code tells more
	return p.process.ProcessState.ExitCode()
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

// startedNot runs the program, which has to end with code 1, and gives what it
// says.
func startedNot(t *testing.T, args ...string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	process := exec.Command(self, args...)
	process.Env = append(os.Environ(), beProgram+"=1")
	output, _ := process.CombinedOutput()
	if code := process.ProcessState.ExitCode(); code != 1 {
		t.Fatalf("exosim ended with code %d: %s", code, output)
	}
	return string(output)
}
