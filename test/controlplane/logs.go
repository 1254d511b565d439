package controlplane

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
)

// logs takes what the programs say: to a file each if there is a folder for
// them, and in any case the end of it, to tell why a start failed.
type logs struct {
	dir   string // "" keeps no files
	files map[string]*os.File
	tails map[string]*tail
}

func openLogs(dir string) (*logs, error) {
	l := &logs{dir: dir, files: map[string]*os.File{}, tails: map[string]*tail{}}
	for _, name := range []string{"etcd", "kube-apiserver", controllerManagerName} {
		l.tails[name] = &tail{}
		if dir == "" {
			continue
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
		file, err := os.Create(filepath.Join(dir, name+".log"))
		if err != nil {
			return nil, errors.Join(err, l.close())
		}
		l.files[name] = file
	}
	return l, nil
}

// of is where the named program's output goes.
func (l *logs) of(name string) io.Writer {
	if file, ok := l.files[name]; ok {
		return io.MultiWriter(file, l.tails[name])
	}
	return l.tails[name]
}

// ends is the last that each program said.
func (l *logs) ends() string {
	var said []string
	for name, tail := range l.tails {
		if text := tail.String(); text != "" {
			said = append(said, fmt.Sprintf("%s said at last:\n%s", name, text))
		}
	}
	sort.Strings(said)
	return strings.Join(said, "\n")
}

func (l *logs) close() error {
	var errs []error
	for _, file := range l.files {
		errs = append(errs, file.Close())
	}
	return errors.Join(errs...)
}

// tailSize is enough for the error and the lines that led to it.
const tailSize = 4 << 10

// tail remembers the last tailSize bytes written to it.
type tail struct {
	mu   sync.Mutex
	last []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = append(t.last, p...)
	if excess := len(t.last) - tailSize; excess > 0 {
		t.last = append(t.last[:0], t.last[excess:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.last)
}
