package controlplane

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/exoscale-community/nlb-operator/test/ports"
)

const controllerManagerName = "kube-controller-manager"

// controllerManager is a running kube-controller-manager.
type controllerManager struct {
	cmd    *exec.Cmd
	dir    string // its kubeconfig and CA, temporary
	exited chan struct{}
	err    error // of the process; read after exited is closed
}

// errEnded is that the process ended by itself.
var errEnded = errors.New("it ended")

// startControllerManager returns when kube-controller-manager says that it is
// healthy. A stranger may take its port at the last moment, so that one which ends
// at once is started again, on another port.
func startControllerManager(ctx context.Context, path string, cp *ControlPlane, overrides map[string]string) (m *controllerManager, err error) {
	const attempts = 3
	for range attempts {
		if m, err = startControllerManagerOnce(ctx, path, cp, overrides); !errors.Is(err, errEnded) {
			break
		}
	}
	return m, err
}

func startControllerManagerOnce(ctx context.Context, path string, cp *ControlPlane, overrides map[string]string) (*controllerManager, error) {
	dir, err := os.MkdirTemp("", "controller-manager-")
	if err != nil {
		return nil, err
	}
	m := &controllerManager{dir: dir, exited: make(chan struct{})}
	port, err := ports.Take()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	args, err := controllerManagerArgs(cp, dir, port, overrides)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	// Not CommandContext: ctx only bounds the start.
	m.cmd = exec.Command(path, args...)
	// Like etcd and the API server under envtest, it doesn't get the
	// terminal's Ctrl-C, so that Stop can end all in order.
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out := cp.logs.of(controllerManagerName)
	m.cmd.Stdout, m.cmd.Stderr = out, out
	if err := m.cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	go func() {
		defer close(m.exited)
		m.err = m.cmd.Wait()
	}()
	if err := m.waitHealthy(ctx, port); err != nil {
		return nil, errors.Join(err, m.stop())
	}
	return m, nil
}

// controllerManagerArgs writes what kube-controller-manager reads at start, and
// returns its flags.
func controllerManagerArgs(cp *ControlPlane, dir string, port int, overrides map[string]string) ([]string, error) {
	// Under the name that Kubernetes' own RBAC rules are made for; every
	// controller then gets a service account with its own rights.
	user, err := cp.AddUser("system:" + controllerManagerName)
	if err != nil {
		return nil, err
	}
	kubeconfig, ca := filepath.Join(dir, "kubeconfig"), filepath.Join(dir, "ca.crt")
	if err := errors.Join(
		os.WriteFile(kubeconfig, user.Kubeconfig, 0o600),
		os.WriteFile(ca, user.Config.CAData, 0o600),
	); err != nil {
		return nil, err
	}
	flags := map[string]string{
		"kubeconfig":                       kubeconfig,
		"bind-address":                     "127.0.0.1",
		"secure-port":                      strconv.Itoa(port),
		"leader-elect":                     "false",
		"use-service-account-credentials":  "true",
		"root-ca-file":                     ca,
		"service-account-private-key-file": filepath.Join(cp.env.ControlPlane.APIServer.CertDir, "sa-signer.key"),
		// No kubelet renews the Nodes that tests make up: after 40 s these
		// two would call them unreachable, and taint them.
		"controllers": "*,-node-lifecycle-controller,-taint-eviction-controller",
	}
	for flag, value := range overrides {
		flags[flag] = value
	}
	args := make([]string, 0, len(flags))
	for flag, value := range flags {
		args = append(args, "--"+flag+"="+value)
	}
	slices.Sort(args)
	return args, nil
}

func (m *controllerManager) waitHealthy(ctx context.Context, port int) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	// Its certificate is its own, made at start; this is loopback.
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 5 * time.Second}
	url := fmt.Sprintf("https://127.0.0.1:%d/healthz", port)
	for {
		if healthy(ctx, client, url) {
			return nil
		}
		select {
		case <-m.exited:
			return m.ended()
		case <-ctx.Done():
			return fmt.Errorf("it isn't healthy yet: %w", ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// ended tells how the process ended.
func (m *controllerManager) ended() error {
	if m.err == nil {
		return fmt.Errorf("%w, as if it had nothing to do", errEnded)
	}
	return fmt.Errorf("%w: %w", errEnded, m.err)
}

func healthy(ctx context.Context, client *http.Client, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode == http.StatusOK
}

// stop ends the process; it holds no state, so a killed one is no loss.
func (m *controllerManager) stop() error {
	defer os.RemoveAll(m.dir)
	if err := m.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", controllerManagerName, err)
	}
	select {
	case <-m.exited:
		return nil
	case <-time.After(stopTimeout):
	}
	if err := m.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill %s: %w", controllerManagerName, err)
	}
	<-m.exited
	return nil
}
