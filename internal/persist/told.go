package persist

import (
	"cmp"
	"context"
	"encoding/json"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// The delays between two corrections of a status that another program writes, too.
const (
	firstPause   = time.Second
	longestPause = time.Minute
)

// Telling is what the operator tells in the status of a kind of objects. What it
// records there besides, since it decides by that, is put right at once, always.
type Telling[T client.Object] struct {
	// Shows is a new object that has only what is told.
	Shows func(T) T
	// Leave has an object tell what another one does.
	Leave func(to, from T)
	// Parts are where in the status that stands; none: everywhere.
	Parts []Part
	// Address is the one that is told; nil if changes of it are no news.
	Address func(T) string
	// Addresses is where in the status that stands.
	Addresses []Part
}

// Told remembers what the operator wrote last into the status of each object, so that
// what another program writes there is known as such, and isn't fought over without
// end. It is memory only: what was written before a restart counts as the operator's,
// unless the address differs (see Foreign.Settle).
type Told[T client.Object] struct {
	Telling[T]
	clock  clock.PassiveClock
	reader client.Reader
	seed   maphash.Seed

	mu   sync.Mutex
	told map[types.NamespacedName]entry[T]
}

type entry[T client.Object] struct {
	uid        types.UID
	generation int64
	texts      []uint64 // the last few: a cache may lag behind our own writes
	said       T        // what the last round came to
	corrected  time.Time
	pause      time.Duration
}

// texts is how many of our own writes a cache may lag behind.
const texts = 20

// NewTold makes an empty memory. reader has to read past the cache, which doesn't keep
// who wrote what.
func NewTold[T client.Object](telling Telling[T], reader client.Reader, c clock.PassiveClock) *Told[T] {
	return &Told[T]{Telling: telling, clock: c, reader: reader, seed: maphash.MakeSeed(), told: map[types.NamespacedName]entry[T]{}}
}

// Forget drops an object that is gone.
func (t *Told[T]) Forget(key types.NamespacedName) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.told, key)
}

// Foreign is what a round knows of another program that writes into the status of its
// object.
type Foreign[T client.Object] struct {
	// Writer is that program, where this round puts the status right; else empty.
	Writer string
	// Said is what the operator told of the object last, and Now what the round came to:
	// news is what differs, whatever the other program tells.
	Said, Now T

	told        *Told[T]
	round       *Object[T]
	fresh       bool // nothing is remembered of the object
	overwritten bool
	agrees      bool // with what the other program wrote
	wait        time.Duration
}

// Look compares the object of a round that begins with what is remembered of it. Unless
// judge is set, no difference counts as a foreign write.
func (t *Told[T]) Look(ctx context.Context, round *Object[T], judge bool) *Foreign[T] {
	f := &Foreign[T]{told: t, round: round, Said: t.Shows(round.Before)}
	round.writes = t.wrote
	object := round.Before
	t.mu.Lock()
	was, is := t.told[client.ObjectKeyFromObject(object)]
	t.mu.Unlock()
	f.fresh = judge && (!is || was.uid != object.GetUID())
	if f.fresh || !judge {
		return f
	}
	f.Said = was.said
	// The API server itself may clear what doesn't fit a new spec.
	f.overwritten = was.generation == object.GetGeneration() && !slices.Contains(was.texts, t.text(object))
	if !f.overwritten {
		return f
	}
	if f.wait = was.corrected.Add(was.pause).Sub(t.clock.Now()); f.wait <= 0 {
		writer, _ := t.foreignWriter(ctx, object, t.Parts)
		f.wait, f.Writer = 0, cmp.Or(writer, Unnamed)
	}
	return f
}

// Settle decides, before the status is written, whether it is put right in this round.
// The first time that is at once, and each further one takes longer: until then what
// the other program told stays, and wait is how long that is. What is recorded never
// waits, and takes along what is told.
func (f *Foreign[T]) Settle(ctx context.Context) (wait time.Duration) {
	t, now, before := f.told, f.round.Now, f.round.Before
	f.Now = clone(t.Shows(now))
	if f.fresh && f.renamed(now, before) {
		if writer, overOurs := t.foreignWriter(ctx, before, t.Addresses); overOurs {
			f.overwritten, f.Writer, f.Said = true, writer, f.Now
		}
	}
	switch {
	case !f.overwritten:
		return 0
	case t.text(now) == t.text(before):
		f.Writer, f.agrees = "", true // there is nothing to put right
		return 0
	case f.wait == 0:
		return 0
	}
	left := clone(now)
	t.Leave(left, before)
	if differs, err := f.round.differs(left); differs || err != nil {
		return 0
	}
	t.Leave(now, before)
	return f.wait
}

// renamed reports whether the round changes the address.
func (f *Foreign[T]) renamed(now, before T) bool {
	if f.told.Address == nil {
		return false
	}
	was, is := f.told.Address(before), f.told.Address(now)
	return was != "" && is != "" && was != is
}

// Remember is for the end of a round whose status is written.
func (f *Foreign[T]) Remember() {
	t, object := f.told, f.round.Now
	if f.agrees {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	key := client.ObjectKeyFromObject(object)
	was := t.of(object)
	was.said = f.Now
	switch {
	case !f.overwritten:
		was.add(t.text(f.round.Before))
		was.add(t.text(object))
	case f.wait == 0:
		now := t.clock.Now()
		if was.pause = min(2*was.pause, longestPause); was.pause == 0 || now.Sub(was.corrected) > 2*longestPause {
			was.pause = firstPause
		}
		was.corrected = now
	}
	t.told[key] = was
}

// wrote remembers what is being written, whether the answer comes or not.
func (t *Told[T]) wrote(object T) {
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.of(object)
	was.add(t.text(object))
	t.told[client.ObjectKeyFromObject(object)] = was
}

// of is the entry of an object as it is now.
func (t *Told[T]) of(object T) entry[T] {
	was := t.told[client.ObjectKeyFromObject(object)]
	if was.uid != object.GetUID() {
		was = entry[T]{uid: object.GetUID(), said: t.Shows(object)}
	}
	was.generation = object.GetGeneration()
	return was
}

func (e *entry[T]) add(text uint64) {
	if !slices.Contains(e.texts, text) {
		e.texts = append(slices.Clone(e.texts[max(0, len(e.texts)-texts+1):]), text)
	}
}

// text is short for what an object tells.
func (t *Told[T]) text(object T) uint64 {
	text, err := json.Marshal(t.Shows(object))
	if err != nil {
		return 0
	}
	return maphash.Bytes(t.seed, text)
}
