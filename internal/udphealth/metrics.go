package udphealth

import (
	"fmt"
	"io"
)

// metricsType is Prometheus' text format.
const metricsType = "text/plain; version=0.0.4; charset=utf-8"

// writeMetrics writes the few metrics by hand: with Prometheus' client library
// the program would be larger than 8 MiB, and take 40 % more memory. Names of
// targets hold nothing that has to be escaped.
func writeMetrics(w io.Writer, status Status, version string) {
	one := func(name, help, labels string, value int) {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s gauge\n%s%s %d\n", name, help, name, name, labels, value)
	}
	one("udp_healthcheck_build_info", "The version that runs.", fmt.Sprintf("{version=%q}", version), 1)
	one("udp_healthcheck_healthy", "1 while the health port is to be open.", "", number(status.Healthy))
	one("udp_healthcheck_ready", "1 while every target is healthy.", "", number(status.Ready))
	one("udp_healthcheck_draining", "1 once the health has been turned bad for good.", "", number(status.Draining))
	one("udp_healthcheck_health_port_open", "1 while the health port is open.", "", number(status.HealthPort.Open))
	one("udp_healthcheck_configuration_error", "1 if the configuration can't be used.", "", number(status.ConfigurationError != ""))

	perTarget := func(name, kind, help string, value func(TargetStatus) any) {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
		for _, target := range status.Targets {
			fmt.Fprintf(w, "%s{target=%q} %v\n", name, target.Name, value(target))
		}
	}
	perTarget("udp_healthcheck_target_healthy", "gauge", "1 while the target passes its checks.",
		func(t TargetStatus) any { return number(t.State == Healthy) })
	perTarget("udp_healthcheck_target_state_since_seconds", "gauge", "When the state of the target changed last, in seconds since 1970.",
		func(t TargetStatus) any { return t.Since.Unix() })
	perTarget("udp_healthcheck_target_checks_total", "counter", "Checks of the target.",
		func(t TargetStatus) any { return t.Checks })
	perTarget("udp_healthcheck_target_failures_total", "counter", "Checks of the target that failed.",
		func(t TargetStatus) any { return t.Failures })
}

func number(is bool) int {
	if is {
		return 1
	}
	return 0
}
