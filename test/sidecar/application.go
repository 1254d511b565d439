package sidecar

import (
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/onsi/gomega"
)

// Application is a UDP server: it replies with its name and what it was sent.
type Application struct {
	Name string
	// Address to which it is bound, such as 127.0.0.1:53.
	Address string

	t    testing.TB
	hung atomic.Bool

	mu     sync.Mutex
	socket net.PacketConn // nil: it has crashed
}

// Greeting is what an Application replies to a datagram.
func Greeting(name, datagram string) string { return name + " got " + datagram }

// Answerer is whose Greeting a reply is.
func Answerer(reply string) string {
	name, _, _ := strings.Cut(reply, " got ")
	return name
}

// StartApplication serves at an address until the test ends; port 0 takes a free one.
func StartApplication(t testing.TB, name, address string) *Application {
	t.Helper()
	a := &Application{Name: name, Address: address, t: t}
	a.Restart()
	t.Cleanup(a.Crash)
	return a
}

// Port to which it is bound.
func (a *Application) Port() string {
	_, port, _ := net.SplitHostPort(a.Address)
	return port
}

// Hang keeps the socket, and replies no more.
func (a *Application) Hang() { a.hung.Store(true) }

// Recover replies again.
func (a *Application) Recover() { a.hung.Store(false) }

// Crash closes the socket.
func (a *Application) Crash() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.socket != nil {
		a.socket.Close()
		a.socket = nil
	}
}

// Restart binds the socket again. A program that is started at the same moment may
// have a copy of the last one yet.
func (a *Application) Restart() {
	a.t.Helper()
	var socket net.PacketConn
	gomega.NewWithT(a.t).Eventually(func() (err error) {
		socket, err = net.ListenPacket("udp", a.Address)
		return err
	}).WithTimeout(Patience).WithPolling(time.Millisecond).Should(gomega.Succeed())
	a.mu.Lock()
	defer a.mu.Unlock()
	a.socket, a.Address = socket, socket.LocalAddr().String()
	go a.serve(socket)
}

func (a *Application) serve(socket net.PacketConn) {
	datagram := make([]byte, 1<<16)
	for {
		n, from, err := socket.ReadFrom(datagram)
		switch {
		case err != nil:
			return
		case !a.hung.Load():
			_, _ = socket.WriteTo([]byte(Greeting(a.Name, string(datagram[:n]))), from)
		}
	}
}
