//go:build linux

package e2e

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/exoscale-community/nlb-operator/test/e2e/node"
	"github.com/exoscale-community/nlb-operator/test/e2e/sandbox"
)

// binariesVariable names the folder that make builds into: kubelet and kube-proxy
// are in it, and in e2e the programs of the images.
const binariesVariable = "E2E_BINARIES"

// whyNot tells why no node runs here; empty if one does.
var whyNot string

// TestMain runs the tests in a sandbox, or says in each why it can't.
func TestMain(m *testing.M) {
	check := flag.Bool("check", false, "tell by the exit code whether a node can run here")
	flag.Parse()
	switch {
	case sandbox.Inside():
		if err := sandbox.Furnish(); err != nil {
			fail(err)
		}
	case os.Getenv(binariesVariable) == "":
		whyNot = "a real node takes root and more programs than other tests: make e2e-node runs one"
	default:
		if missing := append(sandbox.Missing(node.Commands...), node.Missing()...); len(missing) > 0 {
			whyNot = "no node can run here: " + strings.Join(missing, "; ")
		}
	}
	switch {
	case *check && whyNot != "":
		fmt.Println("Skipped, since " + whyNot)
		os.Exit(1)
	case *check:
		os.Exit(0)
	case whyNot != "" || sandbox.Inside():
		os.Exit(m.Run())
	}
	code, err := sandbox.Again()
	if err != nil {
		fail(err)
	}
	os.Exit(code)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "e2e:", err)
	os.Exit(1)
}
