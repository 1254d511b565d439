package dataplane

import (
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

const (
	// patience is how long a test waits for what must happen.
	patience = time.Minute
	// hurry makes the 10 s between probes 50 ms.
	hurry = 200
)

// nextAddress is the last loopback address handed out. The process id keeps
// test binaries that run at the same time apart.
var nextAddress = netip.AddrFrom4([4]byte{127, byte(64 + os.Getpid()%128), byte(os.Getpid() / 128), 0})

func givenAddress() netip.Addr {
	nextAddress = nextAddress.Next()
	return nextAddress
}

// givenPlane closes the plane when the test ends, and fails it if a goroutine of
// it, or of anything else that the test started, is left.
func givenPlane(t *testing.T, opts Options) *Plane {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		if !eventually(t, func() bool { return runtime.NumGoroutine() <= before }) {
			stacks := make([]byte, 1<<20)
			t.Errorf("%d goroutines, %d before the test:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	})
	if opts.TimeScale == 0 {
		opts.TimeScale = hurry
	}
	plane := New(opts)
	t.Cleanup(func() {
		if err := plane.Close(); err != nil {
			t.Errorf("closing the plane: %v", err)
		}
	})
	return plane
}

func eventually(t *testing.T, condition func() bool) bool {
	return NewWithT(failQuietly{t}).Eventually(condition).WithTimeout(patience).WithPolling(5 * time.Millisecond).Should(BeTrue())
}

// failQuietly lets a caller of eventually say itself what went wrong.
type failQuietly struct{ testing.TB }

func (failQuietly) Fatalf(string, ...any) {}

func whenApplied(t *testing.T, plane *Plane, services ...Service) {
	t.Helper()
	if err := plane.Apply(services); err != nil {
		t.Fatalf("applying: %v", err)
	}
}

// thenHealthy waits until exactly the members given are the service's healthy
// backends.
func thenHealthy(t *testing.T, plane *Plane, service Service, members ...*member) {
	t.Helper()
	want := map[netip.Addr]bool{}
	for _, backend := range service.Backends {
		want[backend] = false
	}
	for _, m := range members {
		want[m.addr] = true
	}
	NewWithT(t).Eventually(func() map[netip.Addr]bool { return plane.Health(service.ID) }).
		WithTimeout(patience).WithPolling(5 * time.Millisecond).Should(Equal(want))
}
