package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// greeting is what a node says to a client.
func (n *node) greeting(client string) string {
	return fmt.Sprintf("Hello %s, this is %s.\n", client, n.name)
}

// answerTCP answers every HTTP request, those of health checks included.
func (n *node) answerTCP(address string) (io.Closer, error) {
	listener, err := net.Listen("tcp4", address)
	if err != nil {
		return nil, err
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client, _, _ := net.SplitHostPort(r.RemoteAddr)
		w.Header().Set(nodeHeader, n.name)
		fmt.Fprint(w, n.greeting(client))
	})}
	go func() { _ = server.Serve(listener) }() // until it is closed
	return server, nil
}

// answerUDP answers every datagram.
func (n *node) answerUDP(address string) (io.Closer, error) {
	socket, err := net.ListenPacket("udp4", address)
	if err != nil {
		return nil, err
	}
	go func() {
		received := make([]byte, 1<<16)
		for {
			_, from, err := socket.ReadFrom(received)
			if err != nil {
				return
			}
			client, _, _ := net.SplitHostPort(from.String())
			_, _ = socket.WriteTo([]byte(n.greeting(client)), from)
		}
	}()
	return socket, nil
}
