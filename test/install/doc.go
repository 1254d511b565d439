// Package install proves that what config/ installs is accepted by a real API
// server, and gives the operator the rights that it needs.
package install
