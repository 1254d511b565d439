package pods

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Egress writes, into a folder, what has an API server reach the cluster's network
// by way of a Runner, as where that network is elsewhere: file is for its flag
// egress-selector-config-file, socket for Options. The folder's path has to be
// short enough for the latter.
func Egress(folder string) (file, socket string, err error) {
	file, socket = filepath.Join(folder, "egress.yaml"), filepath.Join(folder, "egress.sock")
	config := fmt.Sprintf(`apiVersion: apiserver.k8s.io/v1beta1
kind: EgressSelectorConfiguration
egressSelections:
  - name: cluster
    connection:
      proxyProtocol: HTTPConnect
      transport:
        uds:
          udsName: %q
`, socket)
	return file, socket, os.WriteFile(file, []byte(config), 0o600)
}

// serveEgress connects the API server with whom it asks for.
func (r *Runner) serveEgress() error {
	if r.options.Egress == "" {
		return nil
	}
	listener, err := net.Listen("unix", r.options.Egress)
	if err != nil {
		return err
	}
	r.egress.Handler, r.egress.ReadHeaderTimeout = http.HandlerFunc(r.connect), time.Minute
	go func() { _ = r.egress.Serve(listener) }() // returns when it is closed
	return nil
}

// connect answers CONNECT ADDRESS:PORT, where the address is that of a Service, or
// one of this machine.
func (r *Runner) connect(w http.ResponseWriter, request *http.Request) {
	address, err := r.routed(request.Context(), request.URL.Host)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	var dialer net.Dialer
	there, err := dialer.DialContext(request.Context(), "tcp4", address)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer there.Close()
	here, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer here.Close()
	if _, err := io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
		return
	}
	ended := make(chan struct{}, 2)
	for from, to := range map[net.Conn]net.Conn{here: there, there: here} {
		go func() {
			_, _ = io.Copy(to, from) // until one of the two ends it
			ended <- struct{}{}
		}()
	}
	<-ended
}

// routed is where a connection to an address of the cluster leads.
func (r *Runner) routed(ctx context.Context, address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", err
	}
	var services corev1.ServiceList
	if err := r.client.List(ctx, &services); err != nil {
		return "", err
	}
	for i := range services.Items {
		if services.Items[i].Spec.ClusterIP == host {
			return r.behind(ctx, &services.Items[i], port)
		}
	}
	return address, nil
}
