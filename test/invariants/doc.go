// Package invariants tells whether what a history has left is what it ought to
// be: exactly one NLB for each object that is to have one, exactly one service
// for each port, nothing of others touched, nothing leaked, no address changed,
// and nothing written any more.
//
//	Look ──▶ Seen ─┐
//	               ├─▶ Broken ──▶ what is wrong, in words
//	Want ──────────┘
//
// What is wanted is said by whoever made the history, in terms of the objects
// and of the cloud. Nothing here asks the operator's own code what it thinks:
// that is what is to be judged.
package invariants
