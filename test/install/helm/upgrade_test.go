package helm

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// TestUpgrade installs the chart and the operator as they were before the chart
// changed last, goes to the present ones, and back. Nothing of it may be felt.
func TestUpgrade(t *testing.T) {
	c := startCluster(t)
	previous := c.previous(t)
	c.create(t, prometheus())
	v := c.watched()
	v["image"] = values{"tag": previous.tag}
	c.install(t, previous.chart, v)
	addresses := map[string]string{"web": c.service(t, "web"), "mail": c.service(t, "mail"), "shop": c.service(t, "shop")}
	for name := range addresses {
		c.says(t, name, v1alpha1.ReasonReady)
	}

	t.Run("upgraded, nothing happens at Exoscale, and all works", func(t *testing.T) {
		v["image"] = values{"tag": presentTag}
		before := c.replicas(t)
		c.cloud.ResetCalls()
		c.install(t, chart, v)
		c.unfelt(t, before, addresses)
		c.service(t, "present")
	})
	t.Run("rolled back, nothing happens either", func(t *testing.T) {
		before := c.replicas(t)
		c.cloud.ResetCalls()
		if _, err := c.helm(t, nil, "rollback", release, "1", "--wait", "--timeout", patience.String()); err != nil {
			t.Fatalf("%v\n%s", err, c.said())
		}
		c.unfelt(t, before, addresses)
		c.service(t, "previous")
	})
}

// unfelt waits until others than the replicas before have looked at every NLB, and
// holds that nothing has changed.
func (c *cluster) unfelt(t *testing.T, before []string, addresses map[string]string) {
	t.Helper()
	g := NewWithT(t)
	g.Eventually(func(g Gomega) {
		g.Expect(c.replicas(t)).To(And(HaveLen(2), Not(ContainElement(BeElementOf(before)))))
		g.Expect(slices.Max(append(c.rounds(t), 0))).To(BeNumerically(">=", len(addresses)))
	}, patience).Should(Succeed(), "%s", c.said())
	g.Expect(c.cloud.MutatingCalls()).To(BeEmpty())
	for name, address := range addresses {
		g.Expect(c.addressOf(t, name)).To(Equal(address), "Service %s", name)
		c.says(t, name, v1alpha1.ReasonReady)
	}
	g.Expect(c.said().String()).NotTo(ContainSubstring("forbidden"))
}

// rounds are how many rounds of NetworkLoadBalancers each replica has gone.
func (c *cluster) rounds(t *testing.T) []int {
	t.Helper()
	var all []int
	for _, metrics := range c.metrics(t) {
		rounds := 0
		for _, count := range regexp.MustCompile(`(?m)^controller_runtime_reconcile_total\{controller="networkloadbalancer",.*\} (\d+)$`).FindAllStringSubmatch(metrics, -1) {
			n, err := strconv.Atoi(count[1])
			if err != nil {
				t.Fatal(err)
			}
			rounds += n
		}
		all = append(all, rounds)
	}
	return all
}

// version is a chart, and the image that goes with it.
type version struct{ chart, tag string }

// previous is what was before the chart changed last, as far as git knows.
func (c *cluster) previous(t *testing.T) version {
	t.Helper()
	commit, why := previousCommit(t)
	if commit == "" {
		t.Logf("There is no earlier chart to upgrade from (%s): the present one is upgraded to itself, with other Pods.", why)
		c.pods.SetImage("exoscale-nlb-operator:same", manager(t))
		return version{chart, "same"}
	}
	t.Logf("Upgrading from the chart and the operator of commit %s.", commit)
	checkout := t.TempDir()
	extract := exec.CommandContext(t.Context(), "sh", "-euc", fmt.Sprintf("git -C ../../.. archive %s | tar --extract --directory '%s'", commit, checkout))
	if said, err := extract.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	path, err := build(checkout, "previous")
	if err != nil {
		t.Fatal(err)
	}
	c.pods.SetImage("exoscale-nlb-operator:previous", path)
	return version{filepath.Join(checkout, "charts/exoscale-nlb-operator"), "previous"}
}

// previousCommit is the one before the chart changed last: the last of all, if the
// change isn't committed yet. Without one it tells why there is none.
func previousCommit(t *testing.T) (commit, why string) {
	t.Helper()
	if _, err := os.Stat("../../../.git"); err != nil {
		return "", "this is no git checkout"
	}
	if status, err := git(t, "status", "--porcelain", "--", "charts/exoscale-nlb-operator"); err == nil && status != "" {
		return "HEAD", ""
	}
	last, err := git(t, "rev-list", "-1", "HEAD", "--", "charts/exoscale-nlb-operator")
	if err != nil || last == "" {
		return "", "git doesn't know when it changed"
	}
	if _, err := git(t, "cat-file", "-e", last+"~1:charts/exoscale-nlb-operator/Chart.yaml"); err != nil {
		return "", "commit " + last + " changed it last, and git knows none before"
	}
	return last + "~1", ""
}

func git(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", arguments...)
	cmd.Dir = "../../.."
	said, err := cmd.Output()
	return strings.TrimSpace(string(said)), err
}
