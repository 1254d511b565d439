// Package app is the operator as a whole: it puts the cloud layer and the
// controllers into one manager. Programs call Command; tests call New and Run,
// and may have several Apps in one process.
//
//	flags, environment ──▶ Options ──▶ New ──▶ App.Run
//	                                    │
//	         Kubernetes ◀── manager ◀───┼───▶ client, inventory, operations ──▶ Exoscale
//	                           ▲        │             │
//	                      controllers ◀─┴─ wakeups ◀──┘ what happened in the cloud
package app
