// Package exoscale is the operator's only window to the cloud, and the only
// importer of the Exoscale SDK.
//
//	controllers ──read──▶ Inventory ──one list per zone and interval──▶ ┐
//	     │                    ▲ reads the NLB after each own change     │
//	     └──change──▶ Operations ──starts, polls, wakes───────────────▶ Client ──▶ Exoscale
//
// Client speaks to every zone: it turns calls into the plain data of package nlb
// and every failure into an *Error of one Class. Its transport limits the rate,
// counts, and repeats reads only: a change is sent once, since Exoscale knows no
// idempotency key. Operations lets one change at a time run per NLB and never
// makes its caller wait. Inventory answers reads from memory.
package exoscale
