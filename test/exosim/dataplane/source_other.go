//go:build !linux

package dataplane

import "syscall"

// sharePorts has no counterpart outside Linux: the source port is chosen when
// the socket is bound.
func sharePorts(_, _ string, _ syscall.RawConn) error { return nil }
