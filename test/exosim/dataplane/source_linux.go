package dataplane

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// sharePorts lets the kernel choose the source port when it connects, not when
// the socket is bound to its address: otherwise every connection from one
// client IP, those in TIME_WAIT included, would need a port of its own, whatever
// backend it goes to. A kernel that can't do it chooses early, which is fine
// for a while, so its refusal is no error.
func sharePorts(_, _ string, raw syscall.RawConn) error {
	return raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	})
}
