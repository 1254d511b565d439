package exosim

import (
	"fmt"
	"net/http"
)

// refusal is an answer that isn't 200. The message is the API's "message".
type refusal struct {
	status     int
	message    string
	retryAfter int // seconds; 0 sends no Retry-After
	// body is sent instead of the API's form, unless nil.
	body *body
}

func (r *refusal) Error() string { return r.message }

func refuse(status int, format string, args ...any) error {
	return &refusal{status: status, message: fmt.Sprintf(format, args...)}
}

func notFound(kind, id string) error {
	return refuse(http.StatusNotFound, "%s %s not found", kind, id)
}

func conflict(format string, args ...any) error {
	return refuse(http.StatusConflict, format, args...)
}

// overQuota is a refusal for want of quota. Exoscale documents neither its
// status nor its words.
func overQuota(q Quota) error {
	return refuse(http.StatusForbidden, "quota exceeded: %d of %d %s in use", q.Usage, q.Limit, q.Resource)
}
