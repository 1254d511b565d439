// Package metrics tells a Prometheus how the objects are that the operator serves.
//
//	object.go     pure: the state of an object in one word, its reason, since when
//	census.go     pure: how many objects are in which state, what is to be named
//	collector.go  reads the objects from the cache whenever it is scraped
//	foreseen.go   which Events may come: their counters start at 0
//	events.go     counts the Events that controllers send
//	webhook.go    what the webhook for Pods does, and until when its certificate is valid
//	counters.go   what controllers tell at the moment it happens
//
// Of all objects only numbers are told; by their names those that are in trouble,
// and the NLBs with their services and backends, of which an account has few.
// The names are in the labels object_namespace and object_name, since Prometheus
// puts those of whom it scrapes into namespace, service and pod.
//
// Only the replica that works tells of objects: so they can be added up over all
// of them. docs/metrics.md describes every metric.
package metrics

// Prefix begins the names of all metrics of the operator.
const Prefix = "exoscale_nlb_operator_"
