// Package nlb decides, in memory, what an Exoscale NLB and its services should
// hold and which single step leads there.
//
//	spec ──desire──▶ want ─┐
//	                       ├─diff──▶ Move ──▶ (a controller applies it)
//	cloud ──observe──▶ got ─┘
//
// It is pure: it knows the cloud only as the plain data of this package, which
// internal/exoscale fills, and asks nobody anything. ownership.go is the one
// gate that every change of the cloud passes.
package nlb
