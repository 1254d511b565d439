//go:build linux

package node

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
)

const (
	// Outside is the address of the caller's side, at which the node finds the API server.
	Outside = "203.0.113.1"
	// Address is the node's: of its NodePorts, and its public IP at Exoscale.
	Address = "203.0.113.10"
	// namespace is the name of the node's network.
	namespace = "node"
	podRange  = "10.244.0.0/24"
	// serviceRange is the control plane's.
	serviceRange = "10.96.0.0/16"
)

// Connect makes the node's network, and a way to it from the caller's. It comes
// before Start, since the API server listens at Outside.
func Connect(ctx context.Context) error {
	for _, command := range []string{
		"ip netns add " + namespace,
		"ip link add outside type veth peer name inside netns " + namespace,
		"ip address add " + Outside + "/24 dev outside",
		"ip link set outside up",
		"ip -n " + namespace + " address add " + Address + "/24 dev inside",
		"ip -n " + namespace + " link set inside up",
		"ip -n " + namespace + " link set lo up",
		"ip -n " + namespace + " route add default via " + Outside,
		// For the API server, which calls webhooks by their Services, and for tests
		// that look into Pods. A client of an NLB has no such way.
		"ip route add " + serviceRange + " via " + Address,
		"ip route add " + podRange + " via " + Address,
	} {
		if err := do(ctx, strings.Fields(command)...); err != nil {
			return err
		}
	}
	return do(ctx, inNetwork("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")...)
}

// inNetwork is the command line that runs another in the node's network.
func inNetwork(command ...string) []string {
	return append([]string{"nsenter", "--net=/run/netns/" + namespace, "--"}, command...)
}

// do runs a command to its end.
func do(ctx context.Context, command ...string) error {
	out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
