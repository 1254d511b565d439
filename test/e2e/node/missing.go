//go:build linux

package node

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/exoscale-community/nlb-operator/test/e2e/sandbox"
)

// Commands that a node takes and that Go modules don't give.
var Commands = []string{"containerd", "containerd-shim-runc-v2", "ctr", "runc", "nsenter"}

// Missing tells what this machine lacks besides; empty if it can run a node.
func Missing() []string {
	if cniPluginDir() == "" {
		return []string{fmt.Sprintf("the CNI plugins %s are in neither of %s", strings.Join(cniPlugins, ", "), strings.Join(cniPluginDirs, " and "))}
	}
	return nil
}

// BearID gives the machine the UUID of an instance, as the firmware of one does.
// Some machines have none: their Nodes are known by the providerID alone.
func BearID(instance string) error {
	err := sandbox.Cover("/sys/class/dmi/id/product_uuid", instance)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
