package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// start runs serve in the background and returns when it is ready.
func start(ctx context.Context, h home) error {
	who, err := h.occupant()
	if err != nil {
		return err
	}
	if who != nil {
		fmt.Printf("The control plane already runs (process %d).\n", who.PID)
		if err := handOver(who.Kubeconfig, h.kubeconfig); err != nil {
			return err
		}
		tellNext(h)
		return nil
	}
	fmt.Println("Starting etcd, kube-apiserver and kube-controller-manager; it takes some seconds.")
	pid, err := detach(ctx, h)
	if err != nil {
		return err
	}
	fmt.Printf("The control plane runs (process %d), its logs are in %s.\n", pid, h.dir)
	tellNext(h)
	return nil
}

// detach starts serve in a session of its own, so that neither Ctrl-C nor the
// end of make ends it, and waits for its word on the ready pipe. The pipe's end
// without that word means that it failed.
func detach(ctx context.Context, h home) (pid int, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	log, err := os.Create(h.logFile())
	if err != nil {
		return 0, err
	}
	defer log.Close()
	ready, tell, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer ready.Close()

	// Not CommandContext, which would end it with this process' context.
	cmd := exec.Command(self, "serve", "-dir", h.dir, "-kubeconfig", h.kubeconfig)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{tell}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return 0, errors.Join(err, tell.Close())
	}
	if err := tell.Close(); err != nil {
		return 0, err
	}
	// Interrupted, it is told to end; the pipe then ends without the word.
	release := context.AfterFunc(ctx, func() { _ = cmd.Process.Signal(syscall.SIGTERM) })
	defer release()
	word, err := io.ReadAll(ready)
	if err != nil {
		return 0, err
	}
	if string(word) == readyWord {
		return cmd.Process.Pid, nil
	}
	waitErr := cmd.Wait()
	said, readErr := os.ReadFile(h.logFile())
	return 0, errors.Join(fmt.Errorf("it didn't start:\n%s", said), waitErr, readErr)
}

// handOver copies the kubeconfig of a running control plane to another place.
func handOver(from, to string) error {
	if from == to {
		return nil
	}
	content, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("copy its kubeconfig: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o600)
}

func tellNext(h home) {
	kubectl := "kubectl"
	if dir := os.Getenv("KUBEBUILDER_ASSETS"); dir != "" {
		kubectl = filepath.Join(dir, "kubectl")
	}
	fmt.Printf(`Next:
  export KUBECONFIG=%s
  %s get namespaces
  make control-plane-stop
`, h.kubeconfig, kubectl)
}
