// Package nodegone decides when a Node may be removed because its instance is
// gone: a Node that is removed by mistake loses its Pods, one that stays too
// long only stays in a list.
//
//	the Node, and what is recorded of it ─┐
//	lists of the zone that lack it ───────┼─▶ Decide ─▶ Keep, Wait, Ask, Halt or Remove
//	reads of it and of a sibling ─────────┤
//	Nodes, and those removed lately ──────┘
//
// It is pure: the caller asks the cloud what Decide wants to know, and removes
// what Decide says.
package nodegone
