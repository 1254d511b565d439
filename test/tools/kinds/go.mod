// Pins whose CustomResourceDefinitions a test installs, to see that they take what
// the chart makes of their kinds. None of their code is built.
module github.com/exoscale-community/nlb-operator/test/tools/kinds

go 1.26.0

require (
	github.com/cert-manager/cert-manager v1.21.2
	github.com/prometheus-operator/prometheus-operator v0.85.0
)
