// Command crash kills the operator right before and right after every write that
// it does, and while one is on its way to the cloud; it loses every answer of the
// cloud and lets every change fail, one at a time, and sees each time that it comes
// to the same end as if nothing had happened.
//
//	make crash                                 every point
//	make crash ONLY=create                     those of a scenario
//	make crash ONLY=create/killed-after/12     one
//	make crash ONLY='*/lists'                  those in which lists say what isn't true
//
// A scenario is what a user does: create a Service, remove a port. It is run
// undisturbed once, which tells its points; then once for each point, in a
// namespace and a cloud of its own:
//
//	given ─▶ operator ─▶ at rest ─▶ the user acts ─▶ the point strikes ─▶ (restart) ─▶ at rest ─▶ invariants
//
// What must hold at the end is said by the scenario, and judged by package
// invariants. The API server is a real one, the cloud is simulated; the operator
// runs in this process behind a gate, and its clock is hurried.
package main
