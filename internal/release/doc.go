// Package release lets go of the objects that the operator holds by finalizers,
// for when it is gone for good: nobody else would, and neither they nor their
// namespaces could ever be deleted.
//
//	held.go      what is held
//	survey.go    what is next for each object: a change at Exoscale, or to be freed
//	fate.go      pure: what becomes of an object and its part of Exoscale, in words
//	releaser.go  rounds of these, until nothing is held or nothing more can be done
//	change.go    makes one change at Exoscale, and waits for its end
//	free.go      takes the finalizer off, and what the object says that isn't true any more
//	lease.go     sees to it that no operator works at the same time
//
// What is whose is decided where the operator decides it: the controllers tell what
// the deletion of an object would do next. Objects are never deleted here.
package release
