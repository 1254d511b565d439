// Package webhookcert makes the certificate that the webhook is served with, makes
// another one in time, and tells API servers whom to believe.
//
//	controller.go   one round, in the leader: observe, decide, then one write
//	plan.go         pure: what is held and the time → the one step that comes next
//	pair.go         a certificate with its key: made, judged
//	held.go         what the Secret holds
//	source.go       what servers show: the Secret's certificate, in every replica
//	file.go         or that of files, which somebody else writes (cert-manager)
//
// Each certificate comes with an authority of its own, whose key nobody keeps. At
// no time is a certificate shown that an API server doesn't believe:
//
//	Secret        caBundle
//	A             A          A is shown
//	A, next B     A          two thirds of A's time are over: B is made
//	A, next B     A B        B is announced
//	B             A B        every API server has heard of B: B is shown
//	B             B          A has expired
//
// client-go makes the certificates. The library that would do the rest,
// cert-controller, builds with ours, but it reads every Secret of the namespace,
// which holds the API key of the cloud; it ends the program when a certificate
// can't be had; and it replaces an authority at one blow.
package webhookcert
