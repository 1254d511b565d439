// Package argocd proves what docs/argocd.md says, without Argo CD itself. What was tried
// with that by hand is told there.
//
//	lua_test.go        runs the health scripts as Argo CD does
//	health_test.go     their verdicts on real objects in every state; kstatus agrees
//	drift_test.go      what was synced shows no drift, and nothing of others is marked
//	examples_test.go   docs/examples/argocd, and the settings of Argo CD
package argocd
