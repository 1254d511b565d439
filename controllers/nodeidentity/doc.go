// Package nodeidentity keeps one NodeIdentity for every Node that is an Exoscale
// instance, and for every member of the watched instance pools:
//
//	Nodes ─────────────┐
//	lists of the zones ┼─▶ identity.Bind ─▶ NodeIdentities, Events
//	NodeIdentities ────┘
//
// All of them are looked at in one round, since they depend on each other: who
// holds an instance, and who else bears a name. A Node doesn't tell its zone, so the
// instance is looked for in every zone that the cluster uses. A zone that can't be
// read holds up no other. A round reads from memory only and
// writes what differs, so it costs the cloud nothing however many Nodes there are.
package nodeidentity
