package exosim_test

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/exoscale-community/nlb-operator/test/exosim"
)

var update = flag.Bool("update", false, "write operations.txt from Exoscale's API document")

const operationsFile = "operations.txt"

// operation of the table.
type operation struct{ method, pattern, id string }

func tabled(t *testing.T) (all []operation) {
	t.Helper()
	content, err := os.ReadFile(operationsFile)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(content)) {
		if o := (operation{}); !strings.HasPrefix(line, "#") {
			if _, err := fmt.Sscan(line, &o.method, &o.pattern, &o.id); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			all = append(all, o)
		}
	}
	return all
}

// TestTheOperationsAreThoseOfTheAPIDocument holds the table to the document.
func TestTheOperationsAreThoseOfTheAPIDocument(t *testing.T) {
	t.Parallel()
	document := loadDocument(t)
	var want []operation
	for path, item := range document.Paths.Map() {
		for method, o := range item.Operations() {
			want = append(want, operation{method, strings.TrimPrefix(path, "/"), o.OperationID})
		}
	}
	slices.SortFunc(want, func(a, b operation) int {
		return cmp.Or(cmp.Compare(a.pattern, b.pattern), cmp.Compare(a.method, b.method))
	})
	if *update {
		writeOperations(t, want)
	}
	if diff := gocmp.Diff(want, tabled(t), gocmp.AllowUnexported(operation{})); diff != "" {
		t.Errorf("- document, + %s:\n%s", operationsFile, diff)
	}
}

func writeOperations(t *testing.T, all []operation) {
	t.Helper()
	before, err := os.ReadFile(operationsFile)
	if err != nil {
		t.Fatal(err)
	}
	var content strings.Builder
	for line := range strings.Lines(string(before)) {
		if strings.HasPrefix(line, "#") {
			content.WriteString(line)
		}
	}
	for _, o := range all {
		fmt.Fprintln(&content, o.method, o.pattern, o.id)
	}
	if err := os.WriteFile(operationsFile, []byte(content.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Nothing of Exoscale's API is taken for something that isn't there.
func TestEachOperationThatIsntSimulatedIsAnsweredWith501(t *testing.T) {
	t.Parallel()
	w := given(t)
	param := regexp.MustCompile(`\{[^}]+\}`)
	all := tabled(t)
	if len(all) < 300 {
		t.Fatalf("%s has %d operations only", operationsFile, len(all))
	}
	for _, o := range all {
		path := "/v2/" + param.ReplaceAllString(o.pattern, w.pool.ID)
		status, message := w.do(call{method: o.method, path: path})
		if slices.Contains(exosim.Operations(), o.id) {
			if status == 501 || status == 405 || strings.Contains(message, "nothing known at") {
				t.Errorf("%s %s is simulated, and answered with %d %s", o.method, path, status, message)
			}
			continue
		}
		refused(t, status, message, 501, fmt.Sprintf("operation %s (%s /%s) isn't simulated", o.id, o.method, o.pattern))
	}
	if diff := gocmp.Diff([]string(nil), unknown(all)); diff != "" {
		t.Errorf("simulated, and not in %s: %s", operationsFile, diff)
	}
}

// unknown are the simulated operations that aren't in the table.
func unknown(all []operation) (ids []string) {
	for _, id := range exosim.Operations() {
		if !slices.ContainsFunc(all, func(o operation) bool { return o.id == id }) {
			ids = append(ids, id)
		}
	}
	return ids
}
