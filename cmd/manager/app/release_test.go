package app

import (
	"bytes"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/exoscale-community/nlb-operator/test/exosim"
)

func TestCheckTellsWhatIsHeld(t *testing.T) {
	g := NewWithT(t)
	sim := exosim.StartTestServer(t, exosim.Options{})
	object := loadBalancer(t, namespace(t, "release-check"), "web")
	stop := running(t, optionsFor(sim))
	g.Eventually(ready(t, object), patience).Should(HavePrefix("True/"))
	stop()

	said, err := check(t, "release-check")
	g.Expect(err).To(MatchError(HavePrefix("the operator still holds 1 object: ")))
	g.Expect(said).To(Equal("NetworkLoadBalancer release-check/web: NLB " + object.Status.ID + " (" + object.Status.Address + ") in zone " + exosim.DefaultZone + "\n"))
}

func TestCheckIsContentWhereNothingIsHeld(t *testing.T) {
	g := NewWithT(t)
	loadBalancer(t, namespace(t, "release-nothing"), "never-looked-at")
	said, err := check(t, "release-nothing")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(said).To(Equal("The operator holds nothing: it can be removed.\n"))
}

// check what is held in a namespace; other tests have theirs.
func check(t *testing.T, namespace string) (said string, err error) {
	t.Helper()
	var out bytes.Buffer
	err = Check(t.Context(), cluster.Config(), []string{namespace}, &out)
	return out.String(), err
}
