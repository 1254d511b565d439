// Package api proves the contract of package v1alpha1 on a real API server: what
// is refused and with which sentence, what is filled in, and what kubectl shows.
package api
