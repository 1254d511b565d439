package injection

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	. "github.com/onsi/gomega"
	"k8s.io/client-go/rest"

	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/internal/exoscale"
	"github.com/exoscale-community/nlb-operator/test/exosim"
	"github.com/exoscale-community/nlb-operator/test/ports"
)

const image = "registry.example.com/udp-healthcheck:v1"

// operator is a running one.
type operator struct {
	port    int32 // of the webhook
	log     *output
	stop    func()
	options app.Options
}

// start runs the operator as what was installed, until the test ends or it is
// stopped; edit, unless nil, changes its options.
func start(t *testing.T, edit func(*app.Options)) *operator {
	t.Helper()
	return startAs(t, installed(t), edit)
}

func startAs(t *testing.T, as *rest.Config, edit func(*app.Options)) *operator {
	t.Helper()
	sim := exosim.StartTestServer(t, exosim.Options{})
	o := &operator{port: int32(ports.Free(t)), log: &output{}}
	o.options = app.Defaults()
	o.options.Log = o.log.logger()
	o.options.Zone, o.options.APIEndpoint = exosim.DefaultZone, sim.Endpoint
	o.options.Credentials = exoscale.StaticCredentials(sim.Key, sim.Secret)
	o.options.SyncPeriod, o.options.PollInterval = 300*time.Millisecond, 20*time.Millisecond
	o.options.MetricsBindAddress, o.options.HealthProbeBindAddress = app.Off, app.Off
	o.options.SkipNameValidation = true
	o.options.UDPSidecarImage, o.options.WebhookNamespace = image, system
	o.options.WebhookBindAddress = fmt.Sprintf("127.0.0.1:%d", o.port)
	o.options.WebhookCertSettle = 200 * time.Millisecond
	if edit != nil {
		edit(&o.options)
	}
	o.run(t, as)
	return o
}

func (o *operator) run(t *testing.T, as *rest.Config) {
	t.Helper()
	a, err := app.New(t.Context(), as, o.options)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := a.Run(ctx); err != nil {
			t.Errorf("the operator ended: %v\n%s", err, o.log)
		}
	}()
	o.stop = func() {
		cancel()
		<-ended
	}
	t.Cleanup(func() {
		o.stop()
		if t.Failed() {
			t.Logf("the operator's log:\n%s", o.log)
		}
	})
}

// serving starts an operator, and returns when Pods get the sidecar from it.
func serving(t *testing.T, edit func(*app.Options)) *operator {
	t.Helper()
	o := start(t, edit)
	leadTo(t, o.port)
	injecting(t)
	return o
}

// injecting waits until a Pod that asks for the sidecar gets it.
func injecting(t *testing.T) {
	t.Helper()
	NewWithT(t).Eventually(func() ([]string, error) { return sidecars(tried(t, newUser(t), asking("default", "probe"))) }, patience).
		Should(HaveLen(1))
}

// output is a log that can be read while it is written.
type output struct {
	mu    sync.Mutex
	lines strings.Builder
}

func (o *output) logger() logr.Logger {
	return funcr.New(func(prefix, args string) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.lines.WriteString(prefix + " " + args + "\n")
	}, funcr.Options{})
}

// String is what was logged.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.lines.String()
}
