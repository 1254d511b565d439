package nodenames

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/exoscale-community/nlb-operator/test/metadata"
)

// examples is the folder with what is tested here.
const examples = "../../docs/examples/node-names"

// patience is for a busy machine.
const patience = time.Minute

// machine is what the script sees of an instance: tools, and a root of its own
// in place of /etc and the kernel.
type machine struct {
	shell []string
	root  string
	// url is where it asks; tries is how often.
	url, tries string
}

// needed are the tools that every image has.
var needed = []string{"cat", "chmod", "cut", "head", "mv", "sleep", "timeout", "tr"}

// Stand-ins for what talks to the kernel: kernel is the file that holds the name.
const (
	fakeUname       = "#!/bin/sh\ncat \"$KERNEL\"\n"
	fakeHostname    = "#!/bin/sh\necho \"$1\" >\"$KERNEL\"\n"
	fakeHostnamectl = "#!/bin/sh\n[ \"$1\" = set-hostname ] && echo \"$2\" >\"$KERNEL\" && echo hostnamectl >>\"$CALLS\"\n"
	noDBus          = "#!/bin/sh\necho 'Failed to connect to bus' >&2\nexit 1\n"
)

// standIns keep a busybox that takes its own hostname before the one on the PATH
// from naming the machine that the test runs on: functions go before applets.
const standIns = `
	uname() { cat "$KERNEL"; }
	hostname() { "$BIN/hostname" "$@"; }
	. "$0"`

// shells are those that are installed here, and how each runs a script.
func shells() map[string][]string {
	found := map[string][]string{}
	for name, command := range map[string][]string{
		"sh": {"sh"}, "bash": {"bash", "--posix"}, "busybox": {"busybox", "sh", "-c", standIns},
	} {
		if path, err := exec.LookPath(command[0]); err == nil {
			found[name] = append([]string{path}, command[1:]...)
		}
	}
	return found
}

// clients are the ways to ask that are installed here, as what is put on the PATH.
func clients(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, name := range []string{"curl", "wget"} {
		if path, err := exec.LookPath(name); err == nil {
			found[name] = "#!/bin/sh\nexec " + path + " \"$@\"\n"
		}
	}
	if path, err := exec.LookPath("busybox"); err == nil {
		found["busybox wget"] = "#!/bin/sh\nexec " + path + " wget \"$@\"\n"
	}
	if len(found) == 0 {
		t.Skip("neither curl nor wget is installed")
	}
	return found
}

// boot is a machine as it comes up from a template: it is called localhost, and
// has some client, which is enough for most tests.
func boot(t *testing.T, url string) *machine {
	t.Helper()
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell is installed")
	}
	m := &machine{shell: []string{shell}, root: t.TempDir(), url: url, tries: "3"}
	if err := os.Mkdir(m.path("bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, tool := range needed {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Skipf("%s isn't installed", tool)
		}
		if err := os.Symlink(path, m.path("bin/"+tool)); err != nil {
			t.Fatal(err)
		}
	}
	m.install(t, "uname", fakeUname)
	m.install(t, "hostname", fakeHostname)
	for client, script := range clients(t) {
		m.install(t, strings.TrimPrefix(client, "busybox "), script) // curl goes first where both are
	}
	m.write(t, "kernel", "localhost\n")
	return m
}

func (m *machine) path(name string) string { return filepath.Join(m.root, name) }

// install puts a tool of the machine in the place of another.
func (m *machine) install(t *testing.T, tool, script string) {
	t.Helper()
	if err := os.WriteFile(m.path("bin/"+tool), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
}

func (m *machine) remove(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if err := os.Remove(m.path("bin/" + tool)); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
}

func (m *machine) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(m.path(name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// read is a file of the machine, or what says that there is none.
func (m *machine) read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(m.path(name))
	if os.IsNotExist(err) {
		return "(none)"
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(string(text), "\n")
}

// names are those in /etc/hostname and in the kernel.
func (m *machine) names(t *testing.T) [2]string {
	t.Helper()
	return [2]string{m.read(t, "hostname"), m.read(t, "kernel")}
}

// run the script; gives its exit code and what it says.
func (m *machine) run(t *testing.T) (int, string) {
	t.Helper()
	script, err := filepath.Abs(filepath.Join(examples, "set-hostname.sh"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	command := exec.CommandContext(ctx, m.shell[0], append(m.shell[1:], script)...)
	command.WaitDelay = patience // for a client that it has started
	command.Env = []string{
		"PATH=" + m.path("bin"), "BIN=" + m.path("bin"), "KERNEL=" + m.path("kernel"), "CALLS=" + m.path("calls"),
		"ETC_HOSTNAME=" + m.path("hostname"),
		"METADATA_URL=" + m.url, "METADATA_TRIES=" + m.tries, "METADATA_PAUSE=0",
		"http_proxy=http://127.0.0.1:1", // goes nowhere
	}
	var said bytes.Buffer
	command.Stdout, command.Stderr = &said, &said
	err = command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		t.Fatalf("%v\n%s", err, &said)
	}
	return command.ProcessState.ExitCode(), said.String()
}

// serve a metadata service; gives the URL for METADATA_URL.
func serve(t *testing.T, service *metadata.Service) string {
	t.Helper()
	server := httptest.NewServer(service)
	t.Cleanup(server.Close)
	return server.URL + "/latest/meta-data"
}

// times is an answer as often.
func times(n int, answer http.Handler) []http.Handler {
	all := make([]http.Handler, n)
	for i := range all {
		all[i] = answer
	}
	return all
}
