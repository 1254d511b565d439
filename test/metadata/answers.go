package metadata

import (
	"io"
	"net/http"
	"strconv"
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

// Torn is an answer that breaks off after a part of it.
func Torn(part string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(part)+1))
		_, _ = io.WriteString(w, part)            // who asked may have gone
		_ = http.NewResponseController(w).Flush() // or the part is never sent
		panic(http.ErrAbortHandler)
	})
}
