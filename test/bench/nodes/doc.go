// Command nodes tells what Nodes cost at Exoscale: how many calls of the API an
// operator at rest makes with 5, 50 and 500 of them, and how many lists it takes
// until a scale-up of 100 is identified.
//
//	make bench-nodes
//
// The control plane is a real one, the cloud is simulated, the operator does all
// that it can do for Nodes. Each pool is an SKS nodepool on a private network, with
// a Service of its own, so that every list there is has to be read. To save time
// the lists come more often than by default; the calls are told by list interval,
// and by minute at the default --sync-period.
package main
