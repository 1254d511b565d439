package metrics

import (
	"go/ast"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// reasonsOf are the constants Reason… of a folder, by their names.
func reasonsOf(t *testing.T, folder string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, file := range parsed(t, folder) {
		ast.Inspect(file, func(n ast.Node) bool {
			spec, is := n.(*ast.ValueSpec)
			if !is || !strings.HasPrefix(spec.Names[0].Name, "Reason") || len(spec.Values) != 1 {
				return true
			}
			if literal, is := spec.Values[0].(*ast.BasicLit); is {
				value, err := strconv.Unquote(literal.Value)
				if err != nil {
					t.Fatal(err)
				}
				all[spec.Names[0].Name] = value
			}
			return true
		})
	}
	if len(all) == 0 {
		t.Fatalf("no reason is found in %s", folder)
	}
	return all
}

func TestEveryReasonIsForeseenOrNeverAWarning(t *testing.T) {
	for _, reason := range reasonsOf(t, "../../api/v1alpha1") {
		if slices.Contains(warnings, reason) == slices.Contains(quiet, reason) {
			t.Errorf("%s must be in one of warnings and quiet, in foreseen.go: is it a reason for a Warning?", reason)
		}
	}
	for kind, reasons := range normals {
		for _, reason := range reasons {
			if !slices.Contains(quiet, reason) && !slices.Contains(handingOver, reason) {
				t.Errorf("%s of %s must be in quiet, or among the reasons of a pending move", reason, kind)
			}
		}
	}
}

func TestTheCountersOfEventsStartAtZero(t *testing.T) {
	registry := prometheus.NewRegistry()
	counters, err := NewCounters(registry)
	if err != nil {
		t.Fatal(err)
	}
	counters.Foresee(KindNode, "Normal", "DeletingNode")
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, family := range families {
		if family.GetName() != Prefix+"events_total" && family.GetName() != Prefix+"events_dropped_total" {
			continue
		}
		for _, metric := range family.GetMetric() {
			var values []string
			for _, label := range metric.GetLabel() {
				values = append(values, label.GetValue())
			}
			got[strings.Join(values, " ")] = metric.GetCounter().GetValue() == 0
		}
	}
	for _, want := range []string{
		"Service PortConflict Warning", "NetworkLoadBalancer QuotaExceeded Warning", "NLBService NoHealthyBackends Warning",
		"NodeIdentity NameMismatch Warning", "Node DuplicateName Warning", "NLBService Created Normal", "Node DeletingNode Normal",
		"NLBService WaitingForPods Normal", "Service ProbingInstancePool Normal", "Namespace Orphaned Warning",
		"budget Service", "repeated NLBService",
	} {
		if !got[want] {
			t.Errorf("%s isn't at 0", want)
		}
	}
}
