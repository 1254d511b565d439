// Package helm proves the chart with the real helm: what it renders, what it
// refuses, and, on a real API server, that what it installs works, is upgraded
// without a gap, and goes without a leak. make test-install runs it; the tests of
// make test don't.
//
//	values_test.go       values.yaml, its schema and the README agree
//	render_test.go       values that are right, and what comes of them
//	refused_test.go      values that are wrong, and what is said of each
//	flags_test.go        every flag has a value, with the manager's own default
//	sameness_test.go     the chart grants what config/ grants
//	components_test.go   and is what its components make of that
//	webhook_test.go      its webhook is that of config/, under any name
//	install_test.go      installed, tested by helm test, installed again
//	readme_test.go       installed as the README says
//	credentials_test.go  another API key, and none
//	upgrade_test.go      from the chart and operator before, to these, and back
//	features_test.go     what is off by default, in one namespace
//	sidecars_test.go     Pods get theirs through upgrades, until it is switched off
//	uninstall_test.go    refused while it is needed, or all is let go of; the kinds stay
//	kinds_test.go        every object as an API server sees it
//
// In a cluster the Pods are run by test/pods: what the chart says is what runs.
package helm
