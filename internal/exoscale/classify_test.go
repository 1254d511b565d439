package exoscale

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	v3 "github.com/exoscale/egoscale/v3"
)

func TestClassOfStatus(t *testing.T) {
	const id = true // the call names an object
	for name, tc := range map[string]struct {
		status  int
		object  bool
		message string
		want    Class
	}{
		"no answer":                                  {0, id, "connection reset by peer", Transient},
		"an answer that can't be read":               {200, id, "unexpected EOF", Transient},
		"a redirect":                                 {302, id, "", Transient},
		"400 is the request's fault":                 {400, id, "invalid port", Invalid},
		"422 is the request's fault":                 {422, id, "", Invalid},
		"405 will not get better":                    {405, id, "", Invalid},
		"401 is the key's fault":                     {401, id, "invalid signature", InvalidCredentials},
		"401 is never about a quota":                 {401, id, "quota", InvalidCredentials},
		"402 is the organisation's affair":           {402, id, "", Blocked},
		"451 is the organisation's affair":           {451, id, "", Blocked},
		"403 is the role's fault":                    {403, id, "Forbidden by role policy", Forbidden},
		"404 of an object":                           {404, id, "not found", NotFound},
		"410 of an object":                           {410, id, "", NotFound},
		"404 of a list can't be the API":             {404, false, "page not found", Transient},
		"408 passes":                                 {408, id, "", Transient},
		"409":                                        {409, id, "name is in use", Conflict},
		"412":                                        {412, id, "", Conflict},
		"409 because of another change":              {409, id, "load balancer 0b12 is busy: operation 7 hasn't ended", Busy},
		"409 while one is under way":                 {409, id, "An operation is already in progress", Busy},
		"409 about a name that says busy":            {409, false, "a load balancer named \"busy\" exists", Conflict},
		"423":                                        {423, id, "locked", Busy},
		"425 passes":                                 {425, id, "", Transient},
		"429 passes":                                 {429, id, "", Transient},
		"429 speaks of a rate limit, not of a quota": {429, id, "rate limit exceeded", Transient},
		"500 passes":                                 {500, id, "", Transient},
		"503 passes, whatever it says":               {503, id, "quota service unavailable", Transient},
		"quota as a bad request":                     {400, false, "Quota exceeded for network-load-balancer", QuotaExceeded},
		"quota as forbidden":                         {403, false, "resource limit reached", QuotaExceeded},
		"quota as a conflict":                        {409, false, "The limit has been reached", QuotaExceeded},
		"quota as unprocessable":                     {422, false, "limit exceeded: 5 of 5 load balancers", QuotaExceeded},
		"a limit of a value is no quota":             {400, id, "interval: limit is 300", Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			if got := classOfStatus(tc.status, tc.object, tc.message); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestClassOfReason(t *testing.T) {
	for reason, want := range map[string]Class{
		"incorrect": Invalid, "unsupported": Invalid, "forbidden": Forbidden, "not-found": NotFound,
		"conflict": Conflict, "busy": Busy, "unavailable": Transient, "fault": Transient, "partial": Transient,
		"interrupted": Transient, "unknown": Transient, "timeout": Transient, "": Transient, "new-in-2030": Transient,
	} {
		if got := classOfReason(reason, ""); got != want {
			t.Errorf("reason %q: got %s, want %s", reason, got, want)
		}
	}
	if got := classOfReason("forbidden", "quota of network-load-balancer exceeded"); got != QuotaExceeded {
		t.Errorf("an operation that fails by quota is %s", got)
	}
}

func TestClassOfFindsWrappedErrors(t *testing.T) {
	if got := ClassOf(nil); got != "" {
		t.Errorf("nil is %q", got)
	}
	if got := ClassOf(fmt.Errorf("adding a service: %w", &Error{Class: Conflict})); got != Conflict {
		t.Errorf("a wrapped error is %s", got)
	}
	if got := ClassOf(io.EOF); got != Transient {
		t.Errorf("a foreign error is %s", got)
	}
	if got := ClassOf(ErrBusy); got != Busy {
		t.Errorf("ErrBusy is %s", got)
	}
}

func TestErrorTellsTheAPIsOwnWords(t *testing.T) {
	api := &v3.APIError{
		Message: "invalid request", Title: "Bad Request", Detail: "invalid request",
		Errors: []v3.APIErrorEntry{{Detail: "too long", Location: "$['name']"}, {Detail: "be kind"}},
	}
	got := words(fmt.Errorf("CreateLoadBalancer: http response: %w", api))
	if want := "invalid request; Bad Request; $['name']: too long; be kind"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestErrorSaysWhyThereWasNoAnswer(t *testing.T) {
	request := func(err error) error {
		return fmt.Errorf("http client do: %w", &url.Error{Op: "Post", URL: "http://127.0.0.1/v2/load-balancer", Err: err})
	}
	for want, err := range map[string]error{
		"connection refused":    request(errors.New("connection refused")),
		"no answer in time":     request(context.DeadlineExceeded),
		"the call was given up": request(context.Canceled),
	} {
		if got := words(err); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := words(errors.New(strings.Repeat("é", maxMessage))); len(got) > maxMessage+len("…") || !strings.HasSuffix(got, "é…") {
		t.Errorf("a long text isn't cut at a character: %d bytes", len(got))
	}
}

// What differs at each attempt would have every object written at each.
func TestWhyThereWasNoAnswerIsSaidTheSameEachTime(t *testing.T) {
	at := func(port int) net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port} }
	broken := func(port int) error {
		return &net.OpError{Op: "read", Net: "tcp", Source: at(port), Addr: at(443), Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	}
	refused := func(port int) error {
		return &net.OpError{Op: "dial", Net: "tcp", Addr: at(443), Source: at(port), Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	for name, c := range map[string]struct {
		attempt func(port int) error
		want    string
	}{
		"a connection that broke":  {broken, "read tcp: read: connection reset by peer"},
		"while the answer came":    {func(port int) error { return fmt.Errorf("reading the answer: %w", broken(port)) }, "reading the answer: read tcp: read: connection reset by peer"},
		"no connection at all":     {refused, "dial tcp: connect: connection refused"},
		"not even through a proxy": {func(port int) error { return &net.OpError{Op: "proxyconnect", Net: "tcp", Err: refused(port)} }, "proxyconnect tcp: dial tcp: connect: connection refused"},
		"the API refuses TLS":      {func(int) error { return &net.OpError{Op: "remote error", Err: errors.New("tls: handshake failure")} }, "remote error: tls: handshake failure"},
		"no name server": {func(port int) error {
			return &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{
				Name: "api.example", Server: "10.0.0.10:53", IsTimeout: true, Err: fmt.Sprintf("read udp 10.0.0.1:%d->10.0.0.10:53: i/o timeout", port),
			}}
		}, "dial tcp: lookup api.example: no answer in time"},
		"a certificate of yesterday": {func(port int) error {
			return &tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.Expired, Detail: fmt.Sprintf("current time %d is after yesterday", port)}}
		}, "tls: failed to verify certificate: the certificate of the API has expired, or isn't valid yet"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, port := range []int{44262, 44264} {
				cause := c.attempt(port)
				err := newError(&call{operation: opGetLoadBalancer}, fmt.Errorf("http client do: %w", &url.Error{Op: "Get", URL: "https://api.example/v2", Err: cause}))
				if err.Message != c.want {
					t.Errorf("got %q, want %q", err.Message, c.want)
				}
				if !errors.Is(err, cause) {
					t.Error("the cause can't be found any more")
				}
			}
		})
	}
}

func TestErrorReadsAsASentence(t *testing.T) {
	e := newError(&call{operation: opDeleteLoadBalancer, object: "load balancer 0b12", zone: "ch-gva-2", status: 409},
		&v3.APIError{Message: "load balancer has services"})
	if want := "delete-load-balancer of load balancer 0b12 in zone ch-gva-2: load balancer has services (HTTP 409)"; e.Error() != want {
		t.Errorf("got  %s\nwant %s", e, want)
	}
	if e.Class != Conflict {
		t.Errorf("class %s", e.Class)
	}
	lost := newError(&call{operation: opCreateLoadBalancer, zone: "ch-gva-2", status: 200}, io.ErrUnexpectedEOF)
	if lost.Status != 0 || lost.Class != Transient || !errors.Is(lost, io.ErrUnexpectedEOF) {
		t.Errorf("a lost answer: %+v", lost)
	}
}

// An API that tells megabytes must not fill conditions, nor take long to be read.
func TestEndlessWordsAreCut(t *testing.T) {
	api := &v3.APIError{Message: strings.Repeat("m", 1<<20)}
	for i := range 100_000 {
		api.Errors = append(api.Errors, v3.APIErrorEntry{Detail: strconv.Itoa(i)})
	}
	if got := words(api); len(got) > maxMessage+len("…") {
		t.Errorf("an error has %d bytes", len(got))
	}
	op := operationOf(v3.Operation{State: v3.OperationStateFailure, Reason: v3.OperationReason(strings.Repeat("r", 1<<20)), Message: strings.Repeat("m", 1<<20)})
	if got := len(op.Err().Error()); got > 2*maxMessage+100 {
		t.Errorf("a failed operation is told in %d bytes", got)
	}
	state := v3.LoadBalancerState(strings.Repeat("s", 1<<20))
	if lb := loadBalancerOf(v3.LoadBalancer{Name: strings.Repeat("n", 1<<20), State: state}, ""); len(lb.Name)+len(lb.State) > 2*maxMessage+10 {
		t.Errorf("name and state have %d and %d bytes", len(lb.Name), len(lb.State))
	}
}
