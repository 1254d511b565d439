// Package annotation knows every annotation by which a Service tells what its
// NLB is to be: those of the Exoscale cloud controller manager (CCM), with the
// meaning they have there, and the operator's own.
//
// Keys is the table of them; documentation is made from it. Parse reads them
// into Values. What can't be accepted comes back as Problems that name the
// annotation, its value and what is allowed; what is served, but not as it was
// asked for, as warnings. It is pure.
package annotation
