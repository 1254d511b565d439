package image

import (
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// root is the checkout.
const root = "../.."

const version = "v0.0.0-image-test"

// epoch is the time that everything in the image bears.
const epoch = 1_700_000_000

var platforms = map[string]elf.Machine{"linux/amd64": elf.EM_X86_64, "linux/arm64": elf.EM_AARCH64}

func TestImage(t *testing.T) {
	first := build(t)
	images := readArchive(t, first).images(t)
	if got, want := slices.Sorted(maps.Keys(images)), slices.Sorted(maps.Keys(platforms)); !slices.Equal(got, want) {
		t.Fatalf("it is for %q, want %q", got, want)
	}
	for platform, image := range images {
		t.Run(platform, func(t *testing.T) {
			t.Run("runs the manager, as nobody in particular", image.runsTheManager)
			t.Run("tells where it comes from", image.isLabelled)
			t.Run("holds the programs and nothing else", image.holdsThePrograms)
			t.Run("its programs need nothing but the kernel", func(t *testing.T) { image.isStatic(t, platforms[platform]) })
		})
	}
	t.Run("its programs run", images[runtime.GOOS+"/"+runtime.GOARCH].tellsItsVersion)
	t.Run("made again of the same commit, it is the same", func(t *testing.T) {
		again := build(t)
		was, is := slices.Sorted(maps.Keys(readArchive(t, first))), slices.Sorted(maps.Keys(readArchive(t, again)))
		if !bytes.Equal(first, again) {
			t.Errorf("the archives differ; blobs: - first, + again:\n%s", cmp.Diff(was, is))
		}
	})
}

// build makes the image, and gives the archive.
func build(t *testing.T) []byte {
	t.Helper()
	if os.Getenv("TEST_IMAGE") == "" {
		t.Skip("it takes minutes to compile for every platform: make test-image runs it")
	}
	if !canBuild(t) {
		t.Skip("there is neither buildah here nor a docker with buildx that answers")
	}
	archive := filepath.Join(root, "dist", "image.tar")
	if err := os.RemoveAll(archive); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "make", "--no-print-directory", "image", "IMAGE=exoscale-nlb-operator:image-test",
		"VERSION="+version, fmt.Sprintf("SOURCE_DATE_EPOCH=%d", epoch), "REVISION=0123456789abcdef", "PLATFORMS=linux/amd64,linux/arm64")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "MAKEFLAGS=")
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	content, err := os.ReadFile(archive)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("the builder here writes no archives: %s", output)
	}
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func canBuild(t *testing.T) bool {
	t.Helper()
	if _, err := exec.LookPath("buildah"); err == nil {
		return true
	}
	return exec.CommandContext(t.Context(), "docker", "buildx", "version").Run() == nil && exec.CommandContext(t.Context(), "docker", "info").Run() == nil
}

func (i image) runsTheManager(t *testing.T) {
	c := i.config.Config
	if !slices.Equal(c.Entrypoint, []string{"/manager"}) || len(c.Cmd) > 0 {
		t.Errorf("it runs %q %q", c.Entrypoint, c.Cmd)
	}
	if c.User != "65532:65532" {
		t.Errorf("as %q", c.User)
	}
}

func (i image) isLabelled(t *testing.T) {
	at := time.Unix(epoch, 0).UTC().Format(time.RFC3339)
	const prefix = "org.opencontainers.image."
	want := map[string]string{
		prefix + "title":       "exoscale-nlb-operator",
		prefix + "description": "Kubernetes operator for Exoscale Network Load Balancers",
		prefix + "source":      "https://github.com/exoscale-community/nlb-operator",
		prefix + "licenses":    "Apache-2.0",
		prefix + "version":     version,
		prefix + "revision":    "0123456789abcdef",
		prefix + "created":     at,
	}
	if diff := cmp.Diff(want, i.config.Config.Labels); diff != "" {
		t.Errorf("labels: - want, + got:\n%s", diff)
	}
	if i.config.Created != at {
		t.Errorf("created at %s, want %s", i.config.Created, at)
	}
}

// programs are those of cmd/ that belong into the image.
func programs(t *testing.T) []string {
	t.Helper()
	names := []string{"manager"}
	if _, err := os.Stat(filepath.Join(root, "cmd", "udp-healthcheck")); err == nil {
		names = append(names, "udp-healthcheck")
	}
	return names
}

func (i image) holdsThePrograms(t *testing.T) {
	if got, want := slices.Sorted(maps.Keys(i.files)), programs(t); !slices.Equal(got, want) {
		t.Errorf("it holds %q, want %q", got, want)
	}
	for name, file := range i.files {
		if mode := file.header.FileInfo().Mode(); mode != 0o755 || file.header.Uid != 0 {
			t.Errorf("%s has mode %s and owner %d", name, mode, file.header.Uid)
		}
	}
}

func (i image) isStatic(t *testing.T, machine elf.Machine) {
	for name, file := range i.files {
		binary, err := elf.NewFile(bytes.NewReader(file.content))
		if err != nil {
			t.Fatal(err)
		}
		if binary.Machine != machine {
			t.Errorf("%s is for %s", name, binary.Machine)
		}
		for _, segment := range binary.Progs {
			if segment.Type == elf.PT_INTERP {
				t.Errorf("%s is linked with libraries, of which the image has none", name)
			}
		}
		info, err := buildinfo.Read(bytes.NewReader(file.content))
		if err != nil {
			t.Fatal(err)
		}
		roots := false
		for _, module := range info.Deps {
			roots = roots || strings.HasPrefix(module.Path, "golang.org/x/crypto/x509roots/fallback")
		}
		if name == "manager" && !roots {
			t.Error("manager brings no certificate authorities, and the image has none")
		}
	}
}

func (i image) tellsItsVersion(t *testing.T) {
	for name, file := range i.files {
		program := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(program, file.content, 0o755); err != nil {
			t.Fatal(err)
		}
		said, err := exec.CommandContext(t.Context(), program, "--version").CombinedOutput()
		if err != nil || strings.TrimSpace(string(said)) != version {
			t.Errorf("%s --version: %v: %s", name, err, said)
		}
	}
}
