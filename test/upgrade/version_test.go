package upgrade

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// root is the checkout.
const root = "../.."

// version is an operator and what is installed with it.
type version struct {
	tag      string // of its image
	checkout string
	program  string
}

// present is the operator of this checkout.
func present(t *testing.T) version {
	t.Helper()
	v := version{tag: "present", checkout: root, program: filepath.Join(binaries, "manager")}
	if err := build(t, v.checkout, v.program); err != nil {
		t.Fatal(err)
	}
	return v
}

// earlier is the operator of the commit that the file from names, made from the
// repository's own history. It is kept in the user's cache folder.
func earlier(t *testing.T) version {
	t.Helper()
	commit := commitToBeginWith(t)
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(cache, "exoscale-nlb-operator", "upgrade", commit)
	v := version{tag: "earlier", checkout: filepath.Join(folder, "checkout"), program: filepath.Join(folder, "manager")}
	if _, err := os.Stat(folder); err == nil {
		return v
	}
	if said, err := git(t, "cat-file", "-e", commit+"^{commit}"); err != nil {
		t.Skipf("Nothing to upgrade from: this checkout doesn't have commit %s, which test/upgrade/from names (%s). Fetch the whole history, with git fetch --unshallow for example.", commit, said)
	}
	t.Logf("Building the operator of commit %s, once.", commit)
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		t.Fatal(err)
	}
	// Under another name first: what exists is whole.
	making, err := os.MkdirTemp(filepath.Dir(folder), ".making-") //nolint:usetesting // It becomes the folder of the cache.
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(making)
	extract := exec.CommandContext(t.Context(), "sh", "-euc", fmt.Sprintf(
		"mkdir '%s/checkout'; git -C '%s' archive %s | tar --extract --directory '%s/checkout'", making, root, commit, making))
	if said, err := extract.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	if err := build(t, filepath.Join(making, "checkout"), filepath.Join(making, "manager")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(making, folder); err != nil {
		if _, made := os.Stat(folder); made != nil { // not by somebody else meanwhile
			t.Fatal(err)
		}
	}
	return v
}

// commitToBeginWith is the line of the file from that is no comment.
func commitToBeginWith(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile("from")
	if err != nil {
		t.Fatal(err)
	}
	commits := regexp.MustCompile(`(?m)^[0-9a-f]{40}$`).FindAllString(string(content), -1)
	if len(commits) != 1 {
		t.Fatalf("test/upgrade/from has to hold one whole hash of a commit, and comments; it has %d", len(commits))
	}
	return commits[0]
}

func git(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", arguments...)
	cmd.Dir = root
	said, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(said)), err
}

// build the manager of a checkout.
func build(t *testing.T, checkout, program string) error {
	t.Helper()
	program, err := filepath.Abs(program)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-ldflags=-s -w", "-o", program, "./cmd/manager")
	cmd.Dir = checkout
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building the manager in %s: %w: %s", checkout, err, said)
	}
	return nil
}
