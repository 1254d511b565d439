package persist

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/flowcontrol"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// The delays between two corrections of a status that another program writes, too.
const (
	firstCorrection   = time.Second
	longestCorrection = time.Minute
)

// Told remembers what the operator wrote last into the status of each object, so that
// what another program writes there is known as such, and isn't fought over without
// end. It is memory only: what was written before a restart counts as the operator's.
type Told struct {
	clock   clock.Clock
	backoff *flowcontrol.Backoff

	mu   sync.Mutex
	told map[types.NamespacedName]entry
}

type entry struct {
	uid        types.UID
	generation int64
	texts      []string // the last few: a cache may lag behind our own writes
}

// texts is how many of our own writes a cache may lag behind.
const texts = 10

// NewTold makes an empty memory.
func NewTold(c clock.Clock) *Told {
	backoff := flowcontrol.NewBackOff(firstCorrection, longestCorrection)
	backoff.Clock = c
	return &Told{clock: c, backoff: backoff, told: map[types.NamespacedName]entry{}}
}

// Overwritten reports whether an object shows something else than the operator wrote. An
// object that was changed since then isn't judged: the API server itself may clear what
// doesn't fit a new spec.
func (t *Told) Overwritten(object client.Object, shows string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	was, is := t.told[client.ObjectKeyFromObject(object)]
	return is && was.uid == object.GetUID() && was.generation == object.GetGeneration() && !slices.Contains(was.texts, shows)
}

// Correct is how long to wait before an overwritten status is put right; 0: do so now.
// The first time is at once, and each further one takes longer.
func (t *Told) Correct(object client.Object) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	key, now := string(object.GetUID()), t.clock.Now()
	if t.backoff.IsInBackOffSinceUpdate(key, now) {
		return t.backoff.Get(key)
	}
	t.backoff.Next(key, now)
	return 0
}

// Tell remembers what was written, and what of the operator's was there before.
func (t *Told) Tell(object client.Object, written ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := client.ObjectKeyFromObject(object)
	was := t.told[key]
	if was.uid != object.GetUID() {
		was.texts = nil
	}
	for _, text := range written {
		if !slices.Contains(was.texts, text) {
			was.texts = append(slices.Clone(was.texts[max(0, len(was.texts)-texts+1):]), text)
		}
	}
	was.uid, was.generation = object.GetUID(), object.GetGeneration()
	t.told[key] = was
	t.backoff.GC()
}

// Forget drops an object that is gone.
func (t *Told) Forget(key types.NamespacedName) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.told, key)
}

// WriterOf names the program that wrote a field of the status of an object last, by its
// field manager. reader has to read past the cache, which doesn't keep managers.
func WriterOf(ctx context.Context, reader client.Reader, object client.Object, field string) string {
	fresh := clone(object)
	if err := reader.Get(ctx, client.ObjectKeyFromObject(object), fresh); err != nil {
		return "another program"
	}
	writer, latest := "another program", time.Time{}
	for _, managed := range fresh.GetManagedFields() {
		if managed.Subresource != "status" || managed.FieldsV1 == nil || managed.Time == nil || managed.Time.Time.Before(latest) ||
			!strings.Contains(string(managed.FieldsV1.GetRawBytes()), `"f:`+field+`"`) {
			continue
		}
		writer, latest = "field manager "+managed.Manager, managed.Time.Time
	}
	return writer
}
