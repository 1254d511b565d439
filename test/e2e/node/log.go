//go:build linux

package node

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// podLogs is where kubelet has the logs of all Pods.
const podLogs = "/var/log/pods"

func keepLogs(dir string) error {
	if _, err := os.Stat(podLogs); err != nil {
		return nil //nolint:nilerr // there were no Pods
	}
	return os.CopyFS(dir, os.DirFS(podLogs))
}

// Log is what the first run of a container says. It stays readable when the Pod is
// gone, and kubelet has removed the file.
type Log struct{ file *os.File }

// Line of it.
type Line struct {
	// Time at which containerd read it.
	Time time.Time
	Text string
}

// OpenLog opens the log of a container that has been started.
func OpenLog(pod *corev1.Pod, container string) (*Log, error) {
	file, err := os.Open(filepath.Join(podLogs, fmt.Sprintf("%s_%s_%s", pod.Namespace, pod.Name, pod.UID), container, "0.log"))
	if err != nil {
		return nil, err
	}
	return &Log{file}, nil
}

// Lines said so far.
func (l *Log) Lines() ([]Line, error) {
	content, err := io.ReadAll(io.NewSectionReader(l.file, 0, 1<<20))
	if err != nil {
		return nil, err
	}
	var lines []Line
	for line := range strings.Lines(string(content)) {
		// The format of the container runtime interface: time, stream, whole or part, text.
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 4)
		if len(fields) != 4 {
			return nil, fmt.Errorf("%s: line %q isn't of a container's log", l.file.Name(), line)
		}
		when, err := time.Parse(time.RFC3339Nano, fields[0])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.file.Name(), err)
		}
		lines = append(lines, Line{when, fields[3]})
	}
	return lines, nil
}

// Close the file.
func (l *Log) Close() error { return l.file.Close() }
