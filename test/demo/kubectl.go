package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// kubectl runs the real one, and shows the command with what it says.
func (d *demo) kubectl(ctx context.Context, args ...string) error {
	d.say("$ kubectl %s", strings.Join(args, " "))
	command := exec.CommandContext(ctx, d.cluster.Kubectl(), args...)
	command.Dir = d.Root
	command.Env = append(os.Environ(), "KUBECONFIG="+d.kubeconfig())
	output, err := command.CombinedOutput()
	for line := range strings.Lines(string(output)) {
		d.say("%s", strings.TrimRight(line, "\n"))
	}
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("kubectl %s: %w", strings.Join(args, " "), err)
	}
	return nil
}
