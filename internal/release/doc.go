// Package release lets go of the objects that the operator holds by finalizers,
// for when it is gone for good: nobody else would, and neither they nor their
// namespaces could ever be deleted.
package release
