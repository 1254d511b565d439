package exosim

import (
	"net"
	"net/http"
	"time"
)

// TB is what StartTestServer needs of a testing.TB.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// Server is a Cloud behind a listener of its own on loopback.
type Server struct {
	*Cloud
	// URL is the scheme and host, without a path.
	URL string
	// Endpoint is the API endpoint of the first zone. Those of the others are
	// told by GET /zone there.
	Endpoint string
	// Key and Secret are an API key that may do everything.
	Key, Secret string
}

// StartTestServer serves a new Cloud until the test ends.
func StartTestServer(t TB, opts Options) *Server {
	t.Helper()
	cloud, err := New(opts)
	if err != nil {
		t.Fatalf("exosim: %v", err)
		return nil
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("exosim: %v", err)
		return nil
	}
	server := &http.Server{Handler: cloud, ReadHeaderTimeout: time.Minute}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener) // returns when it is closed
	}()
	t.Cleanup(func() {
		_ = cloud.Close()
		_ = server.Close()
		<-done
	})
	key := cloud.AdminKey()
	url := "http://" + listener.Addr().String()
	return &Server{Cloud: cloud, URL: url, Endpoint: url + "/v2", Key: key.Key, Secret: key.Secret}
}
