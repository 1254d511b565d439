package controlplane

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/exoscale-community/nlb-operator/test/ports"
)

const (
	// startTimeout is for each program, on a machine that builds and tests
	// other things at the same time.
	startTimeout = 2 * time.Minute
	stopTimeout  = 30 * time.Second
)

// ControlPlane is a running control plane.
type ControlPlane struct {
	env        *envtest.Environment
	manager    *controllerManager // nil unless asked for
	kubectl    string
	kubeconfig []byte
	logs       *logs
}

// User is somebody whom the API server knows by certificate.
type User struct {
	Config     *rest.Config
	Kubeconfig []byte
}

// Start runs a control plane and returns when it serves, its CRDs are
// established and its controllers, if asked for, run. Cancelling ctx makes
// Start give up after the step it is at, and has no effect later. A failed
// Start leaves nothing running.
func Start(ctx context.Context, o Options) (_ *ControlPlane, err error) {
	bin, err := findBinaries(o)
	if err != nil {
		return nil, err
	}
	crds, err := crdPaths(o)
	if err != nil {
		return nil, err
	}
	logs, err := openLogs(o.LogDir)
	if err != nil {
		return nil, err
	}
	cp := &ControlPlane{kubectl: bin.kubectl, logs: logs}
	if cp.env, err = environment(bin, o, logs); err != nil {
		return nil, errors.Join(err, logs.close())
	}
	cp.env.CRDDirectoryPaths = crds
	defer func() {
		if err != nil {
			err = errors.Join(err, cp.Stop())
		}
	}()

	if _, err := cp.env.Start(); err != nil {
		if cp.env.Config != nil { // it serves: what it said isn't the reason
			return nil, err
		}
		return nil, fmt.Errorf("start the API server: %w\n%s", err, logs.ends())
	}
	cp.kubeconfig = cp.env.KubeConfig
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if o.ControllerManager {
		if cp.manager, err = startControllerManager(ctx, bin.controllerManager, cp, o.ControllerManagerArgs); err != nil {
			return nil, fmt.Errorf("start kube-controller-manager: %w\n%s", err, logs.ends())
		}
	}
	return cp, nil
}

// environment is envtest's description of etcd and the API server.
func environment(bin binaries, o Options, logs *logs) (*envtest.Environment, error) {
	// A variable left over in somebody's shell must never let tests loose on
	// a real cluster.
	existing := false
	env := &envtest.Environment{
		UseExistingCluster:       &existing,
		ControlPlaneStartTimeout: startTimeout,
		ControlPlaneStopTimeout:  stopTimeout,
	}
	env.ControlPlane.KubectlPath = bin.kubectl
	env.ControlPlane.Etcd = &envtest.Etcd{Path: bin.etcd, Out: logs.of("etcd"), Err: logs.of("etcd")}

	server := env.ControlPlane.GetAPIServer()
	server.Path = bin.apiServer
	server.Out, server.Err = logs.of("kube-apiserver"), logs.of("kube-apiserver")
	// envtest's own default has room for 254 Services only.
	server.Configure().Set("service-cluster-ip-range", "10.96.0.0/16")
	for flag, values := range o.APIServerArgs {
		if values == nil {
			server.Configure().Disable(flag)
			continue
		}
		server.Configure().Set(flag, values...)
	}
	return env, place(env)
}

// place gives the programs ports. envtest's own are of those that the kernel gives
// to whoever asks, and another test may ask before they are used.
func place(env *envtest.Environment) error {
	var at [3]string
	for i := range at {
		port, err := ports.Take()
		if err != nil {
			return err
		}
		at[i] = strconv.Itoa(port)
	}
	const host = "127.0.0.1"
	etcd, server := env.ControlPlane.Etcd, env.ControlPlane.GetAPIServer()
	etcd.URL = &url.URL{Scheme: "http", Host: net.JoinHostPort(host, at[0])}
	etcd.Configure().Set("listen-peer-urls", "http://"+net.JoinHostPort(host, at[1]))
	server.Address, server.Port = host, at[2]
	return nil
}

// Config is a client configuration with all rights. Each call returns a copy.
func (cp *ControlPlane) Config() *rest.Config { return rest.CopyConfig(cp.env.Config) }

// Kubeconfig is the same as a file's content.
func (cp *ControlPlane) Kubeconfig() []byte { return cp.kubeconfig }

// WriteKubeconfig writes Kubeconfig to a file that only its owner can read.
func (cp *ControlPlane) WriteKubeconfig(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, cp.kubeconfig, 0o600)
}

// AddUser makes a user that has the rights which RBAC gives it and its groups.
func (cp *ControlPlane) AddUser(name string, groups ...string) (User, error) {
	user, err := cp.env.AddUser(envtest.User{Name: name, Groups: groups}, &rest.Config{QPS: 1000, Burst: 2000})
	if err != nil {
		return User{}, fmt.Errorf("add user %s: %w", name, err)
	}
	kubeconfig, err := user.KubeConfig()
	if err != nil {
		return User{}, fmt.Errorf("add user %s: %w", name, err)
	}
	return User{Config: user.Config(), Kubeconfig: kubeconfig}, nil
}

// Kubectl is the path of the kubectl of the same release. With other binaries
// than ours it may not exist.
func (cp *ControlPlane) Kubectl() string { return cp.kubectl }

// Stop ends every program and removes its data. End what watches the API
// server first: it waits for open requests, and is killed after half a minute,
// which is an error.
func (cp *ControlPlane) Stop() error {
	var errs []error
	if cp.manager != nil {
		errs = append(errs, cp.manager.stop())
	}
	errs = append(errs, cp.env.Stop(), cp.logs.close())
	return errors.Join(errs...)
}
