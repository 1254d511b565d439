package exoscale

import (
	"context"
	"path/filepath"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/go-logr/logr"
	"k8s.io/utils/clock"
)

// FileCredentials follow a file or a mounted Secret. The file is the truth: while
// it is missing or incomplete, there are no credentials.
type FileCredentials struct {
	path string
	opts FileCredentialsOptions

	mu       sync.Mutex
	now      Credentials
	err      error
	onChange []func()
}

// FileCredentialsOptions of FileCredentials. The zero value of a field means its default.
type FileCredentialsOptions struct {
	// Reread is how often the file is read though nothing was heard of it:
	// notifications get lost on some file systems. Default 30 s.
	Reread time.Duration
	// Settle is how long to wait after a notification, so that a file that is
	// being written is read once, and whole. Default 200 ms.
	Settle time.Duration
	Log    logr.Logger
	Clock  clock.WithTicker
}

// NewFileCredentials reads the file (or directory) once; Start follows it. That
// it can't be read is the error of Credentials, not of this call.
// The formats are those of a shell's environment file and of a mounted Secret:
// EXOSCALE_API_KEY=… and EXOSCALE_API_SECRET=…, or a file for each of them
// (api-key and api-secret are understood too).
func NewFileCredentials(path string, opts FileCredentialsOptions) *FileCredentials {
	if opts.Reread <= 0 {
		opts.Reread = 30 * time.Second
	}
	if opts.Settle <= 0 {
		opts.Settle = 200 * time.Millisecond
	}
	if opts.Log.GetSink() == nil {
		opts.Log = logr.Discard()
	}
	if opts.Clock == nil {
		opts.Clock = clock.RealClock{}
	}
	f := &FileCredentials{path: path, opts: opts}
	f.now, f.err = readCredentials(path)
	return f
}

// Credentials implements CredentialsSource.
func (f *FileCredentials) Credentials() (Credentials, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now, f.err
}

// OnChange calls back after every change of the credentials.
func (f *FileCredentials) OnChange(call func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.onChange = append(f.onChange, call)
}

// NeedLeaderElection tells controller-runtime to follow the file on standbys too.
func (f *FileCredentials) NeedLeaderElection() bool { return false }

// Start follows the file until ctx ends. It has the form of a controller-runtime
// Runnable. Without notifications it reads at the interval only.
func (f *FileCredentials) Start(ctx context.Context) error {
	events, watch := f.notifications(ctx)
	for {
		watch()
		timer := f.opts.Clock.NewTimer(f.opts.Reread)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-events:
			if !f.settle(ctx, events) {
				timer.Stop()
				return nil
			}
		case <-timer.C():
		}
		timer.Stop()
		f.read()
	}
}

// settle waits for the moment after a notification, and takes all that come in it.
func (f *FileCredentials) settle(ctx context.Context, events <-chan fsnotify.Event) bool {
	timer := f.opts.Clock.NewTimer(f.opts.Settle)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-events:
		case <-timer.C():
			return true
		}
	}
}

// notifications of the file's directory, which outlives every exchange of the
// file, and of the path itself in case it is a directory. watch adds them again
// whenever they were lost, for example since the directory didn't exist yet.
func (f *FileCredentials) notifications(ctx context.Context) (<-chan fsnotify.Event, func()) {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		f.opts.Log.Info("no notifications of the credentials file; reading it at the interval", "reason", err.Error())
		return nil, func() {}
	}
	context.AfterFunc(ctx, func() { _ = watcher.Close() })
	go func() { // errors (an overflow) cost nothing but the wait for the interval
		for range watcher.Errors {
		}
	}()
	return watcher.Events, func() {
		_ = watcher.Add(filepath.Dir(f.path))
		_ = watcher.Add(f.path)
	}
}

// read takes what the file says now.
func (f *FileCredentials) read() {
	now, err := readCredentials(f.path)
	f.mu.Lock()
	same := now == f.now && (err == nil) == (f.err == nil)
	f.now, f.err = now, err
	calls := f.onChange
	f.mu.Unlock()
	if same {
		return
	}
	if err != nil {
		f.opts.Log.Error(err, "there are no Exoscale credentials")
	} else {
		f.opts.Log.Info("the Exoscale credentials have changed", "key", now.Key)
	}
	for _, call := range calls {
		call()
	}
}
