// Package upgrade proves that what an earlier operator serves is served on by the
// present one, and by the earlier one again if somebody goes back:
//
//	file from ──git archive──▶ the earlier operator, its kinds and roles
//	    every kind of object, until all are served
//	the present operator, its kinds and roles    ──▶ nothing changes in the cloud
//	    some objects are edited, some are new
//	the earlier operator again                   ──▶ serves all of that, too
//	the present operator again                   ──▶ removes it, and leaves nothing
//
// The operators run as their Deployments say, with the rights of their service
// account (test/pods). To upgrade from another commit, write its hash into the
// file from; nothing else here names a version. make test-upgrade runs this.
package upgrade
