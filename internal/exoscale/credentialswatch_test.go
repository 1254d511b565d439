package exoscale

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"
)

// never is an interval that no test waits for: what is seen was notified.
const never = time.Hour

// followed starts to follow path and gives the key that holds now ("" for none).
func followed(t *testing.T, path string, reread time.Duration) (*FileCredentials, func() string) {
	t.Helper()
	f := NewFileCredentials(path, FileCredentialsOptions{Reread: reread, Settle: time.Millisecond})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = f.Start(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return f, func() string {
		c, err := f.Credentials()
		if err != nil {
			return ""
		}
		return c.Key
	}
}

// secret lays out a directory as the kubelet mounts a Secret.
type secret struct {
	t   *testing.T
	dir string
	n   int
}

func (s *secret) swap(key string) {
	s.t.Helper()
	s.n++
	generation := filepath.Join(s.dir, fmt.Sprintf("..generation%d", s.n))
	write(s.t, filepath.Join(generation, EnvAPIKey), key)
	write(s.t, filepath.Join(generation, EnvAPISecret), "secret of "+key)
	link := filepath.Join(s.dir, "..data_tmp")
	if err := os.Symlink(filepath.Base(generation), link); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(link, filepath.Join(s.dir, "..data")); err != nil {
		s.t.Fatal(err)
	}
	for _, name := range []string{EnvAPIKey, EnvAPISecret} {
		_ = os.Symlink(filepath.Join("..data", name), filepath.Join(s.dir, name))
	}
}

func TestFileCredentialsFollowAMountedSecret(t *testing.T) {
	g := NewWithT(t)
	mounted := &secret{t: t, dir: t.TempDir()}
	mounted.swap("one")
	f, key := followed(t, mounted.dir, never)
	g.Expect(key()).To(Equal("one"))
	var changes atomic.Int32
	f.OnChange(func() { changes.Add(1) })
	// The watch begins some time after Start: swap until it has been seen.
	g.Eventually(func() string { mounted.swap("two"); return key() }).WithPolling(50 * time.Millisecond).Should(Equal("two"))
	mounted.swap("three")
	g.Eventually(key).Should(Equal("three"))
	g.Eventually(changes.Load).Should(Equal(int32(2)), "only a change calls back")
}

func TestFileCredentialsFollowAFile(t *testing.T) {
	g := NewWithT(t)
	path := filepath.Join(t.TempDir(), "later", "credentials")
	f, key := followed(t, path, 10*time.Millisecond)
	_, err := f.Credentials()
	g.Expect(err).To(MatchError(ContainSubstring("no such file")), "a missing file is an error of the call, not of the start")

	write(t, path, "EXOSCALE_API_KEY=one\nEXOSCALE_API_SECRET=s")
	g.Eventually(key).Should(Equal("one"))
	write(t, path+".new", "EXOSCALE_API_KEY=two\nEXOSCALE_API_SECRET=s")
	g.Expect(os.Rename(path+".new", path)).To(Succeed())
	g.Eventually(key).Should(Equal("two"))
	g.Expect(os.Remove(path)).To(Succeed())
	g.Eventually(key).Should(BeEmpty(), "the file is the truth")
	write(t, path, "EXOSCALE_API_KEY=three\nEXOSCALE_API_SECRET=s")
	g.Eventually(key).Should(Equal("three"))
}

// A changed key is used within a minute of being in the Pod, whatever gets lost.
func TestFileCredentialsAreReadWithinAMinuteThoughNothingIsHeard(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	for _, key := range []string{"one", "two"} {
		write(t, filepath.Join(dir, key, "credentials"), "EXOSCALE_API_KEY="+key+"\nEXOSCALE_API_SECRET=s")
	}
	link := filepath.Join(dir, "now")
	g.Expect(os.Symlink("one", link)).To(Succeed())
	clock := clocktesting.NewFakeClock(time.Now())
	f := NewFileCredentials(filepath.Join(link, "credentials"), FileCredentialsOptions{Clock: clock})
	go func() { _ = f.Start(t.Context()) }()
	g.Eventually(clock.HasWaiters).Should(BeTrue())

	// The folder that is watched is that of "one", in which nothing happens.
	g.Expect(os.Symlink("two", link+".new")).To(Succeed())
	g.Expect(os.Rename(link+".new", link)).To(Succeed())
	clock.Step(time.Minute)
	g.Eventually(func() string { c, _ := f.Credentials(); return c.Key }).Should(Equal("two"))
}
