package monitoring

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"sigs.k8s.io/yaml"
)

// pages is where the runbooks are read.
const pages = "https://github.com/exoscale-community/nlb-operator/blob/main/docs/runbooks/"

func TestEachAlertHasItsRunbook(t *testing.T) {
	known := runbooks(t)
	for _, alert := range alerts(t) {
		page, is := known[alert.Alert]
		if !is {
			t.Errorf("there is no docs/runbooks/%s.md", alert.Alert)
		}
		for _, heading := range []string{"# " + alert.Alert + "\n", "\n## How to look\n", "\n## How to mend it\n"} {
			if !strings.Contains(page.Text, heading) {
				t.Errorf("the runbook of %s lacks the heading %q", alert.Alert, heading)
			}
		}
		if got, want := alert.Annotations["runbook_url"], pages+alert.Alert+".md"; got != want {
			t.Errorf("%s: runbook_url is %s, want %s", alert.Alert, got, want)
		}
		if severity := alert.Labels["severity"]; severity != "critical" && severity != "warning" {
			t.Errorf("%s: the severity is %q", alert.Alert, severity)
		}
		for _, text := range []string{"summary", "description"} {
			if !strings.HasSuffix(alert.Annotations[text], ".") {
				t.Errorf("%s: the %s is no sentence: %q", alert.Alert, text, alert.Annotations[text])
			}
		}
		delete(known, alert.Alert)
	}
	for name := range known {
		t.Errorf("docs/runbooks/%s.md is of no alert", name)
	}
}

// What an annotation takes from the labels has to be in what the expression gives.
func TestAnnotationsNameLabelsThatAreThere(t *testing.T) {
	by := regexp.MustCompile(`by \(([a-z_, ]+)\)`)
	for _, alert := range alerts(t) {
		outermost := by.FindStringSubmatch(alert.Expr.String())
		for _, text := range alert.Annotations {
			for _, label := range regexp.MustCompile(`\$labels\.(\w+)`).FindAllStringSubmatch(text, -1) {
				if outermost == nil || !slices.Contains(strings.Split(outermost[1], ", "), label[1]) {
					t.Errorf("%s: the expression gives no label %s", alert.Alert, label[1])
				}
			}
		}
	}
}

// unitTests is alerts_test.yaml, as far as it is looked at here.
type unitTests struct {
	Tests []struct {
		Name   string
		Checks []struct {
			Expr    string
			Samples []struct{ Labels string } `json:"exp_samples"`
		} `json:"promql_expr_test"`
	}
}

func TestEachAlertFiresAndDoesNotFireInATest(t *testing.T) {
	var file unitTests
	if err := yaml.Unmarshal(read(t, folder+"alerts_test.yaml"), &file); err != nil {
		t.Fatal(err)
	}
	fires, quiet := map[string]bool{}, map[string]bool{}
	for _, test := range file.Tests {
		var inThis []string
		silent := false
		for _, check := range test.Checks {
			silent = silent || len(check.Samples) == 0
			for _, sample := range check.Samples {
				inThis = append(inThis, regexp.MustCompile(`\w+`).FindAllString(sample.Labels, -1)...)
			}
		}
		for _, word := range inThis {
			fires[word] = true
			quiet[word] = quiet[word] || silent
		}
	}
	for _, alert := range alerts(t) {
		if !fires[alert.Alert] || !quiet[alert.Alert] {
			t.Errorf("%s: a test in alerts_test.yaml lets it fire: %v, and be silent before or after that: %v", alert.Alert, fires[alert.Alert], quiet[alert.Alert])
		}
	}
}

func TestPromtoolTakesAllExpressionsAndTests(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("there is no promtool here (Debian: apt-get install prometheus), so the alerts aren't run")
	}
	run := func(args ...string) {
		t.Helper()
		command := exec.CommandContext(t.Context(), promtool, args...)
		command.Dir = folder
		if output, err := command.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, output)
		}
	}
	run("check", "rules", "alerts.yaml")
	run("test", "rules", "alerts_test.yaml")

	// What stands elsewhere, as rules.
	var rules []map[string]string
	for i, e := range slices.Concat(dashboardExpressions(t), runbookExpressions(t)) {
		rules = append(rules, map[string]string{"record": fmt.Sprintf("of:%d", i), "expr": e.text})
	}
	content, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "others", "rules": rules}}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	run("check", "rules", path)
}

func TestWhatThePrometheusOperatorTakesIsValidAndTheSame(t *testing.T) {
	var rule monitoringv1.PrometheusRule
	strictly(t, folder+"prometheus-rule.yaml", &rule)
	var wrapped []monitoringv1.Rule
	for _, group := range rule.Spec.Groups {
		wrapped = append(wrapped, group.Rules...)
	}
	if diff := cmp.Diff(alerts(t), wrapped); diff != "" {
		t.Errorf("make generate writes prometheus-rule.yaml anew; -alerts +wrapped:\n%s", diff)
	}
	var monitor monitoringv1.ServiceMonitor
	strictly(t, folder+"service-monitor.yaml", &monitor)
	if len(monitor.Spec.Endpoints) != 1 || monitor.Spec.Endpoints[0].Port != "metrics" {
		t.Errorf("it scrapes %+v", monitor.Spec.Endpoints)
	}
}

func TestTheDashboardIsLaidOutWell(t *testing.T) {
	type cell struct{ x, y int }
	taken, ids := map[cell]string{}, map[int]bool{}
	for _, p := range dashboard(t) {
		if p.Title == "" || ids[p.ID] {
			t.Errorf("panel %d %q has no title, or another's id", p.ID, p.Title)
		}
		ids[p.ID] = true
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %q shows nothing", p.Title)
		}
		if p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %q doesn't fit in", p.Title)
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[cell{x, y}]; other != "" {
					t.Fatalf("panels %q and %q overlap", other, p.Title)
				}
				taken[cell{x, y}] = p.Title
			}
		}
	}
}
