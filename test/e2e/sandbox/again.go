//go:build linux

package sandbox

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
)

// insideVariable tells the program inside the name of its cgroup.
const insideVariable = "EXOSCALE_NLB_SANDBOX"

// Inside tells whether this program runs in a sandbox.
func Inside() bool { return os.Getenv(insideVariable) != "" }

// Cgroup is the path of the sandbox's cgroup below the root of each hierarchy.
func Cgroup() string { return "/" + os.Getenv(insideVariable) }

// interruptedCode is how shells say that Ctrl-C ended a program.
const interruptedCode = 130

// Again runs this program with its arguments in a sandbox, and returns its exit
// code when nothing of it is left.
func Again() (code int, err error) {
	// Before anything exists that would outlive an interruption.
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(interrupted)

	group, err := makeCgroup()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, group.remove()) }()

	path, err := os.Executable()
	if err != nil {
		return 0, err
	}
	program := exec.Command(path, os.Args[1:]...)
	program.Env = append(os.Environ(), insideVariable+"="+group.name)
	program.Stdin, program.Stdout, program.Stderr = os.Stdin, os.Stdout, os.Stderr
	program.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: namespaces,
		Setpgid:    true, // a terminal's Ctrl-C is answered here, and only here
		Pdeathsig:  syscall.SIGKILL,
	}
	ended, err := start(program)
	if err != nil {
		return 0, fmt.Errorf("running this program in a sandbox: %w", err)
	}
	select {
	case <-interrupted:
		_ = program.Process.Kill()
		if err := <-ended; err == nil {
			return 0, nil // it was faster
		}
		return interruptedCode, nil
	case err = <-ended:
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), nil
	}
	return 0, err
}

const namespaces = syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC

// start starts a program from a thread that lives as long as the program does,
// since Pdeathsig is for the death of the thread.
func start(program *exec.Cmd) (ended <-chan error, err error) {
	started, end := make(chan error), make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := program.Start()
		started <- err
		if err == nil {
			end <- program.Wait()
		}
	}()
	return end, <-started
}
