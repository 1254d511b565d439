// Package monitoring holds what is said of metrics to what a running operator
// serves: docs/metrics.md, the alerts, the dashboard and the runbooks.
//
//	scene_test.go      an operator with something to tell of everything, and its scrape
//	metrics_test.go    docs/metrics.md: nothing is missing there, nothing too much
//
// Expressions are parsed by metricsql: Prometheus' own parser would bring the
// dependencies of Prometheus into go.mod. That it takes more than Prometheus does
// matters little, since promtool checks and runs all of them.
package monitoring
