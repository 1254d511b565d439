package sidecar

import (
	"fmt"
	"net"
	"sync"
	"testing"
)

// Ports come from blocks below those that the kernel gives to whoever asks for any.
// Who listens at the first of a block has it, so that test binaries that run at
// once don't meet.
const (
	firstPort     = 10000
	endOfPorts    = 30000 // nodePorts begin here
	portsPerBlock = 50
)

var ports struct {
	mu     sync.Mutex
	next   int
	leases []net.Listener // for as long as the process lives
}

// FreePort is one that nobody has for TCP or UDP, and that nobody else is given.
func FreePort(t testing.TB) int {
	t.Helper()
	ports.mu.Lock()
	defer ports.mu.Unlock()
	for {
		if ports.next%portsPerBlock == 0 {
			leaseBlock(t)
		}
		port := ports.next
		ports.next++
		if isFree(port) {
			return port
		}
	}
}

// leaseBlock needs the mutex.
func leaseBlock(t testing.TB) {
	t.Helper()
	for first := firstPort; first < endOfPorts; first += portsPerBlock {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", first))
		if err == nil {
			ports.leases = append(ports.leases, listener)
			ports.next = first + 1
			return
		}
	}
	t.Fatal("there is no free port")
}

func isFree(port int) bool {
	listener, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
	if err != nil {
		return false
	}
	defer listener.Close()
	socket, err := net.ListenPacket("udp", fmt.Sprintf(":%d", port))
	if err != nil {
		return false
	}
	defer socket.Close()
	return true
}
