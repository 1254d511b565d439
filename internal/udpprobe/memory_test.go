package udpprobe

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestATextIsReadOnce(t *testing.T) {
	m := memory{most: 1 << 20}
	reads := 0
	read := func(text string) ([]Spec, error) {
		reads++
		if text == "bad" {
			return nil, errors.New("it is bad")
		}
		return []Spec{Default()}, nil
	}
	for range 3 {
		specs, err := m.read("good", read)
		if diff := cmp.Diff([]Spec{Default()}, specs); diff != "" || err != nil {
			t.Error(diff, err)
		}
		specs[0].Port = "changed by who asked"
		if specs, err := m.read("bad", read); specs != nil || err == nil || err.Error() != "it is bad" {
			t.Error(specs, err)
		}
	}
	if reads != 2 {
		t.Errorf("read %d times", reads)
	}
}

func TestWhatIsRememberedIsBounded(t *testing.T) {
	m := memory{most: 1 << 20}
	read := func(string) ([]Spec, error) { return make([]Spec, MaxTargets), nil }
	kept := func() (bytes int) {
		for text, element := range m.known {
			bytes += len(text) + len(element.Value.(*reading).specs)*aSpecIs
		}
		return bytes
	}
	for _, length := range []int{1, 100, 10 << 10, 200 << 10, 256 << 10} {
		for i := range 300 {
			_, _ = m.read(fmt.Sprintf("%d%s", i, strings.Repeat("a", length)), read)
			if got := kept(); got > m.most || m.order.Len() != len(m.known) {
				t.Fatalf("%d bytes of %d-byte texts are kept, %d in order and %d known", got, length, m.order.Len(), len(m.known))
			}
		}
	}
	_, _ = m.read("asked for again and again", read)
	for i := range 300 {
		if m.recall("asked for again and again") == nil {
			t.Fatalf("forgotten after %d others", i)
		}
		_, _ = m.read(fmt.Sprintf("%d%s", i, strings.Repeat("b", 10<<10)), read)
	}
}

const aSpecIs = 120 // bytes

func TestTheSameAnnotationTakesNothingMore(t *testing.T) {
	text := dearest()["classes in one set"]
	_, _ = ParseAnnotation(text)
	if took := allocated(func() { _, _ = ParseAnnotation(text) }); took > 1<<10 {
		t.Errorf("it took %d bytes", took)
	}
}
