package helm

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestWhatIsReleased looks at what make release makes of a checkout.
func TestWhatIsReleased(t *testing.T) {
	first, second := dist(t, "v1.2.3"), dist(t, "v1.2.3")
	names := []string{"SHA256SUMS", "crds.yaml", "exoscale-nlb-operator-1.2.3.tgz", "install.yaml"}
	sums := ""
	for _, name := range names {
		content := released(t, first, name)
		if content != released(t, second, name) {
			t.Errorf("%s is another one each time", name)
		}
		if name != "SHA256SUMS" {
			sums += fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte(content)), name)
		}
	}
	if diff := cmp.Diff(lines(sums), lines(released(t, first, "SHA256SUMS"))); diff != "" {
		t.Errorf("- the checksums, + SHA256SUMS:\n%s", diff)
	}
	if image := "image: registry.example.com/operator:v1.2.3\n"; !strings.Contains(released(t, first, "install.yaml"), image) {
		t.Errorf("install.yaml hasn't %s", image)
	}

	t.Run("the packaged chart installs what the checkout's does", func(t *testing.T) {
		values := values{"image": values{"tag": "v1.2.3"}}
		want := rendered(t, values)
		packaged, err := helm(t, values.complete(), "template", release, filepath.Join(first, "exoscale-nlb-operator-1.2.3.tgz"),
			"--namespace", namespace, "--kube-version", kubernetes, "--values", "-")
		if err != nil {
			t.Fatal(err)
		}
		got := parsed(t, packaged)
		if len(got) != len(want) {
			t.Errorf("%d objects, want %d", len(got), len(want))
		}
	})
	t.Run("it is for the image of its version", func(t *testing.T) {
		said, err := helm(t, values{}.complete(), "template", release, filepath.Join(first, "exoscale-nlb-operator-1.2.3.tgz"),
			"--kube-version", kubernetes, "--values", "-")
		if err != nil || !strings.Contains(said, `image: "exoscale-nlb-operator:v1.2.3"`) {
			t.Errorf("%v: no such image in\n%s", err, said)
		}
	})
	t.Run("a checkout between versions is one, too", func(t *testing.T) {
		released(t, dist(t, "0123abc-dirty"), "exoscale-nlb-operator-0.0.0-g0123abc-dirty.tgz")
	})
}

// dist is a folder with what is released.
func dist(t *testing.T, version string) string {
	t.Helper()
	program(t)
	folder := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "make", "--no-print-directory", "release",
		"DIST="+folder, "VERSION="+version, "IMAGE=registry.example.com/operator:"+version)
	cmd.Dir = "../../.."
	cmd.Env = append(os.Environ(), "MAKEFLAGS=")
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	return folder
}

// released is the content of one of its files.
func released(t *testing.T, folder, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func lines(text string) []string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	slices.Sort(all)
	return all
}
