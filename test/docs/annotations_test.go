package docs

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/annotation"
)

var update = flag.Bool("update", false, "write the table of annotations anew")

// The table is between these in docs/annotations.md.
const (
	tableBegins = "<!-- annotations -->\n"
	tableEnds   = "<!-- end of annotations -->\n"
)

func TestTheTableOfAnnotationsIsCurrent(t *testing.T) {
	text := page(t, annotationsPage).Text
	before, rest, begins := strings.Cut(text, tableBegins)
	got, after, ends := strings.Cut(rest, tableEnds)
	if !begins || !ends {
		t.Fatalf("%s has no %s … %s", annotationsPage, tableBegins, tableEnds)
	}
	want := annotationTable()
	if got == want {
		return
	}
	if !*update {
		t.Fatalf("-want +got (go test -update writes it anew):\n%s", cmp.Diff(want, got))
	}
	if err := os.WriteFile(filepath.Join(root, annotationsPage), []byte(before+tableBegins+want+tableEnds+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// annotationTable is made from what the parser goes by.
func annotationTable() string {
	var ccm, ours, old strings.Builder
	for _, key := range annotation.Keys() {
		table, name := &ours, key.Name
		if short, is := strings.CutPrefix(key.Name, v1alpha1.AnnotationCCMPrefix); is {
			table, name = &ccm, short
		}
		meaning := key.Meaning
		if key.SinglePort {
			meaning += " Only for a Service with exactly one port."
		}
		fmt.Fprintf(table, "| `%s` | %s | %s | %s | %s |", name, cell(meaning), cell(key.Allowed), cell(key.Default), cell(key.Effect))
		if table == &ccm {
			fmt.Fprintf(table, " %s |", cell(key.Empty))
		}
		table.WriteString("\n")
	}
	for _, key := range annotation.OldKeys() {
		fmt.Fprintf(&old, "| `%s` | %s |\n", strings.TrimPrefix(key.Name, v1alpha1.AnnotationCCMPrefix), cell(key.Today))
	}
	const (
		head     = "\n| annotation | meaning | allowed | default | a change takes effect |%s\n|---|---|---|---|---|%s\n"
		empty    = "An empty value counts as no value, because templates render an unset variable that way. The last column shows what the CCM's code makes of an empty value."
		oldTable = "\nThe operator still understands these of former CCM versions:\n\n| annotation | today |\n|---|---|\n"
	)
	return fmt.Sprintf("The annotations of the CCM begin with `%s`. %s\n%s%s\nThe operator's own:\n%s%s%s%s",
		v1alpha1.AnnotationCCMPrefix, empty, fmt.Sprintf(head, " an empty value, with the CCM |", "---|"), &ccm, fmt.Sprintf(head, "", ""), &ours, oldTable, &old)
}

// cell is text as Markdown doesn't misread it.
func cell(text string) string {
	return strings.NewReplacer(v1alpha1.AnnotationCCMPrefix, "", "<", `\<`, "|", `\|`, "*", `\*`).Replace(text)
}
