// Package nodenames tests what docs/examples/node-names gives to the members of an
// instance pool so that each has a name of its own: the script is run by real
// shells against a simulated metadata service (test/metadata), and what is
// embedded in user-data has to be that script.
//
//	given_test.go     a machine: its shell, tools, address, and hostname
//	script_test.go    what set-hostname.sh does on good days and on bad ones
//	userdata_test.go  Butane, Ignition, cloud-init and Elemental hold the script and its unit
package nodenames
