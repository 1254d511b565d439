//go:build linux

package sandbox

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// probes are done in a namespace of each kind that a sandbox has; what they do
// goes with it.
var probes = []struct{ what, shell string }{
	{"mounts of its own", "mount --make-rprivate / && mount -t tmpfs tmpfs /run"},
	{"overlay file systems", "mkdir /run/l /run/u /run/w /run/m && mount -t overlay overlay -o lowerdir=/run/l,upperdir=/run/u,workdir=/run/w /run/m"},
	{"network interfaces of type veth", "ip link add probe0 type veth peer name probe1"},
	{"network interfaces of type bridge", "ip link add probe2 type bridge"},
	{"address translation by nftables", "nft 'add table ip probe; add chain ip probe nat { type nat hook prerouting priority dstnat; }; add rule ip probe nat fib daddr type local udp dport 9 dnat to 192.0.2.1'"},
}

// Missing tells all that this machine lacks for a sandbox in which a node can
// run; commands are the programs that this takes beside those used here. Empty
// means that nothing is known to be missing.
func Missing(commands ...string) []string {
	if os.Geteuid() != 0 {
		return []string{"it has to run as root"}
	}
	var missing []string
	for _, command := range append([]string{"sh", "mount", "ip", "nft"}, commands...) {
		if _, err := exec.LookPath(command); err != nil {
			missing = append(missing, command+" isn't installed")
		}
	}
	if len(missing) > 0 {
		return missing
	}
	if group, err := makeCgroup(); err != nil {
		missing = append(missing, err.Error())
	} else if err := group.remove(); err != nil {
		missing = append(missing, err.Error())
	}
	return append(missing, failedProbes()...)
}

// failedProbes tells the first that fails: the next may depend on it.
func failedProbes() []string {
	script := ""
	for i, probe := range probes {
		script += fmt.Sprintf("{ %s; } || exit %d\n", probe.shell, firstProbe+i)
	}
	probing := exec.Command("sh", "-c", script)
	probing.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces}
	out, err := probing.CombinedOutput()
	if err == nil {
		return nil
	}
	if failed := probing.ProcessState.ExitCode() - firstProbe; failed >= 0 && failed < len(probes) {
		return []string{fmt.Sprintf("there are no %s here: %s", probes[failed].what, strings.TrimSpace(string(out)))}
	}
	return []string{fmt.Sprintf("it can't have namespaces of its own: %v", err)}
}

// firstProbe is the exit code of the first one, beyond those of the shell itself.
const firstProbe = 10
