package app

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

func TestCheckTellsWhetherTheKeyWorks(t *testing.T) {
	sim := exosim.StartTestServer(t, exosim.Options{})
	sim.AddKey(exosim.Key{Key: "EXOsome", Secret: "some-secret", Operations: []string{"list-zones", "list-load-balancers", "list-instances", "list-sks-clusters"}})
	folder := t.TempDir()
	for name, tc := range map[string]struct {
		args        []string
		key, secret string
		said, fails string
	}{
		"one that may do all": {
			key: sim.Key, secret: sim.Secret,
			said: "The API key works: it may list the NLBs, instance pools, instances and SKS clusters of zone " + exosim.DefaultZone + ".\n",
		},
		"one that Exoscale doesn't know": {
			key: "EXOunknown", secret: "s3cret",
			fails: "list-load-balancers in zone " + exosim.DefaultZone,
		},
		"one that may not do all": {
			key: "EXOsome", secret: "some-secret",
			fails: "list-instance-pools in zone " + exosim.DefaultZone + ": ",
		},
		"none": {
			fails: "no API credentials are set: set EXOSCALE_API_KEY and EXOSCALE_API_SECRET",
		},
		"a file that isn't there": {
			args:  []string{"--exoscale-credentials-file=" + filepath.Join(folder, "none")},
			fails: "can't be read: no such file or directory",
		},
		"a zone that isn't there": {
			args: []string{"--zone=ch-zrh-9"}, key: sim.Key, secret: sim.Secret,
			fails: `there is no zone "ch-zrh-9"; the zones are`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			t.Setenv(exoscale.EnvAPIKey, tc.key)
			t.Setenv(exoscale.EnvAPISecret, tc.secret)
			sim.ResetCalls()
			said, err := examine(t, append([]string{"--zone=" + exosim.DefaultZone, "--exoscale-api-endpoint=" + sim.Endpoint}, tc.args...)...)
			g.Expect(said).To(Equal(tc.said))
			if tc.fails == "" {
				g.Expect(err).NotTo(HaveOccurred())
			} else {
				g.Expect(err).To(MatchError(And(ContainSubstring(tc.fails), Not(ContainSubstring("s3cret")))))
			}
			g.Expect(sim.Calls().Writes).To(BeZero())
		})
	}
}

func TestCheckTellsWhetherTheOperatorAnswers(t *testing.T) {
	g := NewWithT(t)
	sim := exosim.StartTestServer(t, exosim.Options{})
	t.Setenv(exoscale.EnvAPIKey, sim.Key)
	t.Setenv(exoscale.EnvAPISecret, sim.Secret)
	var asked atomic.Int32
	operator := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable) // it is starting
		}
	}))
	arguments := []string{"--zone=" + exosim.DefaultZone, "--exoscale-api-endpoint=" + sim.Endpoint, "--operator=" + operator.URL + "/readyz"}

	said, err := examine(t, arguments...)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(said).To(HaveSuffix("\nThe operator answers at " + operator.URL + "/readyz.\n"))

	operator.Close()
	_, err = examine(t, append(arguments, "--timeout=100ms")...)
	g.Expect(err).To(MatchError(And(ContainSubstring("the operator doesn't answer at "+operator.URL), ContainSubstring("kubectl logs"))))
}

func TestWhatIsWrongWithCheckIsNamed(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"no zone":                     {nil, `--zone: must be the name of a zone, such as "ch-gva-2"; it is ""`},
		"an operator that is no URL":  {[]string{"--zone=ch-gva-2", "--operator=here"}, "--operator: must be a URL"},
		"no time":                     {[]string{"--zone=ch-gva-2", "--timeout=0s"}, `--timeout: must be more than 0; it is "0s"`},
		"a flag of the operator only": {[]string{"--leader-elect"}, "unknown flag: --leader-elect; --help lists all flags"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := examine(t, tc.args...)
			NewWithT(t).Expect(err).To(MatchError(ContainSubstring(tc.want)))
		})
	}
}

func TestHelpOfCheck(t *testing.T) {
	said, err := examine(t, "--help")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/help-check.txt", said)
}

// examine runs the command as a program would.
func examine(t *testing.T, args ...string) (said string, err error) {
	t.Helper()
	var out bytes.Buffer
	err = Command{Args: append([]string{"check"}, args...), Lookup: environment(nil), Out: &out, Version: "test"}.Run(t.Context())
	return out.String(), err
}
