// Package ports gives tests ports to listen at that nobody else has, nor is given:
// no other test of the process, nor another test binary that runs at once.
//
// A listener that is opened at port 0 and closed again tells less. The kernel may
// give the port to somebody else at once, and a process that is being started
// has a copy of every socket until it runs its program: so a port that was closed
// can still be taken.
package ports
