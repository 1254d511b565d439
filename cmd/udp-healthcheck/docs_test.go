package main

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/exoscale-community/nlb-operator/test/docs/markdown"
	"github.com/exoscale-community/nlb-operator/test/sidecar"
)

const page = "../../docs/udp.md"

// TestThePageTellsWhatTheSidecarDoes: what the program serves is in the page.
func TestThePageTellsWhatTheSidecarDoes(t *testing.T) {
	t.Parallel()
	document, err := markdown.Read(page)
	if err != nil {
		t.Fatal(err)
	}
	mentioned := func(what string) {
		t.Helper()
		if !strings.Contains(document.Text, what) {
			t.Errorf("the page doesn't tell %s", what)
		}
	}
	p := sidecar.Start(t, "--target", socketOf(givenApplication(t)))
	_, paths, err := p.Get("/")
	if err != nil {
		t.Fatal(err)
	}
	for path := range strings.FieldsSeq(paths) {
		mentioned(fmt.Sprintf("| `%s` |", path))
	}
	_, metrics, err := p.Get("/metrics")
	if err != nil {
		t.Fatal(err)
	}
	for _, metric := range regexp.MustCompile(`(?m)^# TYPE (\S+) (\S+)$`).FindAllStringSubmatch(metrics, -1) {
		mentioned(fmt.Sprintf("| `%s` | %s |", metric[1], metric[2]))
	}
	var help bytes.Buffer
	run(t.Context(), program{args: []string{"--help"}, lookup: variables{}.lookup, out: &help, err: &help})
	for _, key := range regexp.MustCompile(`(?m)^  ([a-z]+)=`).FindAllStringSubmatch(help.String(), -1) {
		mentioned(fmt.Sprintf("| `%s` |", key[1]))
	}
	mentioned(fmt.Sprint(defaultHealthPort))
	mentioned(fmt.Sprint(defaultInfoPort))
}
