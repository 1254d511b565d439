// Package sidecar runs the real program udp-healthcheck, static and stripped as it
// is shipped, beside real UDP applications that hang, crash and come back when a
// test says so.
//
// A package that uses it ends with
//
//	func TestMain(m *testing.M) { os.Exit(sidecar.Main(m)) }
package sidecar
