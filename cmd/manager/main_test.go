package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/controlplane"
	"github.com/exoscale-community/nlb-operator/test/exosim"
	"github.com/exoscale-community/nlb-operator/test/ports"
)

const patience = time.Minute

// asProgram makes the test's own binary the program that it tests.
const asProgram = "TEST_RUNS_MANAGER"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// program is the manager with nothing else in its environment than what is given.
func program(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append([]string{asProgram + "=1", "HOME=" + t.TempDir(),
		"GOCOVERDIR=" + t.TempDir()}, env...) // under -cover it would warn on stderr
	return cmd
}

func TestABadFlagIsASentenceAndExitCode1(t *testing.T) {
	var out, log bytes.Buffer
	cmd := program(t, nil, "--udp-default-healthcheck=udp")
	cmd.Stdout, cmd.Stderr = &out, &log
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("ended with %v", err)
	}
	want := "manager: --udp-default-healthcheck: must be kube-proxy or none; it is \"udp\"\n"
	if log.String() != want || out.Len() != 0 {
		t.Errorf("said %q and %q, want %q on stderr only", log.String(), out.String(), want)
	}
}

func TestWithoutAClusterItSaysSo(t *testing.T) {
	output, err := program(t, nil).CombinedOutput()
	if err == nil || !strings.Contains(string(output), "no Kubernetes cluster is given: --kubeconfig") {
		t.Errorf("%v: %s", err, output)
	}
}

func TestTheProgramRunsUntilItIsTold(t *testing.T) {
	g := NewWithT(t)
	kubeconfig := startCluster(t)
	sim := exosim.StartTestServer(t, exosim.Options{})
	probes, metrics := ports.FreeAddress(t), ports.FreeAddress(t)
	var log output
	cmd := program(t,
		[]string{
			"EXOSCALE_API_KEY=" + sim.Key, "EXOSCALE_API_SECRET=" + sim.Secret, "EXOSCALE_API_ENDPOINT=" + sim.Endpoint,
			"EXOSCALE_ZONE=" + exosim.DefaultZone, "EXOSCALE_NLB_SYNC_PERIOD=1s", "EXOSCALE_NLB_LOG_LEVEL=debug",
		},
		"--kubeconfig="+kubeconfig, "--leader-elect", "--leader-election-namespace=default",
		"--health-probe-bind-address="+probes, "--metrics-bind-address="+metrics, "--metrics-secure=false")
	cmd.Stdout, cmd.Stderr = &log, &log
	g.Expect(cmd.Start()).To(Succeed())

	g.Eventually(body("http://"+probes+"/readyz"), patience).WithContext(t.Context()).Should(Equal("ok"))
	g.Eventually(body("http://"+metrics+"/metrics"), patience).WithContext(t.Context()).Should(
		ContainSubstring(`controller_runtime_max_concurrent_reconciles{controller="networkloadbalancer"} 10`), "%s", &log)

	g.Expect(cmd.Process.Signal(syscall.SIGTERM)).To(Succeed())
	g.Expect(cmd.Wait()).To(Succeed(), "%s", &log)
	for line := range strings.Lines(log.String()) {
		g.Expect(json.Valid([]byte(line))).To(BeTrue(), "not JSON, as the log is: %s", line)
	}
	g.Expect(log.String()).To(ContainSubstring(`"msg":"starting"`))
	g.Expect(log.String()).NotTo(ContainSubstring(sim.Secret), "the secret is in the log")
}

// What a hook before an uninstallation relies on: the code of the exit.
func TestReleaseEndsWithWhatItFound(t *testing.T) {
	kubeconfig := startCluster(t)
	output, err := program(t, nil, "release", "--check", "--kubeconfig="+kubeconfig).CombinedOutput()
	if err != nil || string(output) != "The operator holds nothing: it can be removed.\n" {
		t.Errorf("with nothing held: %v: %s", err, output)
	}
	holds(t, kubeconfig)
	output, err = program(t, nil, "release", "--check", "--kubeconfig="+kubeconfig).CombinedOutput()
	if err == nil || !strings.Contains(string(output), "Service default/held: no address\nmanager: the operator still holds 1 object: ") {
		t.Errorf("with an object held: %v: %s", err, output)
	}
	args := []string{"release", "--retain", "--without-cloud", "--kubeconfig=" + kubeconfig}
	output, err = program(t, nil, args...).CombinedOutput()
	if err == nil || !strings.HasSuffix(string(output), "manager: nothing was changed: add --yes to do this\n") {
		t.Errorf("unconfirmed: %v: %s", err, output)
	}
	output, err = program(t, nil, append(args, "--yes")...).CombinedOutput()
	if err != nil || !strings.Contains(string(output), "There is no lease exoscale-nlb-operator: see to it that no operator runs.\n"+
		"Service default/held is free: it stays as it is: no address.\n") {
		t.Errorf("confirmed: %v: %s", err, output)
	}
}

// holds a Service as the operator does.
func holds(t *testing.T, kubeconfig string) {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "held", Finalizers: []string{v1alpha1.ServiceFinalizer}},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}},
	}
	if err := c.Create(t.Context(), service); err != nil {
		t.Fatal(err)
	}
}

func startCluster(t *testing.T) (kubeconfig string) {
	t.Helper()
	cluster, err := controlplane.Start(t.Context(), controlplane.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Stop(); err != nil {
			t.Error(err)
		}
	})
	kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	if err := cluster.WriteKubeconfig(kubeconfig); err != nil {
		t.Fatal(err)
	}
	return kubeconfig
}

// body of a GET; empty without an answer.
func body(url string) func(context.Context) string {
	return func(ctx context.Context) string {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return ""
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return ""
		}
		defer response.Body.Close()
		content, _ := io.ReadAll(response.Body)
		return string(content)
	}
}

// output can be read while it is written.
type output struct {
	mu sync.Mutex
	bytes.Buffer
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.Buffer.Write(p)
}

// String is what was written.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.Buffer.String()
}
