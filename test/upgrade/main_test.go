package upgrade

import (
	"fmt"
	"os"
	"testing"

	"k8s.io/client-go/kubernetes/scheme"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// binaries is where the present operator is built.
var binaries string

func TestMain(m *testing.M) {
	err := v1alpha1.AddToScheme(scheme.Scheme)
	if err == nil {
		binaries, err = os.MkdirTemp("", "upgrade-")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(binaries)
	os.Exit(code)
}
