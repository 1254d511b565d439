package udphealth

import (
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/exoscale-community/nlb-operator/internal/crowd"
)

// What strangers may cost at each port: some 40 KiB a connection, for two seconds
// at most.
const (
	maxConnections = 16
	maxHeaderBytes = 4 << 10
	readTimeout    = 2 * time.Second
	writeTimeout   = 2 * time.Second
)

// serve answers at the listener until the server is closed.
func serve(listener net.Listener, handler http.Handler) *http.Server {
	server := &http.Server{
		Handler:           handler,
		ReadTimeout:       readTimeout,
		ReadHeaderTimeout: readTimeout,
		WriteTimeout:      writeTimeout, // from when the header was read
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          log.New(io.Discard, "", 0), // strangers don't fill the log
	}
	// A connection that is kept would keep its place.
	server.SetKeepAlivesEnabled(false)
	go func() { _ = server.Serve(crowd.New(listener, maxConnections)) }()
	return server
}
