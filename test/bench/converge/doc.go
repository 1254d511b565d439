// Command converge tells how long it takes until N Services of two ports each,
// created at once, are served by an NLB each, with how many calls of the API;
// and how long until their deletion has emptied the cloud again.
//
//	make bench-converge N=50
//
// The control plane is a real one, the cloud is simulated and takes 5 s for each
// operation, the operator runs with its default options. Exoscale takes one
// change of an NLB at a time, so the least is three operations one after the
// other: create, add, add. What is left is the operator's, and the machine's.
package main
