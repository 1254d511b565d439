package udpprobe

import (
	"container/list"
	"slices"
	"sync"
)

// Texts are read again in each round of a Service, and for each Pod of it.
var annotations = memory{most: 1 << 20}

// memory keeps what was read last, of texts and what they came to about as many
// bytes as most. It changes nothing but how long reading takes.
type memory struct {
	most int

	mu    sync.Mutex
	taken int
	known map[string]*list.Element
	order list.List // of *reading, the one asked for last in front
}

// reading is what a text came to.
type reading struct {
	text  string
	specs []Spec
	err   error
}

// bytes that it takes, about.
func (r *reading) bytes() int {
	const aSpec, besides = 128, 512 // the strings of a Spec are parts of the text, or no longer
	return 2*len(r.text) + aSpec*len(r.specs) + besides
}

// read remembers what reading a text came to.
func (m *memory) read(text string, read func(string) ([]Spec, error)) ([]Spec, error) {
	if found := m.recall(text); found != nil {
		return slices.Clone(found.specs), found.err
	}
	made := &reading{text: text}
	made.specs, made.err = read(text)
	m.remember(made)
	return slices.Clone(made.specs), made.err
}

func (m *memory) recall(text string) *reading {
	m.mu.Lock()
	defer m.mu.Unlock()
	element := m.known[text]
	if element == nil {
		return nil
	}
	m.order.MoveToFront(element)
	return element.Value.(*reading)
}

func (m *memory) remember(made *reading) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known[made.text] != nil || made.bytes() > m.most/4 {
		return
	}
	if m.known == nil {
		m.known = map[string]*list.Element{}
	}
	m.known[made.text] = m.order.PushFront(made)
	for m.taken += made.bytes(); m.taken > m.most; {
		oldest := m.order.Remove(m.order.Back()).(*reading)
		delete(m.known, oldest.text)
		m.taken -= oldest.bytes()
	}
}
