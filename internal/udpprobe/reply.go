package udpprobe

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"golang.org/x/net/dns/dnsmessage"
)

// MaxReply is how many bytes of a reply are looked at.
const MaxReply = 4096

// Exchange is what a Check sends, and how it judges what comes back.
type Exchange struct {
	check   Check
	pattern *pattern
}

// pattern is a regular expression. It matches one reply at a time, since each takes
// the memory of its program again.
type pattern struct {
	*regexp.Regexp

	matching *sync.Mutex
}

func (p *pattern) matches(reply []byte) bool {
	p.matching.Lock()
	defer p.matching.Unlock()
	return p.Match(reply)
}

// NewExchange prepares the exchange of a Check that was parsed, of any mode but
// ModeSocket.
func NewExchange(check Check) (*Exchange, error) { return new(Exchanges).New(check) }

// Exchanges are what the exchanges of one program have in common: a regular
// expression that is for every port of an application is compiled once, and all take
// turns. The zero value is ready.
type Exchanges struct {
	patterns map[string]*pattern
	matching sync.Mutex
}

// New prepares an exchange, as NewExchange does. It isn't for several goroutines.
func (all *Exchanges) New(check Check) (*Exchange, error) {
	if check.Expect.Kind != MatchingReply {
		return &Exchange{check: check}, nil
	}
	known := all.patterns[check.Expect.Value]
	if known == nil {
		compiled, err := regexp.Compile(check.Expect.Value)
		if err != nil {
			return nil, fmt.Errorf("expect=re2: %w", err)
		}
		if all.patterns == nil {
			all.patterns = map[string]*pattern{}
		}
		known = &pattern{compiled, &all.matching}
		all.patterns[check.Expect.Value] = known
	}
	return &Exchange{check: check, pattern: known}, nil
}

// Request is the datagram to send. The id, another one each time, is what a DNS
// server has to repeat.
func (e *Exchange) Request(id uint16) ([]byte, error) {
	if e.check.Mode != ModeDNS {
		return []byte(e.check.Payload), nil
	}
	question, err := e.question()
	if err != nil {
		return nil, err
	}
	message := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: id, RecursionDesired: true},
		Questions: []dnsmessage.Question{question},
	}
	return message.Pack()
}

func (e *Exchange) question() (dnsmessage.Question, error) {
	question := dnsmessage.Question{Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}
	name := e.check.Query
	if name == "" || name == "." {
		name, question.Type = ".", dnsmessage.TypeNS
	}
	var err error
	if question.Name, err = dnsmessage.NewName(name); err != nil {
		return question, fmt.Errorf("query=%s: %w", name, err)
	}
	return question, nil
}

// Mismatch says why a reply isn't what was expected. Error holds nothing of the
// reply, nor of what was expected, so that it can be shown to anybody.
type Mismatch struct {
	why string
	// Reply is the beginning of it, for those who may see it.
	Reply string
}

// Error implements error.
func (m *Mismatch) Error() string { return m.why }

// Judge is nil if the reply to the Request with this id is as expected, else a
// Mismatch.
func (e *Exchange) Judge(id uint16, reply []byte) error {
	why := ""
	expected := e.check.Expect
	switch {
	case e.check.Mode == ModeDNS:
		why = e.judgeDNS(id, reply)
	case expected.Kind == ExactReply && string(reply) != expected.Value:
		why = fmt.Sprintf("the reply of %d bytes isn't the expected one of %d bytes", len(reply), len(expected.Value))
	case expected.Kind == MatchingReply && !e.pattern.matches(reply):
		why = fmt.Sprintf("the reply of %d bytes isn't matched by the expected regular expression", len(reply))
	}
	if why == "" {
		return nil
	}
	const most = 64
	return &Mismatch{why: why, Reply: string(reply[:min(len(reply), most)])}
}

func (e *Exchange) judgeDNS(id uint16, reply []byte) string {
	var parser dnsmessage.Parser
	header, err := parser.Start(reply)
	switch {
	case err != nil:
		return fmt.Sprintf("the reply of %d bytes is no DNS message", len(reply))
	case !header.Response || header.ID != id:
		return "the reply is a DNS message, but not the answer to the query"
	case e.check.Query == "":
		return ""
	case header.RCode != dnsmessage.RCodeSuccess:
		return fmt.Sprintf("the answer to the query for %s is %s", e.check.Query, codeName(header.RCode))
	}
	asked, err := e.question()
	if err != nil {
		return err.Error()
	}
	repeated, err := parser.Question()
	if err != nil || repeated.Type != asked.Type || !strings.EqualFold(repeated.Name.String(), e.check.Query) {
		return "the answer is to another query than that for " + e.check.Query
	}
	return ""
}

// codeName is how the tools of DNS call a response code.
func codeName(code dnsmessage.RCode) string {
	names := map[dnsmessage.RCode]string{
		dnsmessage.RCodeFormatError: "FORMERR", dnsmessage.RCodeServerFailure: "SERVFAIL", dnsmessage.RCodeNameError: "NXDOMAIN",
		dnsmessage.RCodeNotImplemented: "NOTIMP", dnsmessage.RCodeRefused: "REFUSED",
	}
	if name, known := names[code]; known {
		return name
	}
	return fmt.Sprintf("response code %d", code)
}
