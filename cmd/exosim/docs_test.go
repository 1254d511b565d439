package main

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/exoscale-community/nlb-operator/test/docs/markdown"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

const manual = "../../docs/exosim.md"

// documented is the server that the manual starts and asks.
const documented = "127.0.0.1:8080"

func read(t *testing.T) markdown.Document {
	t.Helper()
	document, err := markdown.Read(manual)
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// blocks are the code blocks of the manual in a language.
func blocks(t *testing.T, language string) []string {
	t.Helper()
	found := read(t).In(language)
	if len(found) == 0 {
		t.Fatalf("the manual has no %s", language)
	}
	return found
}

// startedByTheManual runs the manual's command, but at a free port.
func startedByTheManual(t *testing.T) *program {
	t.Helper()
	command, is := strings.CutPrefix(blocks(t, "sh")[0], "go run ./cmd/exosim ")
	if !is {
		t.Fatal("the manual's first command doesn't start exosim")
	}
	command = strings.ReplaceAll(command, documented, "127.0.0.1:0")
	command = strings.ReplaceAll(command, "config/samples", "../../config/samples")
	return started(t, strings.Fields(command)...)
}

func TestTheCommandsOfTheManualWork(t *testing.T) {
	t.Parallel()
	p := startedByTheManual(t)
	for _, block := range blocks(t, "sh")[1:] {
		name, _, _ := strings.Cut(block, "\n")
		t.Run(name, func(t *testing.T) {
			for _, tool := range []string{"sh", strings.Fields(lastLine(block))[0]} {
				if _, err := exec.LookPath(tool); err != nil {
					t.Skipf("there is no %s on this machine", tool)
				}
			}
			script := strings.ReplaceAll(block, "http://"+documented, p.base)
			shell := exec.Command("sh", "-eux", "-c", script)
			shell.Env = append(os.Environ(), "HOME="+t.TempDir())
			for name, value := range p.env {
				shell.Env = append(shell.Env, name+"="+value)
			}
			if output, err := shell.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, output)
			}
		})
	}
}

func lastLine(block string) string {
	lines := strings.Split(strings.TrimSpace(block), "\n")
	return lines[len(lines)-1]
}

func TestTheCommandsOfTheManualWorkWithoutCurl(t *testing.T) {
	t.Parallel()
	p := startedByTheManual(t)
	form := regexp.MustCompile(`^curl -fsS (?:-X (\S+) )?(\S+)(?: -d '(.*)')?$`)
	for _, block := range blocks(t, "sh")[1:] {
		for line := range strings.SplitSeq(block, "\n") {
			if !strings.HasPrefix(line, "curl ") {
				continue
			}
			parts := form.FindStringSubmatch(line)
			if parts == nil {
				t.Errorf("%s isn't of the form that this test knows", line)
				continue
			}
			url := strings.NewReplacer("http://"+documented, p.base, "$EXOSCALE_API_ENDPOINT", p.env["EXOSCALE_API_ENDPOINT"]).Replace(parts[2])
			if status, answer := ask(t, parts[1], url, parts[3]); status != http.StatusOK {
				t.Errorf("%s\nis answered with %d %s", line, status, answer)
			}
		}
	}
}

func ask(t *testing.T, method, url, body string) (status int, answer string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(data)
}

func TestTheEnvironmentOfTheManualIsWhatItsCommandTells(t *testing.T) {
	t.Parallel()
	p := startedByTheManual(t)
	text := read(t).Text
	for name, value := range p.env {
		if want := name + "=" + strings.ReplaceAll(value, p.base, "http://"+documented); !strings.Contains(text, want) {
			t.Errorf("the manual doesn't say %s", want)
		}
	}
}

func TestTheStateFilesOfTheManualAreRight(t *testing.T) {
	t.Parallel()
	for _, block := range blocks(t, "yaml") {
		if _, err := exosim.ParseState([]byte(block)); err != nil {
			t.Errorf("%v in\n%s", err, block)
		}
	}
}

func TestTheFaultsOfTheManualAreRight(t *testing.T) {
	t.Parallel()
	server := exosim.StartTestServer(t, exosim.Options{Zones: []string{"ch-gva-2", "ch-dk-2"}})
	for _, block := range blocks(t, "json") {
		if status, answer := ask(t, http.MethodPost, server.URL+"/sim/faults", block); status != http.StatusOK {
			t.Errorf("%d %s to\n%s", status, answer, block)
		}
	}
}

func TestTheManualIsComplete(t *testing.T) {
	t.Parallel()
	text := read(t).Text
	mentioned := func(what string) {
		t.Helper()
		if !strings.Contains(text, "`"+what+"`") {
			t.Errorf("the manual doesn't mention %s", what)
		}
	}
	for _, flag := range flagNames(t) {
		mentioned("--" + flag)
	}
	for _, operation := range exosim.Operations() {
		mentioned(operation)
	}
	for _, kind := range exosim.FaultKinds() {
		mentioned(string(kind))
	}
	server := exosim.StartTestServer(t, exosim.Options{})
	_, help := ask(t, http.MethodGet, server.URL+"/sim/", "")
	for line := range strings.SplitSeq(strings.TrimSpace(help), "\n") {
		mentioned(strings.Join(strings.Fields(line)[:2], " "))
	}
}

func flagNames(t *testing.T) []string {
	t.Helper()
	var help strings.Builder
	if _, err := parse([]string{"--help"}, &help); err != pflag.ErrHelp { //nolint:errorlint // returned as it is
		t.Fatal(err)
	}
	var names []string
	for _, match := range regexp.MustCompile(`(?m)^ +--(\S+)`).FindAllStringSubmatch(help.String(), -1) {
		names = append(names, match[1])
	}
	return names
}
