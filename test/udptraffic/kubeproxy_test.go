package udptraffic

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// node has a loopback address of its own. It does what kube-proxy makes a node do
// for a Service with externalTrafficPolicy Local.
type node struct {
	name, ip string
	cluster  *cluster

	mu    sync.Mutex
	turn  int
	flows map[netip.AddrPort]*flow // by client, as conntrack has them
	open  []io.Closer
}

type flow struct {
	pod  *pod
	conn net.Conn
}

// endpoints is what kube-proxy chooses from (CategorizeEndpoints in Kubernetes'
// pkg/proxy/topology.go): ready Pods of this node, else those that are terminating
// and still serving.
func (n *node) endpoints() []*pod {
	var ready, serving []*pod
	for _, p := range n.cluster.podsOf(n) {
		switch {
		case p.ready.Load() && !p.terminating.Load():
			ready = append(ready, p)
		case p.ready.Load():
			serving = append(serving, p)
		}
	}
	if len(ready) > 0 {
		return ready
	}
	return serving
}

// answerHealthCheck is the healthCheckNodePort: 503 without a ready Pod of this
// node; those that are terminating don't count.
func (n *node) answerHealthCheck(w http.ResponseWriter, _ *http.Request) {
	endpoints := n.endpoints()
	if len(endpoints) == 0 || endpoints[0].terminating.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

func (n *node) start() error {
	socket, err := net.ListenPacket("udp4", fmt.Sprintf("%s:%d", n.ip, n.cluster.nodePort))
	if err != nil {
		return err
	}
	n.open = append(n.open, socket)
	go n.forward(socket)
	streams, err := net.Listen("tcp4", fmt.Sprintf("%s:%d", n.ip, n.cluster.nodePort))
	if err != nil {
		return err
	}
	n.open = append(n.open, streams)
	go n.forwardStreams(streams)
	health, err := net.Listen("tcp4", fmt.Sprintf("%s:%d", n.ip, n.cluster.healthCheckNodePort))
	if err != nil {
		return err
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(n.answerHealthCheck)}
	n.open = append(n.open, server)
	go func() { _ = server.Serve(health) }()
	return nil
}

func (n *node) stop() {
	for _, open := range n.open {
		_ = open.Close()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, f := range n.flows {
		f.conn.Close()
	}
}

// forward leads each client to one Pod while that is an endpoint.
func (n *node) forward(socket net.PacketConn) {
	datagram := make([]byte, 1<<16)
	for {
		length, from, err := socket.ReadFrom(datagram)
		if err != nil {
			return
		}
		if f := n.flowOf(socket, from.(*net.UDPAddr)); f != nil {
			_, _ = f.conn.Write(datagram[:length])
		}
	}
}

// flowOf is nil if there is no endpoint: the datagram is dropped.
func (n *node) flowOf(socket net.PacketConn, client *net.UDPAddr) *flow {
	endpoints := n.endpoints()
	n.mu.Lock()
	defer n.mu.Unlock()
	if known := n.flows[client.AddrPort()]; known != nil && slices.Contains(endpoints, known.pod) {
		return known
	}
	if len(endpoints) == 0 {
		return nil
	}
	n.turn++
	chosen := endpoints[n.turn%len(endpoints)]
	conn, err := net.Dial("udp4", chosen.application.Address)
	if err != nil {
		return nil
	}
	made := &flow{pod: chosen, conn: conn}
	n.flows[client.AddrPort()] = made
	go func() { // until stop; replies that are under way still arrive
		reply := make([]byte, 1<<16)
		for {
			length, err := conn.Read(reply)
			if err != nil && !isRefused(err) {
				return
			}
			if err == nil {
				_, _ = socket.WriteTo(reply[:length], client)
			}
		}
	}()
	return made
}

func (n *node) forwardStreams(listener net.Listener) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		endpoints := n.endpoints()
		if len(endpoints) == 0 {
			client.Close()
			continue
		}
		go func() {
			defer client.Close()
			server, err := net.Dial("tcp4", endpoints[0].application.Address)
			if err != nil {
				return
			}
			defer server.Close()
			go func() { _, _ = io.Copy(server, client) }()
			_, _ = io.Copy(client, server)
		}()
	}
}
