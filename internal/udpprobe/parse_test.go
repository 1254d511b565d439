package udpprobe

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func socket(port int32) Target { return Default().At(port) }

func probe(port int32, payload string, expect Expectation) Target {
	return Target{port, Check{Mode: ModeProbe, Payload: payload, Expect: expect, Timeout: DefaultTimeout, Interval: DefaultInterval}}
}

func dns(port int32, query string) Target {
	return Target{port, Check{Mode: ModeDNS, Query: query, Timeout: DefaultTimeout, Interval: DefaultInterval}}
}

func exactly(reply string) Expectation    { return Expectation{ExactReply, reply} }
func matching(pattern string) Expectation { return Expectation{MatchingReply, pattern} }

// with is a target with another timeout and interval, unless those are 0.
func with(t Target, timeout, interval time.Duration) Target {
	if timeout != 0 {
		t.Timeout = timeout
	}
	if interval != 0 {
		t.Interval = interval
	}
	return t
}

func TestParseTargets(t *testing.T) {
	binary := "\x00\xff\r\n"
	for text, want := range map[string][]Target{
		"5060":                                                 {socket(5060)},
		"5060/socket":                                          {socket(5060)},
		"053/socket":                                           {socket(53)},
		"53/dns":                                               {dns(53, "")},
		"53/dns;query=.":                                       {dns(53, ".")},
		"53/dns;query=a.b":                                     {dns(53, "a.b.")},
		"53/dns;query=A.b.":                                    {dns(53, "a.b.")},
		"53/dns;query=_x.y9":                                   {dns(53, "_x.y9.")},
		"7/probe;payload=text:":                                {probe(7, "", Expectation{})},
		"7/probe;payload=text:a:b=c":                           {probe(7, "a:b=c", Expectation{})},
		`7/probe;payload=text:a\ b\;c\\d`:                      {probe(7, `a b;c\d`, Expectation{})},
		"7/probe;payload=text:a\\\n\\\r\\\tb":                  {probe(7, "a\n\r\tb", Expectation{})},
		"7/probe;payload=text:grüezi":                          {probe(7, "grüezi", Expectation{})},
		"7/probe;payload=hex:00FF0d0a":                         {probe(7, binary, Expectation{})},
		"7/probe;payload=hex:":                                 {probe(7, "", Expectation{})},
		"7/probe;payload=base64:AP8NCg==":                      {probe(7, binary, Expectation{})},
		"7/probe;payload=text:a;expect=text:b":                 {probe(7, "a", exactly("b"))},
		"7/probe;expect=text:;payload=text:a":                  {probe(7, "a", exactly(""))},
		"7/probe;payload=text:a;expect=hex:00ff0d0a":           {probe(7, "a", exactly(binary))},
		"7/probe;payload=text:a;expect=base64:AP8NCg==":        {probe(7, "a", exactly(binary))},
		"7/probe;payload=text:a;expect=re2:^b{3}|c$":           {probe(7, "a", matching("^b{3}|c$"))},
		`7/probe;payload=text:a;expect=re2:\\d+\;\\s\ `:        {probe(7, "a", matching(`\d+;\s `))},
		"7/probe;payload=text:a;timeout=50ms;interval=100ms":   {with(probe(7, "a", Expectation{}), 50*time.Millisecond, 100*time.Millisecond)},
		"7/probe;payload=text:a;timeout=10s;interval=5m":       {with(probe(7, "a", Expectation{}), 10*time.Second, 5*time.Minute)},
		"53/dns;interval=1m30s;timeout=0.25s":                  {with(dns(53, ""), 250*time.Millisecond, 90*time.Second)},
		"53;interval=3s":                                       {with(socket(53), 0, 3*time.Second)},
		"1 65535":                                              {socket(1), socket(65535)},
		"\n  53/dns\n\t5060\r\n":                               {dns(53, ""), socket(5060)},
		"53/dns;query=a 53/dns;query=b":                        {dns(53, "a."), dns(53, "b.")},
		`7/probe;payload=text:a\\ 8/probe;payload=text:a\ 9/b`: {probe(7, `a\`, Expectation{}), probe(8, "a 9/b", Expectation{})},
	} {
		t.Run(text, func(t *testing.T) {
			got, err := ParseTargets(text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseTargetsRefuses(t *testing.T) {
	long := strings.Repeat("a", MaxBytes+1)
	for text, want := range map[string]string{
		"":                                     "there is no target",
		" \n":                                  "there is no target",
		"0":                                    `target "0": it has to begin with the number of a port, 1-65535`,
		"65536":                                "1-65535",
		"-1":                                   "1-65535",
		"+53":                                  "1-65535",
		"dns":                                  "1-65535",
		"web/socket":                           "1-65535",
		"/dns":                                 "1-65535",
		`5\3`:                                  "1-65535",
		"53/dsn":                               `target "53/dsn": "dsn" is no mode; socket, probe and dns are`,
		"53/DNS":                               `"DNS" is no mode`,
		"53/":                                  `"" is no mode`,
		"53/dns/socket":                        `"dns/socket" is no mode`,
		"53/dns\u00a054":                       `"dns\u00a054" is no mode`,
		"53 54/dsn":                            `target "54/dsn"`,
		"53/dns;":                              "behind a semicolon stands key=value",
		"53/dns; query=a":                      "behind a semicolon stands key=value",
		"53/dns;query":                         `"query" isn't of the form key=value`,
		"53/dns;name=a":                        `there is no key "name"; payload, expect, query, timeout and interval are`,
		"53;timeout=1s":                        "mode socket has no timeout, which is for probe and dns",
		"53;payload=hex:0":                     "mode socket has no payload, which is for probe",
		"53/dns;payload=text:a":                "mode dns has no payload",
		"7/probe;payload=text:a;query=a":       "mode probe has no query, which is for dns",
		"53/dns;query=a;query=b":               "query is given twice",
		"53/dns 53/dns":                        `target "53/dns": it is given twice`,
		"53 53/socket;interval=2s":             "it is given twice",
		"7/probe":                              "mode probe needs to know what to send: payload=text:…",
		"7/probe;expect=text:a":                "mode probe needs to know what to send",
		"7/probe;payload=":                     `"payload=": allowed is text:…, hex:… or base64:…`,
		"7/probe;payload=ping":                 "allowed is text:…, hex:… or base64:…",
		"7/probe;payload=re2:a":                "allowed is text:…, hex:… or base64:…",
		"7/probe;payload=text:a;expect=ping":   "allowed is text:…, hex:…, base64:… or re2:…",
		"7/probe;payload=hex:0":                "it isn't hexadecimal",
		"7/probe;payload=hex:0g":               "it isn't hexadecimal",
		"7/probe;payload=base64:AP8NCg":        "it isn't base64",
		"7/probe;payload=text:" + long:         "it stands for 1025 bytes; at most 1024 are allowed",
		"7/probe;payload=text:a;expect=re2:(":  "it is no regular expression of RE2: missing closing ) in \"(\"",
		`7/probe;payload=text:a;expect=re2:\d`: `"expect=re2:\d": a backslash is written \\; alone it stands only before a semicolon or white space`,
		`7/probe;payload=text:a\`:              `a backslash is written \\`,
		"7/probe;payload=text:a;expect=re2:x{1000}":                "",
		"7/probe;payload=text:a;expect=re2:x{1000}y{1000}":         "the regular expression repeats too much",
		`7/probe;payload=text:a;expect=re2:\\2`:                    "it is no regular expression of RE2",
		"7/probe;payload=text:a;expect=re2:" + long[:MaxPattern+1]: "the regular expression has 257 bytes; at most 256 are allowed",
		"7/probe;payload=text:a;timeout=49ms":                      "allowed is a duration from 50ms to 10s",
		"7/probe;payload=text:a;timeout=10001ms":                   "allowed is a duration from 50ms to 10s",
		"7/probe;payload=text:a;timeout=1":                         "allowed is a duration from 50ms to 10s, as in 500ms",
		"53;interval=99ms":                                         "allowed is a duration from 100ms to 5m",
		"53;interval=301s":                                         "allowed is a duration from 100ms to 5m",
		"53;interval=-1s":                                          "allowed is a duration from 100ms to 5m",
		"53/dns;query=":                                            "allowed is a domain name",
		"53/dns;query=..":                                          "allowed is a domain name",
		"53/dns;query=a..b":                                        "allowed is a domain name",
		"53/dns;query=a/b":                                         "allowed is a domain name",
		"53/dns;query=" + long[:64]:                                "allowed is a domain name",
		"53/dns;query=" + strings.Repeat("a.", 127):                "",
		"53/dns;query=" + strings.Repeat("a.", 128):                "allowed is a domain name",
	} {
		t.Run(text, func(t *testing.T) {
			_, err := ParseTargets(text)
			switch {
			case want == "" && err != nil:
				t.Error(err)
			case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
}

func TestParseAnnotation(t *testing.T) {
	every := func(target Target) Spec { return Spec{Check: target.Check} }
	at := func(port string, target Target) Spec { return Spec{port, target.Check} }
	for text, want := range map[string][]Spec{
		"socket":                  {Default()},
		"/socket":                 {Default()},
		"dns":                     {every(dns(0, ""))},
		"/dns":                    {every(dns(0, ""))},
		"dns;query=a":             {every(dns(0, "a."))},
		"probe;payload=text:a":    {every(probe(0, "a", Expectation{}))},
		"/probe;payload=text:a":   {every(probe(0, "a", Expectation{}))},
		"dns/socket":              {at("dns", socket(0))},
		"dns/dns":                 {at("dns", dns(0, ""))},
		"53/dns":                  {at("53", dns(0, ""))},
		"053/dns":                 {at("53", dns(0, ""))},
		"sip":                     {at("sip", socket(0))},
		"a-9;interval=3s":         {at("a-9", with(socket(0), 0, 3*time.Second))},
		"game-query/dns\n/socket": {at("game-query", dns(0, "")), Default()},
		";interval=3s":            {every(with(socket(0), 0, 3*time.Second))},
		"abcdefghijklmno":         {at("abcdefghijklmno", socket(0))},
	} {
		t.Run(text, func(t *testing.T) {
			got, err := ParseAnnotation(text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseAnnotationRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                 "there is no target",
		"SIP":              `target "SIP": "SIP" is no port: that is a number, 1-65535, the name of a port of the Pod, or nothing for every UDP port`,
		"abcdefghijklmnop": "is no port",
		"-a":               "is no port",
		"a-":               "is no port",
		"a--b":             "is no port",
		"65536":            "is no port",
		"0":                "is no port",
		"probe":            "mode probe needs to know what to send",
		"sip/dsn":          `"dsn" is no mode`,
		"dns /dns":         "it is given twice",
	} {
		t.Run(text, func(t *testing.T) {
			if _, err := ParseAnnotation(text); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
}

func TestTooManyTargets(t *testing.T) {
	var texts []string
	for port := range MaxTargets + 1 {
		texts = append(texts, fmt.Sprint(port+1))
	}
	if _, err := ParseTargets(strings.Join(texts[:MaxTargets], " ")); err != nil {
		t.Error(err)
	}
	if _, err := ParseTargets(strings.Join(texts, " ")); err == nil || err.Error() != `target "33" is one too many: at most 32 are allowed` {
		t.Error(err)
	}
}

func TestTextsAreShort(t *testing.T) {
	if _, err := ParseTargets(strings.Repeat("a", MaxText+1)); err == nil || err.Error() != "it has 262145 bytes; at most 262144 are allowed" {
		t.Error(err)
	}
}

func TestErrorsAreShort(t *testing.T) {
	_, err := ParseTargets("53/" + strings.Repeat("ä", 1000))
	if err == nil || len([]rune(err.Error())) > 250 || !strings.Contains(err.Error(), `…"`) {
		t.Error(err)
	}
}

func TestString(t *testing.T) {
	for _, test := range []struct {
		target Target
		want   string
	}{
		{socket(53), "53/socket"},
		{dns(53, "a."), "53/dns;query=a."},
		{probe(7, `a b;c\d`, Expectation{}), `7/probe;payload=text:a\ b\;c\\d`},
		{probe(7, "\x00\n", exactly("")), "7/probe;payload=hex:000a;expect=text:"},
		{probe(7, "ä\xff", matching(`^\d $`)), `7/probe;payload=hex:c3a4ff;expect=re2:^\\d\ $`},
		{with(dns(53, ""), 50*time.Millisecond, 3*time.Second), "53/dns;timeout=50ms;interval=3s"},
	} {
		if got := test.target.String(); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
	if got := Default().String(); got != "/socket" {
		t.Errorf("the default is %s", got)
	}
}

// FuzzParse reads any text as an annotation and as targets. What is accepted is
// within the limits, and reads the same when it is written down again.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"dns", "53/dns;query=example.com", "sip;interval=3s /socket", "dns/dns;timeout=50ms",
		`7/probe;payload=text:a\ b\;c\\d;expect=re2:^\\d+$`, "7/probe;payload=hex:00ff;expect=base64:AP8NCg==",
		"1 2 3", "0", "a--b", `\`, "53/dns;", "/probe;payload=text:" + base64.StdEncoding.EncodeToString([]byte("a")),
		"/probe;expect=hex:" + hex.EncodeToString([]byte("a")) + ";payload=text:",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		specs, err := ParseAnnotation(text)
		readAgain(t, text, specs, err, ParseAnnotation)
		for _, spec := range specs {
			target := spec.At(53)
			if again, err := ParseTargets(target.String()); err != nil || !slices.Equal(again, []Target{target}) {
				t.Errorf("%s of %q is read as %v (%v)", target, text, again, err)
			}
			for _, broken := range brokenLimits(spec.Check) {
				t.Errorf("accepted in %q is %s", text, broken)
			}
		}
		targets, err := ParseTargets(text)
		readAgain(t, text, targets, err, ParseTargets)
		for _, target := range targets {
			if target.Port < 1 || target.Port > 65535 {
				t.Errorf("accepted in %q is port %d", text, target.Port)
			}
		}
	})
}

// readAgain writes down what was accepted, and wants a short sentence where
// nothing was.
func readAgain[T interface {
	comparable
	fmt.Stringer
}](t *testing.T, text string, accepted []T, err error, parse func(string) ([]T, error)) {
	t.Helper()
	if err != nil {
		if len(accepted) > 0 || len([]rune(err.Error())) > 1000 || strings.ContainsAny(err.Error(), "\n\x00") {
			t.Errorf("%q is refused by %q, and %v accepted", text, err, accepted)
		}
		return
	}
	var written []string
	for _, one := range accepted {
		written = append(written, one.String())
	}
	again, err := parse(strings.Join(written, " "))
	if err != nil || len(accepted) == 0 || !slices.Equal(accepted, again) {
		t.Errorf("%q is %v, written as %q, which is read as %v (%v)", text, accepted, written, again, err)
	}
}

func brokenLimits(c Check) []string {
	var broken []string
	holds := func(ok bool, what string) {
		if !ok {
			broken = append(broken, what)
		}
	}
	holds(c.Interval >= MinInterval && c.Interval <= MaxInterval, "an interval beyond its limits")
	holds(c.Mode == ModeSocket && c.Timeout == 0 || c.Timeout >= MinTimeout && c.Timeout <= MaxTimeout, "a timeout beyond its limits")
	holds(len(c.Payload) <= MaxBytes && len(c.Expect.Value) <= MaxBytes, "too many bytes")
	holds(c.Mode == ModeProbe || c.Payload == "" && c.Expect == Expectation{}, "a payload or an expectation in another mode")
	holds(c.Query == "" || c.Mode == ModeDNS && strings.HasSuffix(c.Query, ".") && len(c.Query) <= 254, "a query that is no name")
	return broken
}
