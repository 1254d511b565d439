package webhookcert

import (
	"context"
	"crypto/tls"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"
)

// lookAgain is how soon files are looked for again that aren't there.
const lookAgain = 2 * time.Second

// Files is what servers show when somebody else makes the certificate: tls.crt and
// tls.key of a folder, as a Secret is mounted. They may come later, and are
// followed. It is a Runnable of a manager.
type Files struct {
	dir     string
	log     logr.Logger
	current atomic.Pointer[certwatcher.CertWatcher]
}

// NewFiles reads from a folder.
func NewFiles(dir string, log logr.Logger) *Files { return &Files{dir: dir, log: log} }

// GetCertificate is for a tls.Config.
func (f *Files) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	watcher := f.current.Load()
	if watcher == nil {
		return nil, errNone
	}
	return watcher.GetCertificate(hello)
}

// NeedLeaderElection implements manager.LeaderElectionRunnable.
func (*Files) NeedLeaderElection() bool { return false }

// Start follows the files until ctx ends.
func (f *Files) Start(ctx context.Context) error {
	for said := ""; ctx.Err() == nil; {
		err := f.follow(ctx)
		if err != nil && err.Error() != said {
			said = err.Error()
			f.log.Error(err, "Reading the webhook's certificate; the webhook isn't served meanwhile", "folder", f.dir)
		}
		select {
		case <-ctx.Done():
		case <-time.After(lookAgain):
		}
	}
	return nil
}

// follow returns when the files can't be read, or ctx ends.
func (f *Files) follow(ctx context.Context) error {
	watcher, err := certwatcher.New(filepath.Join(f.dir, keyCertificate), filepath.Join(f.dir, keyPrivateKey))
	if err != nil {
		return err
	}
	f.current.Store(watcher)
	return watcher.Start(ctx)
}
