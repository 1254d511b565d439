package metadata

import (
	"io"
	"net/http"
)

// Silence closes the connection without an answer, as a network does that is
// only half up.
func Silence() http.Handler {
	return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
}

// Answer is a status and a body of one's own.
func Answer(status int, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body) // who asked may have gone
	})
}
