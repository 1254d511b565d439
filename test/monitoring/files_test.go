package monitoring

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"sigs.k8s.io/yaml"

	"github.com/exoscale-community/nlb-operator/test/docs/markdown"
)

// folder holds the alerts and the dashboard.
const folder = root + "/config/monitoring/"

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// strictly decodes what may have no field that its type doesn't have.
func strictly(t *testing.T, path string, into any) {
	t.Helper()
	if err := yaml.UnmarshalStrict(read(t, path), into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// alerts are those of alerts.yaml, in their order.
func alerts(t *testing.T) (all []monitoringv1.Rule) {
	t.Helper()
	var file monitoringv1.PrometheusRuleSpec
	strictly(t, folder+"alerts.yaml", &file)
	for _, group := range file.Groups {
		all = append(all, group.Rules...)
	}
	if len(all) == 0 {
		t.Fatal("there are no alerts")
	}
	return all
}

func alertExpressions(t *testing.T) (all []expression) {
	t.Helper()
	for _, alert := range alerts(t) {
		all = append(all, expression{"alert " + alert.Alert, alert.Expr.String()})
	}
	return all
}

// panel of a dashboard, as far as it is looked at here.
type panel struct {
	ID          int
	Title, Type string
	GridPos     struct{ H, W, X, Y int }
	Targets     []struct{ Expr, LegendFormat string }
}

func dashboard(t *testing.T) []panel {
	t.Helper()
	var board struct{ Panels []panel }
	if err := json.Unmarshal(read(t, folder+"dashboard.json"), &board); err != nil {
		t.Fatal(err)
	}
	if len(board.Panels) == 0 {
		t.Fatal("the dashboard has no panels")
	}
	return board.Panels
}

func dashboardExpressions(t *testing.T) (all []expression) {
	t.Helper()
	for _, panel := range dashboard(t) {
		for _, target := range panel.Targets {
			all = append(all, expression{"panel " + panel.Title, target.Expr})
		}
	}
	return all
}

// runbooks are the pages by the names of their alerts.
func runbooks(t *testing.T) map[string]markdown.Document {
	t.Helper()
	paths, err := filepath.Glob(root + "/docs/runbooks/*.md")
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string]markdown.Document{}
	for _, path := range paths {
		page, err := markdown.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		pages[strings.TrimSuffix(filepath.Base(path), ".md")] = page
	}
	return pages
}

func runbookExpressions(t *testing.T) (all []expression) {
	t.Helper()
	for name, page := range runbooks(t) {
		for _, text := range page.In("promql") {
			all = append(all, expression{"runbook " + name, text})
		}
	}
	return all
}
