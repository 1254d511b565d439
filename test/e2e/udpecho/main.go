// Command udpecho is the application of the tests: it answers each datagram, and
// each line of a TCP connection at the same port, with its host's name and what it
// got. At its control port it can be made to hang, with its sockets open:
//
//	POST /hang     it reads on, and answers nobody
//	POST /resume   it answers again
//
// It tells on stdout what befalls it, and ends at SIGTERM, at once.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
)

func main() {
	port := flag.String("port", "9000", "of UDP and TCP")
	control := flag.String("control-port", "9001", "of HTTP")
	flag.Parse()
	log.SetOutput(os.Stdout)
	log.SetFlags(0)
	if err := run(*port, *control); err != nil {
		log.Fatal(err)
	}
}

func run(port, control string) error {
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	e := &echo{prefix: host + " "}
	datagrams, err := net.ListenPacket("udp", ":"+port)
	if err != nil {
		return err
	}
	connections, err := net.Listen("tcp", ":"+port)
	if err != nil {
		return err
	}
	failed := make(chan error, 3)
	go func() { failed <- e.answerDatagrams(datagrams) }()
	go func() { failed <- e.answerConnections(connections) }()
	server := &http.Server{Addr: ":" + control, Handler: e.controls(), ReadHeaderTimeout: 10 * time.Second}
	go func() { failed <- server.ListenAndServe() }()

	ending := make(chan os.Signal, 1)
	signal.Notify(ending, syscall.SIGTERM, syscall.SIGINT)
	log.Print("answering")
	select {
	case err := <-failed:
		return err
	case got := <-ending:
		log.Print("ending at ", got)
		return nil
	}
}

type echo struct {
	prefix string
	hung   atomic.Bool
}

func (e *echo) answerDatagrams(socket net.PacketConn) error {
	buffer := make([]byte, 64<<10)
	for {
		n, from, err := socket.ReadFrom(buffer)
		if err != nil {
			return err
		}
		if !e.hung.Load() {
			_, _ = socket.WriteTo(append([]byte(e.prefix), buffer[:n]...), from) // UDP promises nothing
		}
	}
}

func (e *echo) answerConnections(listener net.Listener) error {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go e.answerLines(conn)
	}
}

func (e *echo) answerLines(conn net.Conn) {
	defer conn.Close()
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		if !e.hung.Load() {
			fmt.Fprintf(conn, "%s%s\n", e.prefix, lines.Text())
		}
	}
}

func (e *echo) controls() http.Handler {
	mux := http.NewServeMux()
	set := func(hung bool, said string) http.HandlerFunc {
		return func(http.ResponseWriter, *http.Request) {
			e.hung.Store(hung)
			log.Print(said)
		}
	}
	mux.HandleFunc("POST /hang", set(true, "hanging"))
	mux.HandleFunc("POST /resume", set(false, "answering again"))
	return mux
}
