package pods

import (
	"context"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	certutil "k8s.io/client-go/util/cert"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// serveLogs is what the API server asks for the log of a container. The port is
// the Node's.
func (r *Runner) serveLogs() (int32, error) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", func(w http.ResponseWriter, request *http.Request) {
		file := filepath.Join(r.options.Dir, request.PathValue("namespace"), request.PathValue("pod"), request.PathValue("container")+".log")
		http.ServeFile(w, request, file)
	})
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	// Nobody checks the certificate.
	cert, key, err := certutil.GenerateSelfSignedCertKey("127.0.0.1", nil, nil)
	if err != nil {
		return 0, err
	}
	certificate, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return 0, err
	}
	r.server = &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute, TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}}}
	go func() { _ = r.server.ServeTLS(listener, "", "") }() // returns when it is closed
	return int32(listener.Addr().(*net.TCPAddr).Port), nil
}

// serveProxy is DNS and kube-proxy: it leads a request for SERVICE.NAMESPACE.svc to
// a Pod behind it.
func (r *Runner) serveProxy() error {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	forward := &httputil.ReverseProxy{
		Rewrite: func(request *httputil.ProxyRequest) { request.Out.Host = request.In.Host },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusBadGateway)
		},
		Transport: transport(func(request *http.Request) (*http.Response, error) {
			address, err := r.named(request.Context(), request.URL)
			if err != nil {
				return nil, err
			}
			request.URL.Host = address
			return http.DefaultTransport.RoundTrip(request)
		}),
	}
	r.proxy = &http.Server{Addr: listener.Addr().String(), Handler: forward, ReadHeaderTimeout: time.Minute}
	go func() { _ = r.proxy.Serve(listener) }() // returns when it is closed
	return nil
}

type transport func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(request *http.Request) (*http.Response, error) { return t(request) }

// named is the address and port of a ready Pod of the Service that a URL names.
func (r *Runner) named(ctx context.Context, at *url.URL) (string, error) {
	parts := strings.Split(at.Hostname(), ".")
	if len(parts) < 3 || parts[2] != "svc" {
		return "", fmt.Errorf("there is no host %s", at.Hostname())
	}
	var service corev1.Service
	if err := r.client.Get(ctx, client.ObjectKey{Namespace: parts[1], Name: parts[0]}, &service); err != nil {
		return "", err
	}
	return r.behind(ctx, &service, at.Port())
}

// behind is the address and port of a ready Pod, any of them, to which a port of a
// Service leads.
func (r *Runner) behind(ctx context.Context, service *corev1.Service, at string) (string, error) {
	var slices discoveryv1.EndpointSliceList
	if err := r.client.List(ctx, &slices, client.InNamespace(service.Namespace), client.MatchingLabels{discoveryv1.LabelServiceName: service.Name}); err != nil {
		return "", err
	}
	var ready []string
	for _, slice := range slices.Items {
		for _, endpoint := range slice.Endpoints {
			if endpoint.Conditions.Ready == nil || !*endpoint.Conditions.Ready {
				continue
			}
			for i, port := range service.Spec.Ports {
				if fmt.Sprint(port.Port) == at && i < len(slice.Ports) {
					ready = append(ready, net.JoinHostPort(r.Address(endpoint.Addresses[0]), fmt.Sprint(*slice.Ports[i].Port)))
				}
			}
		}
	}
	if len(ready) == 0 {
		return "", fmt.Errorf("no Pod behind the Service %s is ready", service.Name)
	}
	return ready[rand.IntN(len(ready))], nil
}

// Address is where a Pod's IP is on loopback: its ports are there.
func (r *Runner) Address(ip string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.pods {
		if p.ip == ip {
			return p.address
		}
	}
	return ip
}
