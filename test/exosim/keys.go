package exosim

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Key is an API key.
type Key struct {
	Key    string `json:"key"`
	Secret string `json:"secret"`
	// Operations is what the key's IAM role allows, by operationId; nil allows
	// everything.
	Operations []string `json:"operations,omitempty"`
	// Organization is whose key it is; empty is the one that the state file and
	// the methods of Cloud are about. Each has NLBs and all else of its own.
	Organization string `json:"organization,omitempty"`
}

func (k Key) mayCall(operation string) error {
	if k.Operations == nil || slices.Contains(k.Operations, operation) {
		return nil
	}
	return refuse(http.StatusForbidden, "operation %s is not allowed by the IAM role of API key %s", operation, k.Key)
}

// keyring holds the API keys. It is safe for concurrent use.
type keyring struct {
	mu   sync.RWMutex
	keys map[string]Key
}

func (k *keyring) get(name string) (Key, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	key, known := k.keys[name]
	return key, known
}

func (k *keyring) put(key Key) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key.Operations = slices.Clone(key.Operations)
	k.keys[key.Key] = key
}

func (k *keyring) revoke(name string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, known := k.keys[name]
	delete(k.keys, name)
	return known
}

func (k *keyring) replace(keys []Key) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys = map[string]Key{}
	for _, key := range keys {
		k.keys[key.Key] = key
	}
}

func (k *keyring) all() []Key {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return slices.SortedFunc(maps.Values(k.keys), func(a, b Key) int { return strings.Compare(a.Key, b.Key) })
}
