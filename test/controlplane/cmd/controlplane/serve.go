package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/exoscale-community/nlb-operator/test/controlplane"
)

// readyWord is what serve writes to the pipe that start waits at.
const readyWord = "ready"

// readyPipe is the first of exec.Cmd's ExtraFiles.
const readyPipe = 3

// serve runs the control plane until it is told to end.
func serve(ctx context.Context, h home) error {
	// The programs started here must not hold the pipe open, or start would
	// wait for them.
	syscall.CloseOnExec(readyPipe)
	lock, err := h.occupy()
	if err != nil {
		return err
	}
	defer lock.Close()
	cp, err := controlplane.Start(ctx, controlplane.Options{ControllerManager: true, LogDir: h.dir})
	if err != nil {
		return err
	}
	err = announce(cp, h)
	if err == nil {
		<-ctx.Done()
	}
	// The kubeconfig is worth nothing any more.
	if removeErr := os.Remove(h.kubeconfig); !errors.Is(removeErr, fs.ErrNotExist) {
		err = errors.Join(err, removeErr)
	}
	return errors.Join(err, cp.Stop())
}

func announce(cp *controlplane.ControlPlane, h home) error {
	if err := cp.WriteKubeconfig(h.kubeconfig); err != nil {
		return err
	}
	pipe := os.NewFile(readyPipe, "ready pipe")
	if _, err := pipe.WriteString(readyWord); err != nil {
		return fmt.Errorf("tell start that it is ready (serve is only for start): %w", err)
	}
	return pipe.Close()
}
