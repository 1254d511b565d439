package ports

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"
	"testing"
)

// Ports come from blocks below those that the kernel gives to whoever asks for any,
// and nodePorts. Who listens at the first of a block has it, so that test binaries
// that run at once don't meet.
const (
	firstPort     = 11000 // those of kubelet and kube-proxy end before
	endOfPorts    = 18000 // those of udp-healthcheck begin here
	portsPerBlock = 50
)

var given struct {
	mu     sync.Mutex
	next   int
	leases []net.Listener // for as long as the process lives
}

// tryProcesses has package os find out what it can do with processes: it starts one
// for that, once, and doesn't take the lock that isFree relies on.
var tryProcesses = sync.OnceFunc(func() {
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Release()
	}
})

// Free is a port that nobody has for TCP or UDP, at any address, and that nobody
// else is given while the process lives.
func Free(t testing.TB) int {
	t.Helper()
	port, err := Take()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// FreeAddress is 127.0.0.1 with a port that is Free.
func FreeAddress(t testing.TB) string {
	t.Helper()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(Free(t)))
}

// Take is Free for programs. It fails when all ports have been given.
func Take() (int, error) {
	given.mu.Lock()
	defer given.mu.Unlock()
	tryProcesses()
	for {
		if given.next%portsPerBlock == 0 {
			if err := leaseBlock(); err != nil {
				return 0, err
			}
		}
		port := given.next
		given.next++
		if isFree(port) {
			return port, nil
		}
	}
}

// leaseBlock needs the mutex.
func leaseBlock() error {
	for first := firstPort; first < endOfPorts; first += portsPerBlock {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", first))
		if err == nil {
			given.leases = append(given.leases, listener)
			given.next = first + 1
			return nil
		}
	}
	return errors.New("there is no free port")
}

// isFree keeps programs from being started meanwhile: each would have a copy of
// every socket for a moment, and so keep the port from whom it is given to.
func isFree(port int) bool {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	for _, kind := range []int{syscall.SOCK_STREAM, syscall.SOCK_DGRAM} {
		if !binds(syscall.AF_INET, kind, &syscall.SockaddrInet4{Port: port}) || !binds(syscall.AF_INET6, kind, &syscall.SockaddrInet6{Port: port}) {
			return false
		}
	}
	return true
}

// binds a socket for a moment, as package net can't: it has to be let take the lock.
// What the machine hasn't, such as IPv6, nobody else has either.
func binds(family, kind int, address syscall.Sockaddr) bool {
	socket, err := syscall.Socket(family, kind, 0)
	if err != nil {
		return true
	}
	defer func() { _ = syscall.Close(socket) }()
	err = syscall.Bind(socket, address)
	return err == nil || errors.Is(err, syscall.EADDRNOTAVAIL)
}
