//go:build linux

package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// cgroupPrefix and the id of the process outside are the name of a cgroup.
const cgroupPrefix = "exoscale-nlb-sandbox-"

// cgroup is a folder of one name in each hierarchy: there is one of version 2,
// one for each controller of version 1, or both.
type cgroup struct {
	name  string
	paths []string
}

// makeCgroup also removes those of processes that were killed before they could.
func makeCgroup() (*cgroup, error) {
	hierarchies, err := cgroupHierarchies()
	if err != nil {
		return nil, err
	}
	g := &cgroup{name: cgroupPrefix + strconv.Itoa(os.Getpid())}
	for _, hierarchy := range hierarchies {
		removeAbandoned(hierarchy)
		path := filepath.Join(hierarchy, g.name)
		if err := os.Mkdir(path, 0o755); err != nil {
			return nil, errors.Join(fmt.Errorf("making a cgroup: %w", err), g.remove())
		}
		g.paths = append(g.paths, path)
		for _, parent := range []string{hierarchy, path} {
			if err := delegate(parent); err != nil {
				return nil, errors.Join(err, g.remove())
			}
		}
	}
	return g, nil
}

// delegate lets the cgroups in one of version 2 have all its controllers.
func delegate(path string) error {
	controllers, err := os.ReadFile(filepath.Join(path, "cgroup.controllers"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // version 1
	}
	if err != nil {
		return err
	}
	for _, controller := range strings.Fields(string(controllers)) {
		if err := os.WriteFile(filepath.Join(path, "cgroup.subtree_control"), []byte("+"+controller), 0o644); err != nil {
			return fmt.Errorf("giving the cgroups in %s the controller %s (in a container, run it with --cgroupns=host): %w", path, controller, err)
		}
	}
	return nil
}

func (g *cgroup) remove() error {
	var errs []error
	for _, path := range g.paths {
		errs = append(errs, removeSoon(path))
	}
	return errors.Join(errs...)
}

// removeSoon waits for those who were killed in it to be gone.
func removeSoon(path string) error {
	const patience = 10 * time.Second
	deadline := time.Now().Add(patience)
	for {
		err := removeTree(path)
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// removeTree removes a cgroup and those in it. Their files can't be removed, and
// needn't be.
func removeTree(path string) error {
	entries, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for _, entry := range entries {
		if entry.IsDir() {
			errs = append(errs, removeTree(filepath.Join(path, entry.Name())))
		}
	}
	if err := syscall.Rmdir(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		errs = append(errs, fmt.Errorf("removing cgroup %s: %w", path, err))
	}
	return errors.Join(errs...)
}

// removeAbandoned removes the cgroups of those who live no more. One that can't
// be removed is in nobody's way.
func removeAbandoned(hierarchy string) {
	entries, _ := os.ReadDir(hierarchy)
	for _, entry := range entries {
		pid, ours := strings.CutPrefix(entry.Name(), cgroupPrefix)
		if !ours {
			continue
		}
		if _, err := os.Stat(filepath.Join("/proc", pid)); errors.Is(err, fs.ErrNotExist) {
			_ = removeTree(filepath.Join(hierarchy, entry.Name()))
		}
	}
}

// cgroupHierarchies are the folders at which hierarchies of cgroups are mounted.
func cgroupHierarchies() ([]string, error) {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil, err
	}
	var found []string
	for line := range strings.Lines(string(mounts)) {
		// what, where, type, options
		if fields := strings.Fields(line); len(fields) > 2 && (fields[2] == "cgroup" || fields[2] == "cgroup2") {
			found = append(found, fields[1])
		}
	}
	if len(found) == 0 {
		return nil, errors.New("no cgroups are mounted")
	}
	return found, nil
}
