//go:build linux

package node

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// program is one that runs until it is stopped.
type program struct {
	name   string
	log    string // path
	cmd    *exec.Cmd
	exited chan struct{}
	err    error // read after exited is closed
}

// launch starts a program in the node's network.
func launch(logDir, path string, args ...string) (*program, error) {
	p := &program{name: filepath.Base(path), exited: make(chan struct{})}
	p.log = filepath.Join(logDir, p.name+".log")
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	command := inNetwork(append([]string{path}, args...)...)
	p.cmd = exec.Command(command[0], command[1:]...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.name, err)
	}
	go func() {
		defer close(p.exited)
		p.err = p.cmd.Wait()
	}()
	return p, nil
}

// startPatience is for one program, on a machine that has other things to do.
const startPatience = 2 * time.Minute

// awaits returns when a program is well, and gives up when it has ended.
func (p *program) awaits(ctx context.Context, well func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		err := well(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.exited:
			return fmt.Errorf("%s has ended (%w); its log is %s", p.name, p.err, p.log)
		case <-ctx.Done():
			return fmt.Errorf("%s isn't well yet: %w; its log is %s", p.name, err, p.log)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// serves asks for a page until the answer is 200.
func serves(url string) func(context.Context) error {
	client := &http.Client{Timeout: 5 * time.Second}
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("GET %s: %s", url, response.Status)
		}
		return nil
	}
}

// stop ends a program, which has no state that anybody needs any more.
func (p *program) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stopping %s: %w", p.name, err)
	}
	<-p.exited
	return nil
}
