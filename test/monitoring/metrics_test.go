package monitoring

import (
	"bytes"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/exoscale-community/nlb-operator/internal/metrics"
	"github.com/exoscale-community/nlb-operator/test/docs/markdown"
)

const root = "../.."

func bytesOf(text []byte) io.Reader { return bytes.NewReader(text) }

// described is a row of docs/metrics.md.
type described struct {
	kind   string
	labels []string
}

var row = regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| ([a-z]+) \\| ([a-z_, ]*)\\| .+ \\|$")

func describedMetrics(t *testing.T) map[string]described {
	t.Helper()
	page, err := markdown.Read(root + "/docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]described{}
	for _, cells := range row.FindAllStringSubmatch(page.Text, -1) {
		d := described{kind: cells[2]}
		if list := strings.TrimSpace(cells[3]); list != "" {
			d.labels = strings.Split(list, ", ")
		}
		slices.Sort(d.labels)
		rows[cells[1]] = d
	}
	return rows
}

func TestMonitoring(t *testing.T) {
	s := newScene(t)
	s.eventually("the metrics are served", s.answers)
	first := s.scrape()
	s.play()
	s.componentAddsAll()
	rows := describedMetrics(t)
	expressions := slices.Concat(alertExpressions(t), dashboardExpressions(t), runbookExpressions(t))
	s.Eventually(func() []string {
		got := s.scrape()
		return slices.Concat(undescribed(got, rows), unserved(t, got, expressions))
	}).Should(BeEmpty(), "the pages, the alerts or the dashboard tell of what isn't served, or lack what is")
	s.Expect(late(first, s.scrape(), growing(t, slices.Concat(alertExpressions(t), dashboardExpressions(t))))).To(BeEmpty(), "the first that these count is missed by whoever asks for the increase")
}

// undescribed is what docs/metrics.md and a scrape don't agree on.
func undescribed(got served, rows map[string]described) (wrong []string) {
	for name, family := range got {
		row, is := rows[name]
		switch {
		case !is && strings.HasPrefix(name, metrics.Prefix):
			wrong = append(wrong, name+" isn't described")
		case is && row.kind != strings.ToLower(family.GetType().String()):
			wrong = append(wrong, name+" is a "+strings.ToLower(family.GetType().String()))
		case is && !slices.Equal(row.labels, labels(family)):
			wrong = append(wrong, name+" has the labels "+strings.Join(labels(family), ", "))
		}
	}
	for name := range rows {
		if got[name] == nil {
			wrong = append(wrong, name+" isn't served")
		}
	}
	slices.Sort(wrong)
	return wrong
}
