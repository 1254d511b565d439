package udpprobe

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

const anID = 4711

func exchange(t *testing.T, target Target) *Exchange {
	t.Helper()
	e, err := NewExchange(target.Check)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// answer is a DNS message about a name.
func answer(t *testing.T, header dnsmessage.Header, questions ...dnsmessage.Question) string {
	t.Helper()
	message := dnsmessage.Message{Header: header, Questions: questions}
	packed, err := message.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return string(packed)
}

func about(name string, kind dnsmessage.Type) dnsmessage.Question {
	return dnsmessage.Question{Name: dnsmessage.MustNewName(name), Type: kind, Class: dnsmessage.ClassINET}
}

func TestRequest(t *testing.T) {
	for _, test := range []struct {
		target Target
		want   string
	}{
		{probe(7, "a\x00", Expectation{}), "a\x00"},
		{probe(7, "", Expectation{}), ""},
		{dns(53, ""), answer(t, dnsmessage.Header{ID: anID, RecursionDesired: true}, about(".", dnsmessage.TypeNS))},
		{dns(53, "."), answer(t, dnsmessage.Header{ID: anID, RecursionDesired: true}, about(".", dnsmessage.TypeNS))},
		{dns(53, "a.b."), answer(t, dnsmessage.Header{ID: anID, RecursionDesired: true}, about("a.b.", dnsmessage.TypeA))},
	} {
		got, err := exchange(t, test.target).Request(anID)
		if err != nil || string(got) != test.want {
			t.Errorf("%s sends %q (%v), want %q", test.target, got, err, test.want)
		}
	}
}

// TestEveryQueryCanBeSent: what ParseTargets takes, the DNS library takes too.
func TestEveryQueryCanBeSent(t *testing.T) {
	longest := strings.Repeat("a.", 126) + "a"
	for _, query := range []string{".", "a", "_x-1.y", longest, longest + ".", strings.Repeat("a", 63) + ".b"} {
		targets, err := ParseTargets("53/dns;query=" + query)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := exchange(t, targets[0]).Request(anID); err != nil {
			t.Errorf("%s: %v", query, err)
		}
	}
}

func TestJudge(t *testing.T) {
	answered := dnsmessage.Header{ID: anID, Response: true}
	with := func(code dnsmessage.RCode) dnsmessage.Header {
		header := answered
		header.RCode = code
		return header
	}
	for name, test := range map[string]struct {
		target Target
		reply  string
		want   string
	}{
		"any reply will do":                 {probe(7, "a", Expectation{}), "b", ""},
		"an empty one too":                  {probe(7, "a", Expectation{}), "", ""},
		"exactly that":                      {probe(7, "a", exactly("b\x00")), "b\x00", ""},
		"more than that":                    {probe(7, "a", exactly("b")), "bb", "the reply of 2 bytes isn't the expected one of 1 bytes"},
		"an empty one instead":              {probe(7, "a", exactly("b")), "", "the reply of 0 bytes isn't the expected one of 1 bytes"},
		"matched in the middle":             {probe(7, "a", matching("b+")), "abbc", ""},
		"matched in bytes that are no text": {probe(7, "a", matching(`^.\x00`)), "\xff\x00", ""},
		"not matched":                       {probe(7, "a", matching("^b+$")), "abbc", "the reply of 4 bytes isn't matched by the expected regular expression"},
		"an answer about the root":          {dns(53, ""), answer(t, answered, about(".", dnsmessage.TypeNS)), ""},
		"a refusal about the root":          {dns(53, ""), answer(t, with(dnsmessage.RCodeRefused)), ""},
		"a refusal about a root asked for":  {dns(53, "."), answer(t, with(dnsmessage.RCodeRefused)), "the answer to the query for . is REFUSED"},
		"a name that is known":              {dns(53, "a.b."), answer(t, answered, about("A.b.", dnsmessage.TypeA)), ""},
		"a name that isn't":                 {dns(53, "a.b."), answer(t, with(dnsmessage.RCodeNameError), about("a.b.", dnsmessage.TypeA)), "the answer to the query for a.b. is NXDOMAIN"},
		"a failure":                         {dns(53, "a.b."), answer(t, with(dnsmessage.RCodeServerFailure)), "SERVFAIL"},
		"a code of another world":           {dns(53, "a.b."), answer(t, with(11)), "response code 11"},
		"an answer about another name":      {dns(53, "a.b."), answer(t, answered, about("c.b.", dnsmessage.TypeA)), "the answer is to another query than that for a.b."},
		"an answer about nothing":           {dns(53, "a.b."), answer(t, answered), "the answer is to another query"},
		"an answer with another id":         {dns(53, ""), answer(t, dnsmessage.Header{ID: anID + 1, Response: true}), "not the answer to the query"},
		"the query sent back":               {dns(53, ""), answer(t, dnsmessage.Header{ID: anID}), "not the answer to the query"},
		"no DNS at all":                     {dns(53, ""), "hello", "the reply of 5 bytes is no DNS message"},
		"an empty datagram":                 {dns(53, ""), "", "the reply of 0 bytes is no DNS message"},
		"only half a question":              {dns(53, "a.b."), answer(t, answered, about("a.b.", dnsmessage.TypeA))[:14], "the answer is to another query"},
	} {
		t.Run(name, func(t *testing.T) {
			err := exchange(t, test.target).Judge(anID, []byte(test.reply))
			mismatch := (*Mismatch)(nil)
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (!errors.As(err, &mismatch) || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got %v, want %s", err, test.want)
			case test.want != "" && mismatch.Reply != test.reply[:min(64, len(test.reply))]:
				t.Errorf("the reply is told as %q", mismatch.Reply)
			}
		})
	}
}

// FuzzJudge gives the DNS preset any reply.
func FuzzJudge(f *testing.F) {
	f.Add("a.b", []byte("hello"))
	f.Add("", []byte{anID >> 8, anID & 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add("a", []byte{anID >> 8, anID & 0xff, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'a', 0, 0, 1, 0, 1})
	f.Fuzz(func(t *testing.T, query string, reply []byte) {
		text := "53/dns"
		if query != "" {
			text += ";query=" + query
		}
		targets, err := ParseTargets(text)
		if err != nil || len(targets) != 1 {
			return
		}
		e := exchange(t, targets[0])
		if _, err := e.Request(anID); err != nil {
			t.Errorf("%q can't be asked for: %v", query, err)
		}
		if err := e.Judge(anID, reply); err != nil && strings.ContainsAny(err.Error(), "\n\x00") {
			t.Errorf("%q", err)
		}
	})
}
