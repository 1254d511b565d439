package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// home is the folder of one detached control plane. Paths are absolute.
type home struct {
	dir        string
	kubeconfig string // where this call wants it
}

// occupant is who serves from a home, as its lock file tells.
type occupant struct {
	PID        int    `json:"pid"`
	Kubeconfig string `json:"kubeconfig"`
}

func openHome(dir, kubeconfig string) (home, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return home{}, err
	}
	if kubeconfig == "" {
		kubeconfig = filepath.Join(dir, "kubeconfig")
	}
	if kubeconfig, err = filepath.Abs(kubeconfig); err != nil {
		return home{}, err
	}
	return home{dir: dir, kubeconfig: kubeconfig}, os.MkdirAll(dir, 0o755)
}

func (h home) lockFile() string { return filepath.Join(h.dir, "lock") }
func (h home) logFile() string  { return filepath.Join(h.dir, "control-plane.log") }

var errOccupied = errors.New("a control plane already runs here")

// occupy takes the home. It is left when the file returned is closed, which the
// end of the process does too, however it ends.
func (h home) occupy() (*os.File, error) {
	file, err := os.OpenFile(h.lockFile(), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := tryLock(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	content, err := json.Marshal(occupant{PID: os.Getpid(), Kubeconfig: h.kubeconfig})
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if err := file.Truncate(0); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if _, err := file.WriteAt(content, 0); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// occupant tells who serves from this home; nil if nobody does.
func (h home) occupant() (*occupant, error) {
	file, err := os.Open(h.lockFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if err := tryLock(file); err == nil {
		return nil, nil
	} else if !errors.Is(err, errOccupied) {
		return nil, err
	}
	var who occupant
	if err := json.NewDecoder(file).Decode(&who); err != nil {
		return nil, fmt.Errorf("read %s: %w", h.lockFile(), err)
	}
	return &who, nil
}

func tryLock(file *os.File) error {
	err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errOccupied
	}
	return err
}
