package exoscale

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	v3 "github.com/exoscale/egoscale/v3"

	"github.com/exoscale-community/nlb-operator/internal/brief"
)

// maxMessage is how much of the API's words an error carries, in bytes: enough
// for a sentence, not for the page of a proxy in between.
const maxMessage = 512

// quotaRefusal recognises a refusal by quota in the API's words. Exoscale
// documents neither a status nor a code for it.
var quotaRefusal = regexp.MustCompile(`(?i)\bquotas?\b|\bresource limit\b|\blimits? (has been |have been |was |were )?(reached|exceeded)\b`)

// busyRefusal recognises, among conflicts, those that end by themselves: what to
// change is being changed. Exoscale documents no status of its own for it.
var busyRefusal = regexp.MustCompile(`(?i)\b(is|are) busy\b|\bin progress\b|\bis locked\b|\banother (operation|change)\b`)

// newError classifies the failure of a call. err is what the SDK returned; the
// status is taken from the call itself, since the SDK's errors don't tell it.
func newError(c *call, err error) *Error {
	e := &Error{
		Operation:  c.operation,
		Object:     c.object,
		Zone:       c.zone,
		Status:     c.status,
		RetryAfter: c.retryAfter,
		Message:    words(err),
		cause:      err,
	}
	if c.status >= http.StatusMultipleChoices && c.status < http.StatusBadRequest {
		e.Message = "the API answered with a redirect, which is not followed: is the endpoint right?"
	}
	e.Class = classOfStatus(c.status, c.object != "", e.Message)
	if isOversized(err) {
		e.Class = Oversized
	}
	if c.status < http.StatusBadRequest {
		e.Status = 0 // the answer was lost or unreadable: its status says nothing
	}
	return e
}

// classOfStatus is the class of an HTTP status:
//
//	none, 2xx, 3xx      Transient: no answer, or one that can't be read
//	402 451             Blocked
//	401                 InvalidCredentials
//	403                 Forbidden
//	404 410             NotFound if the call named an object; without one the
//	                    answer can't be the API's, so Transient
//	409 412             Conflict; Busy if it says that a change is under way
//	408 425 429 5xx     Transient
//	423                 Busy
//	any other 4xx       Invalid
//	4xx but 401 and 429, with words about a quota: QuotaExceeded
func classOfStatus(status int, namesObject bool, message string) Class {
	switch {
	case status < http.StatusBadRequest, status >= http.StatusInternalServerError:
		return Transient
	case status == http.StatusUnauthorized:
		return InvalidCredentials
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests:
		return Transient
	case quotaRefusal.MatchString(message):
		return QuotaExceeded
	}
	switch status {
	case http.StatusPaymentRequired, http.StatusUnavailableForLegalReasons:
		return Blocked
	case http.StatusForbidden:
		return Forbidden
	case http.StatusNotFound, http.StatusGone:
		if namesObject {
			return NotFound
		}
		return Transient
	case http.StatusConflict, http.StatusPreconditionFailed:
		if busyRefusal.MatchString(message) {
			return Busy
		}
		return Conflict
	case http.StatusLocked:
		return Busy
	default:
		return Invalid
	}
}

// classOfReason is the class of a failed operation, by its reason:
//
//	incorrect unsupported                         Invalid
//	forbidden                                     Forbidden
//	not-found                                     NotFound
//	conflict                                      Conflict
//	busy                                          Busy
//	unavailable interrupted fault partial timeout
//	unknown, and anything new                     Transient
func classOfReason(reason, message string) Class {
	if quotaRefusal.MatchString(message) {
		return QuotaExceeded
	}
	switch v3.OperationReason(reason) {
	case v3.OperationReasonIncorrect, v3.OperationReasonUnsupported:
		return Invalid
	case v3.OperationReasonForbidden:
		return Forbidden
	case v3.OperationReasonNotFound:
		return NotFound
	case v3.OperationReasonConflict:
		return Conflict
	case v3.OperationReasonBusy:
		return Busy
	default:
		return Transient
	}
}

// words are the API's own words in an error of the SDK, else the reason why
// there was no answer, without what the caller's error names anyway.
func words(err error) string {
	var api *v3.APIError
	if errors.As(err, &api) {
		return clip(apiWords(api))
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.Is(err, context.Canceled):
		return "the call was given up"
	}
	var request *url.Error
	if errors.As(err, &request) {
		err = request.Err
	}
	return clip(unanswered(err))
}

// unanswered tells why there was no answer in words that stay the same as long
// as the cause does: they end up in conditions, and a port or a time in them
// that is another at each attempt would have every object written again and again.
func unanswered(err error) string {
	text := err.Error()
	var connection *net.OpError
	var name *net.DNSError
	var certificate x509.CertificateInvalidError
	switch {
	case errors.As(err, &connection): // names the port on our side
		stable := strings.TrimSpace(connection.Op+" "+connection.Net) + ": " + unanswered(connection.Err)
		return strings.Replace(text, connection.Error(), stable, 1)
	case errors.As(err, &name) && name.IsTimeout: // may quote the query to the name server, with our port
		return strings.Replace(text, name.Error(), "lookup "+name.Name+": no answer in time", 1)
	case errors.As(err, &certificate) && certificate.Reason == x509.Expired: // names the current time
		return strings.Replace(text, certificate.Error(), "the certificate of the API has expired, or isn't valid yet", 1)
	default:
		return text
	}
}

func apiWords(api *v3.APIError) string {
	var parts []string
	length := 0
	add := func(s string) {
		// What is clipped needn't be read: there may be megabytes of it.
		if s = strings.TrimSpace(s); s != "" && length <= maxMessage && !strings.Contains(strings.Join(parts, "; "), s) {
			parts, length = append(parts, s), length+len(s)
		}
	}
	add(api.Message)
	add(api.Title)
	add(api.Detail)
	for _, entry := range api.Errors {
		if entry.Location != "" {
			add(entry.Location + ": " + entry.Detail)
		} else {
			add(entry.Detail)
		}
	}
	if len(parts) == 0 {
		return api.Error()
	}
	return strings.Join(parts, "; ")
}

func clip(s string) string {
	if len(s) <= maxMessage {
		return s
	}
	return brief.Cut(s, maxMessage+len("…"))
}
