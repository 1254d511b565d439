// Package injection proves on a real API server that the webhook of config/ adds
// the UDP health-check sidecar to Pods that ask for it, with exactly the rights that
// are installed; that no other Pod is changed; and that every Pod is created,
// whatever is wrong with the webhook.
package injection
