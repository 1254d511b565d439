package exosim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const signatureScheme = "EXO2-HMAC-SHA256 "

// authorization is what the Authorization header of a signed request says.
type authorization struct {
	credential string
	signedArgs []string
	expires    string
	signature  string
}

func parseAuthorization(header string) (authorization, bool) {
	pairs, found := strings.CutPrefix(header, signatureScheme)
	if !found {
		return authorization{}, false
	}
	var a authorization
	for pair := range strings.SplitSeq(pairs, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		switch name {
		case "credential":
			a.credential = value
		case "signed-query-args":
			a.signedArgs = strings.Split(value, ";")
		case "expires":
			a.expires = value
		case "signature":
			a.signature = value
		default:
			return authorization{}, false
		}
	}
	return a, a.credential != "" && a.expires != "" && a.signature != ""
}

// sign is the signature of a request as Exoscale documents it.
func sign(secret, method, escapedPath string, body []byte, query url.Values, signedArgs []string, expires string) []byte {
	var message strings.Builder
	message.WriteString(method + " " + escapedPath + "\n")
	message.Write(body)
	message.WriteString("\n")
	for _, name := range signedArgs {
		message.WriteString(query.Get(name))
	}
	message.WriteString("\n\n" + expires)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(message.String()))
	return mac.Sum(nil)
}

// authenticate tells which key signed the request. Expiry goes by the real time,
// whatever clock the simulation runs by: the clients sign by it.
func (k *keyring) authenticate(r *http.Request, body []byte) (Key, error) {
	a, ok := parseAuthorization(r.Header.Get("Authorization"))
	if !ok {
		return Key{}, refuse(http.StatusUnauthorized, "Authorization: a signature of the form %q is required", signatureScheme+"credential=…,expires=…,signature=…")
	}
	key, known := k.get(a.credential)
	if !known {
		return Key{}, refuse(http.StatusUnauthorized, "API key %s is unknown or revoked", a.credential)
	}
	got, err := base64.StdEncoding.DecodeString(a.signature)
	want := sign(key.Secret, r.Method, r.URL.EscapedPath(), body, r.URL.Query(), a.signedArgs, a.expires)
	if err != nil || !hmac.Equal(got, want) {
		return Key{}, refuse(http.StatusUnauthorized, "the signature of the request by API key %s is wrong", key.Key)
	}
	expires, err := strconv.ParseInt(a.expires, 10, 64)
	if err != nil || time.Now().Unix() > expires {
		return Key{}, refuse(http.StatusUnauthorized, "the signature of the request has expired (expires=%s)", a.expires)
	}
	return key, nil
}
