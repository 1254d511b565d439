package monitoring

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/VictoriaMetrics/metricsql"
	dto "github.com/prometheus/client_model/go"

	"github.com/exoscale-community/nlb-operator/internal/metrics"
)

// expression of an alert, a panel or a page.
type expression struct{ where, text string }

// unserved are the selectors that fit no series of a scrape.
func unserved(t *testing.T, got served, expressions []expression) (wrong []string) {
	t.Helper()
	for _, e := range expressions {
		for _, selector := range selectors(t, e) {
			if !selector.fits(got) {
				wrong = append(wrong, fmt.Sprintf("%s: nothing fits %s", e.where, selector.text))
			}
		}
	}
	slices.Sort(wrong)
	return slices.Compact(wrong)
}

// selector is a metric with what its labels have to be.
type selector struct {
	name    string
	filters []metricsql.LabelFilter
	text    string
}

func selectors(t *testing.T, e expression) (all []selector) {
	t.Helper()
	parsed, err := metricsql.Parse(e.text)
	if err != nil {
		t.Fatalf("%s: %v\n%s", e.where, err, e.text)
	}
	metricsql.VisitAll(parsed, func(part metricsql.Expr) {
		metric, is := part.(*metricsql.MetricExpr)
		if !is {
			return
		}
		for _, filters := range metric.LabelFilterss {
			s := selector{text: string(metric.AppendString(nil))}
			for _, f := range filters {
				if f.Label == "__name__" {
					s.name = f.Value
				} else {
					s.filters = append(s.filters, f)
				}
			}
			all = append(all, s)
		}
	})
	return all
}

func (s selector) fits(got served) bool {
	family := got[s.name]
	for _, part := range []string{"_bucket", "_sum", "_count"} {
		if whole, is := strings.CutSuffix(s.name, part); is && family == nil && got[whole].GetType() == dto.MetricType_HISTOGRAM {
			family = got[whole]
		}
	}
	return slices.ContainsFunc(family.GetMetric(), func(metric *dto.Metric) bool {
		values := map[string]string{}
		for _, label := range metric.GetLabel() {
			values[label.GetName()] = label.GetValue()
		}
		return !slices.ContainsFunc(s.filters, func(f metricsql.LabelFilter) bool { return !passes(f, values) })
	})
}

// passes tells whether labels pass a filter. A label that isn't there at all passes
// none, unlike with Prometheus: it would be a slip.
func passes(f metricsql.LabelFilter, values map[string]string) bool {
	value, is := values[f.Label]
	if !is {
		return false
	}
	equal := value == f.Value
	if f.IsRegexp {
		equal = regexp.MustCompile("^(?:" + f.Value + ")$").MatchString(value)
	}
	return equal != f.IsNegative
}

// growing are the selectors of what expressions ask the increase of.
func growing(t *testing.T, expressions []expression) (all []selector) {
	t.Helper()
	for _, e := range expressions {
		parsed, err := metricsql.Parse(e.text)
		if err != nil {
			t.Fatalf("%s: %v\n%s", e.where, err, e.text)
		}
		metricsql.VisitAll(parsed, func(part metricsql.Expr) {
			if f, is := part.(*metricsql.FuncExpr); is && (f.Name == "rate" || f.Name == "increase") {
				all = append(all, selectors(t, expression{e.where, string(f.AppendString(nil))})...)
			}
		})
	}
	if len(all) == 0 {
		t.Fatal("no expression asks for an increase")
	}
	return all
}

// late are the series of counters among these that a first scrape lacked. Prometheus
// sees an increase only of what was there before: the first that they count is missed.
// Those of controller-runtime are at 0 from the moment that a controller starts, those
// of a zone abroad from its first object on, which comes after the first scrape.
func late(first, last served, asked []selector) (wrong []string) {
	for name, family := range last {
		if family.GetType() != dto.MetricType_COUNTER || !strings.HasPrefix(name, metrics.Prefix) {
			continue
		}
		were := map[string]bool{}
		for _, metric := range first[name].GetMetric() {
			were[labelsOf(metric)] = true
		}
		for _, metric := range family.GetMetric() {
			alone := served{name: {Type: family.Type, Metric: []*dto.Metric{metric}}}
			if !were[labelsOf(metric)] && !strings.Contains(labelsOf(metric), fmt.Sprintf("zone=%q", abroad)) && slices.ContainsFunc(asked, func(s selector) bool { return s.name == name && s.fits(alone) }) {
				wrong = append(wrong, name+"{"+labelsOf(metric)+"}")
			}
		}
	}
	slices.Sort(wrong)
	return wrong
}

func labelsOf(metric *dto.Metric) string {
	var all []string
	for _, label := range metric.GetLabel() {
		all = append(all, fmt.Sprintf("%s=%q", label.GetName(), label.GetValue()))
	}
	slices.Sort(all)
	return strings.Join(all, ",")
}
