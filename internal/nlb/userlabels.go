package nlb

import (
	"fmt"
	"maps"
	"slices"
)

// refusedLabel says which label that a user asks for Exoscale's documentation
// excludes; empty if none. What the documentation says may not be all that holds:
// a label that is on the NLB has been allowed, and one that the operator had put on
// it, and that is gone with it or without, is Exoscale's to judge.
func refusedLabel(want LoadBalancerWant, got *LoadBalancer) string {
	if want.External {
		return ""
	}
	for _, key := range want.WantedLabelKeys() {
		value := want.Attributes.Labels[key]
		why := refusedLabelValue(value)
		if why == "" {
			continue
		}
		has, is := "", false
		if got != nil {
			has, is = got.Labels[key]
		}
		if is && has == value || !is && want.Held && slices.Contains(want.AppliedLabelKeys, key) {
			continue
		}
		return fmt.Sprintf("spec.labels: Exoscale doesn't allow the value %q of %q: %s. Use at most %d letters, digits and * + ! - _ ?, and no digit at the beginning",
			value, key, why, maxLabelValue)
	}
	return ""
}

// allAllowed reports whether Exoscale's documentation allows the values of all labels.
func allAllowed(labels map[string]string) bool {
	return !slices.ContainsFunc(slices.Collect(maps.Values(labels)), func(value string) bool { return refusedLabelValue(value) != "" })
}
