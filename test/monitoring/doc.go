// Package monitoring holds what is said of metrics to what a running operator
// serves: docs/metrics.md, the alerts, the dashboard and the runbooks.
//
//	scene_test.go      an operator with something to tell of everything, and its scrape
//	metrics_test.go    docs/metrics.md: nothing is missing there, nothing too much
//	expressions_test.go  every series that an expression names is served
//	alerts_test.go     each alert has its runbook, its tests, and promtool runs them
//	component_test.go  config/components/monitoring adds them to an installation
//	files_test.go      reads what is in config/monitoring and docs/runbooks
//
// Expressions are parsed by metricsql: Prometheus' own parser would bring the
// dependencies of Prometheus into go.mod. That it takes more than Prometheus does
// matters little, since promtool checks and runs all of them.
package monitoring
