package sidecar

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

const program = "github.com/exoscale-community/nlb-operator/cmd/udp-healthcheck"

// folder is where the binary is; empty while nobody has needed it.
var folder string

// build makes the binary once, as the image has it.
var build = sync.OnceValues(func() (path string, err error) {
	if folder, err = os.MkdirTemp("", "udp-healthcheck"); err != nil {
		return "", err
	}
	path = filepath.Join(folder, "udp-healthcheck")
	command := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w -X main.version=v1.2.3", "-o", path, program)
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building udp-healthcheck: %w\n%s", err, output)
	}
	return path, nil
})

// Binary is the path of the program; its version is v1.2.3.
func Binary(t testing.TB) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Main runs the tests and cleans up after them.
func Main(m *testing.M) int {
	defer func() { _ = os.RemoveAll(folder) }()
	return m.Run()
}
