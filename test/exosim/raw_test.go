package exosim_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// The SDK can't send what is wrong in certain ways; these requests can. They are
// signed by the description of the signature, not by the code under test.

// call is a request by hand.
type call struct {
	method, path, body string
	// authorization overrules the signature; "none" sends no header.
	authorization string
}

// do sends a request and gives the status and message of the answer.
func (w *world) do(c call) (status int, message string) {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), c.method, w.URL+c.path, strings.NewReader(c.body))
	if err != nil {
		w.t.Fatal(err)
	}
	switch c.authorization {
	case "":
		request.Header.Set("Authorization", signed(request, c.body, w.Key, w.Secret, time.Now().Add(time.Minute)))
	case "none":
	default:
		request.Header.Set("Authorization", c.authorization)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	var answer struct{ Message string }
	_ = json.Unmarshal(body, &answer) // lists have no message
	return response.StatusCode, answer.Message
}

// signed is an Authorization header.
func signed(r *http.Request, body, key, secret string, expires time.Time) string {
	names, values := signedArgs(r.URL.Query())
	stamp := fmt.Sprint(expires.Unix())
	message := r.Method + " " + r.URL.EscapedPath() + "\n" + body + "\n" + values + "\n\n" + stamp
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(message))
	args := ""
	if names != "" {
		args = ",signed-query-args=" + names
	}
	return "EXO2-HMAC-SHA256 credential=" + key + args + ",expires=" + stamp +
		",signature=" + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// signedArgs are the names and values of a query with one argument at most.
func signedArgs(query url.Values) (names, values string) {
	for name, value := range query {
		return name, value[0]
	}
	return "", ""
}

// refused checks that an answer has the status and holds all the words.
func refused(t *testing.T, gotStatus int, gotMessage string, wantStatus int, words ...string) {
	t.Helper()
	if gotStatus != wantStatus {
		t.Errorf("answered with %d (%s), want %d", gotStatus, gotMessage, wantStatus)
	}
	for _, want := range words {
		if !strings.Contains(gotMessage, want) {
			t.Errorf("the message %q doesn't say %q", gotMessage, want)
		}
	}
}
