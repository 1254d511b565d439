//go:build linux

package sandbox

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// scratch are folders that are empty inside, and gone with it: programs keep
// there what they run by. Paths in them are the same as outside.
var scratch = []string{"/run", "/var/lib", "/var/log"}

// kernelSettings are those that kubelet would make for the whole machine, and
// doesn't if it finds them made.
var kernelSettings = map[string]string{
	"vm/overcommit_memory":      "1",
	"vm/panic_on_oom":           "0",
	"kernel/panic":              "10",
	"kernel/panic_on_oops":      "1",
	"kernel/keys/root_maxkeys":  "1000000",
	"kernel/keys/root_maxbytes": "25000000",
}

// Furnish makes a sandbox, from inside, a place to run a node in: with empty
// folders, a loopback interface, and temporary files that go with it.
func Furnish() error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keeping mounts inside: %w", err)
	}
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mounting /proc: %w", err)
	}
	for _, dir := range scratch {
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=755"); err != nil {
			return fmt.Errorf("mounting an empty %s: %w", dir, err)
		}
	}
	tmp := filepath.Join(scratch[0], "tmp")
	if err := os.Mkdir(tmp, 0o1777); err != nil {
		return err
	}
	if err := os.Setenv("TMPDIR", tmp); err != nil {
		return err
	}
	for setting, value := range kernelSettings {
		if err := Cover(filepath.Join("/proc/sys", setting), value); err != nil {
			return err
		}
	}
	if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		return fmt.Errorf("setting up the loopback interface: %w: %s", err, out)
	}
	return nil
}

// Cover lays a file of some content over another: inside, that is what is read
// and written instead.
func Cover(path, content string) error {
	dir := filepath.Join(scratch[0], "covers")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	cover := filepath.Join(dir, strings.ReplaceAll(path, "/", "_"))
	if err := os.WriteFile(cover, []byte(content+"\n"), 0o644); err != nil {
		return err
	}
	if err := syscall.Mount(cover, path, "", syscall.MS_BIND, ""); err != nil {
		return fmt.Errorf("covering %s: %w", path, err)
	}
	return nil
}
