package nodenames

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// Where the files are put, as the unit has it.
const (
	scriptPath = "/etc/exoscale/set-hostname.sh"
	unitName   = "exoscale-hostname.service"
	unitPath   = "/etc/systemd/system/" + unitName
)

// userDataLimit is what Exoscale takes, in characters of base64.
const userDataLimit = 32768

// embedded is what user-data puts on a machine: texts and modes by path. The
// file of the unit is among them.
type embedded struct {
	texts map[string]string
	modes map[string]int
	// enabled are the units that are switched on.
	enabled []string
}

func TestUserDataHoldsTheScriptAndItsUnit(t *testing.T) {
	want := map[string]string{scriptPath: example(t, "set-hostname.sh"), unitPath: example(t, unitName)}
	for name, read := range map[string]func(*testing.T, string) embedded{
		"butane.yaml": readIgnition, "ignition.json": readIgnition, "cloud-init.yaml": readCloudInit, "elemental.yaml": readElemental,
	} {
		t.Run(name, func(t *testing.T) {
			text := example(t, name)
			got := read(t, text)
			if diff := cmp.Diff(want, got.texts); diff != "" {
				t.Error("-want +got\n" + diff)
			}
			if got.modes[scriptPath] != 0o755 {
				t.Errorf("the script's mode is %o", got.modes[scriptPath])
			}
			if !slices.Contains(got.enabled, unitName) {
				t.Error("the unit isn't enabled")
			}
			if size := base64.StdEncoding.EncodedLen(len(text)); size > userDataLimit {
				t.Errorf("takes %d of %d characters of user-data", size, userDataLimit)
			}
		})
	}
}

// The unit is what the script's path, and all that is to wait for it, depend on.
func TestTheUnitRunsTheScriptBeforeTheKubelet(t *testing.T) {
	unit := example(t, unitName)
	for line, what := range map[string]string{
		"ExecStart=/bin/sh " + scriptPath:                                                              "it runs another script",
		"RequiredBy=kubelet.service":                                                                   "a kubelet starts without a name",
		"Before=node-valid-hostname.service crio.service kubelet.service":                              "others don't wait for it",
		"ConditionPathExists=!/var/lib/kubelet/pki/kubelet-client-current.pem":                         "it renames a Node that has joined",
		"After=NetworkManager-wait-online.service systemd-networkd-wait-online.service wicked.service": "it may run long before there is a network",
	} {
		if !slices.Contains(strings.Split(unit, "\n"), line) {
			t.Errorf("%s: there is no %s", what, line)
		}
	}
	for line := range strings.SplitSeq(unit, "\n") {
		if strings.HasPrefix(line, "After=") && strings.Contains(line, "network-online.target") {
			t.Error("on OpenShift it waits for what waits for it")
		}
	}
}

func TestCloudInitNamesNobody(t *testing.T) {
	var config map[string]any
	parse(t, example(t, "cloud-init.yaml"), &config)
	if config["preserve_hostname"] != true {
		t.Error("cloud-init may set another name")
	}
	for _, key := range []string{"hostname", "fqdn"} {
		if _, set := config[key]; set {
			t.Errorf("%s is the same for all members", key)
		}
	}
}

func TestTalosIsToldNoName(t *testing.T) {
	var got map[string]any
	parse(t, example(t, "talos.yaml"), &got)
	want := map[string]any{"apiVersion": "v1alpha1", "kind": "HostnameConfig", "auto": "off"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("-want +got\n" + diff)
	}
}

// ignition is what Ignition and Butane have in common, and local, by which Butane
// names a file that it is to embed.
type ignition struct {
	Storage struct {
		Files []struct {
			Path     string `json:"path"`
			Mode     int    `json:"mode"`
			Contents struct {
				Local       string `json:"local"`
				Source      string `json:"source"`
				Compression string `json:"compression"`
			} `json:"contents"`
		} `json:"files"`
	} `json:"storage"`
	Systemd struct {
		Units []struct {
			Name     string `json:"name"`
			Enabled  bool   `json:"enabled"`
			Contents string `json:"contents"`
		} `json:"units"`
	} `json:"systemd"`
}

func readIgnition(t *testing.T, text string) embedded {
	t.Helper()
	var config ignition
	parse(t, text, &config)
	got := embedded{texts: map[string]string{}, modes: map[string]int{}}
	for _, file := range config.Storage.Files {
		got.modes[file.Path] = file.Mode
		if file.Contents.Local != "" {
			got.texts[file.Path] = example(t, file.Contents.Local)
			continue
		}
		got.texts[file.Path] = readURL(t, file.Contents.Source, file.Contents.Compression)
	}
	for _, unit := range config.Systemd.Units {
		got.texts["/etc/systemd/system/"+unit.Name] = unit.Contents
		if unit.Enabled {
			got.enabled = append(got.enabled, unit.Name)
		}
	}
	return got
}

// readURL is what a data URL holds, in base64 or not, compressed or not.
func readURL(t *testing.T, source, compression string) string {
	t.Helper()
	kind, data, is := strings.Cut(strings.TrimPrefix(source, "data:"), ",")
	if !is {
		t.Fatalf("%.40q is no data URL", source)
	}
	text, err := url.PathUnescape(data)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(kind, ";base64") {
		decoded, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		text = string(decoded)
	}
	if compression == "" {
		return text
	}
	unpacked, err := gzip.NewReader(bytes.NewBufferString(text))
	if err != nil {
		t.Fatal(err)
	}
	whole, err := io.ReadAll(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	return string(whole)
}

func readCloudInit(t *testing.T, text string) embedded {
	t.Helper()
	if !strings.HasPrefix(text, "#cloud-config\n") {
		t.Error("cloud-init takes it for something else")
	}
	var config struct {
		WriteFiles []struct {
			Path        string `json:"path"`
			Permissions string `json:"permissions"`
			Content     string `json:"content"`
		} `json:"write_files"`
		RunCmd []string `json:"runcmd"`
	}
	parse(t, text, &config)
	got := embedded{texts: map[string]string{}, modes: map[string]int{}}
	for _, file := range config.WriteFiles {
		got.texts[file.Path] = file.Content
		if file.Permissions == "0755" {
			got.modes[file.Path] = 0o755
		}
	}
	for _, command := range config.RunCmd {
		if join, is := strings.CutPrefix(command, "systemctl enable --now "); is {
			unit, then, _ := strings.Cut(join, " && ")
			got.enabled = append(got.enabled, unit)
			if !strings.HasPrefix(then, "kubeadm join ") {
				t.Errorf("the instance joins without a name: %q", command)
			}
		}
	}
	return got
}

func readElemental(t *testing.T, text string) embedded {
	t.Helper()
	var config struct {
		Stages map[string][]struct {
			Files []struct {
				Path        string `json:"path"`
				Permissions int    `json:"permissions"`
				Content     string `json:"content"`
			} `json:"files"`
			Systemctl struct {
				Enable []string `json:"enable"`
			} `json:"systemctl"`
		} `json:"stages"`
	}
	parse(t, text, &config)
	got := embedded{texts: map[string]string{}, modes: map[string]int{}}
	for _, step := range config.Stages["initramfs"] {
		for _, file := range step.Files {
			got.texts[file.Path], got.modes[file.Path] = file.Content, file.Permissions
		}
		got.enabled = append(got.enabled, step.Systemctl.Enable...)
	}
	return got
}

// example is one of the files.
func example(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(examples, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func parse(t *testing.T, text string, into any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(text), into); err != nil {
		t.Fatal(err)
	}
}
