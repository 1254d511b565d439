package world

import (
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// Cloud is a simulated cloud behind a listener of its own on loopback.
type Cloud struct {
	*exosim.Cloud
	// URL is the scheme and host: /sim/ is under it.
	URL string
	// Endpoint is the API endpoint of the first zone.
	Endpoint string

	server *http.Server
	served chan struct{}
}

// ServeCloud makes a cloud and serves it until Stop. The errors are those of
// exosim.New, and of a machine without loopback.
func ServeCloud(options exosim.Options) (*Cloud, error) {
	sim, err := exosim.New(options)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, sim.Close())
	}
	url := "http://" + listener.Addr().String()
	c := &Cloud{
		Cloud: sim, URL: url, Endpoint: sim.Endpoint(url, sim.Zones()[0]),
		server: &http.Server{Handler: sim, ReadHeaderTimeout: time.Minute},
		served: make(chan struct{}),
	}
	go func() {
		defer close(c.served)
		_ = c.server.Serve(listener) // returns when it is closed
	}()
	return c, nil
}

// Stop ends the API and the data plane.
func (c *Cloud) Stop() error {
	err := errors.Join(c.Close(), c.server.Close())
	<-c.served
	return err
}
