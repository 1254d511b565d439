package world

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
)

// Wrap is for rest.Config.Wrap: the side of the gate towards the API server.
func (g *Gate) Wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		switch {
		case g.dead.Err() != nil:
			return nil, refused(request)
		case request.Method == http.MethodGet:
			return g.read(request, next)
		case isUncounted(request.URL.Path):
			return next.RoundTrip(request)
		default:
			return g.write(request, next)
		}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

// refused ends a request that isn't sent.
func refused(request *http.Request) error {
	if request.Body != nil {
		_ = request.Body.Close()
	}
	return errDead
}

// isUncounted tells the requests that no scenario is about: who leads, and what
// is only told.
func isUncounted(path string) bool {
	return strings.HasPrefix(path, "/apis/coordination.k8s.io/") ||
		strings.HasSuffix(path, "/events") || strings.Contains(path, "/events/")
}

// read lets a request through whose answer may go on for long, as a watch's
// does: it ends with the operator.
func (g *Gate) read(request *http.Request, next http.RoundTripper) (*http.Response, error) {
	ctx, cancel := context.WithCancel(request.Context())
	stop := context.AfterFunc(g.dead, cancel)
	end := func() {
		stop()
		cancel()
	}
	response, err := next.RoundTrip(request.WithContext(ctx))
	if err != nil {
		end()
		return nil, err
	}
	response.Body = &body{ReadCloser: response.Body, end: end}
	return response, nil
}

// body of an answer, that calls end when it is closed.
type body struct {
	io.ReadCloser
	end func()
}

// Close implements io.Closer.
func (b *body) Close() error {
	defer b.end()
	return b.ReadCloser.Close()
}

// write lets a request through that changes something. Whoever sent it can't
// take it back, so that it is never in doubt whether it takes effect.
func (g *Gate) write(request *http.Request, next http.RoundTripper) (*http.Response, error) {
	sent, err := detached(request)
	if err != nil {
		return nil, err
	}
	answers := make(chan answer, 1)
	if !g.pass(Write{Method: request.Method, Path: request.URL.Path}, func() { answers <- inMemory(next.RoundTrip(sent)) }) {
		return nil, errDead
	}
	got := <-answers
	return got.response, got.err
}

// detached is a request that outlives who sent it, and the connection.
func detached(request *http.Request) (*http.Request, error) {
	detached := request.Clone(context.WithoutCancel(request.Context()))
	if request.Body == nil {
		return detached, nil
	}
	body, err := io.ReadAll(request.Body)
	detached.Body = io.NopCloser(bytes.NewReader(body))
	return detached, errors.Join(err, request.Body.Close())
}

// answer is what a RoundTripper returns.
type answer struct {
	response *http.Response
	err      error
}

// inMemory is an answer that leaves nothing to close.
func inMemory(response *http.Response, err error) answer {
	if err != nil {
		return answer{nil, err}
	}
	body, err := io.ReadAll(response.Body)
	err = errors.Join(err, response.Body.Close())
	response.Body = io.NopCloser(bytes.NewReader(body))
	return answer{response, err}
}

// serveCloud is the side of the gate towards the cloud.
func (g *Gate) serveCloud(w http.ResponseWriter, r *http.Request) {
	if g.dead.Err() != nil {
		panic(http.ErrAbortHandler) // drops the connection
	}
	if r.Method == http.MethodGet {
		g.cloud.ServeHTTP(w, r)
		return
	}
	request, err := detached(r)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	recorder, cut := httptest.NewRecorder(), false
	heard := g.pass(Write{Cloud: true, Method: r.Method, Path: r.URL.Path}, func() {
		defer func() { cut = recover() != nil }() // the cloud drops the connection
		g.cloud.ServeHTTP(recorder, request)
	})
	if !heard || cut {
		panic(http.ErrAbortHandler)
	}
	for key, values := range recorder.Header() {
		w.Header()[key] = values
	}
	w.WriteHeader(recorder.Code)
	_, _ = w.Write(recorder.Body.Bytes()) // to somebody who may have gone
}
