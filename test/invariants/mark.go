package invariants

import "regexp"

// mark is what the operator leaves at the end of the description of a service that
// it adds: which cluster and object it is of, in brackets.
var mark = regexp.MustCompile(` ?\[nlb\.exoscale\.com/[^\[\]]*\]$`)

// Unmarked is the description of a service as its user has it, without the
// operator's mark.
func Unmarked(description string) string { return mark.ReplaceAllString(description, "") }
