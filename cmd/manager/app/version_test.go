package app

import "testing"

func TestSidecarsAreFoundByNumberBeforeKubernetes133(t *testing.T) {
	for version, want := range map[string]bool{
		"v1.30.0": true, "v1.32.9": true, "v1.32.4-eks-1": true, "v1.32.0+k3s1": true,
		"v1.33.0": false, "v1.33.0-alpha.1": false, "v1.36.3": false, "v1.33.1+k3s1": false, "v2.0.0": false,
		"": false, "devel": false, // taken for a current one
	} {
		if got := lacksNamedSidecarPorts(version); got != want {
			t.Errorf("%q: want %t, got %t", version, want, got)
		}
	}
}
