package annotation

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// selecting is a selector of about so many bytes.
func selecting(bytes int, requirement string) string {
	var text strings.Builder
	for i := 0; text.Len() < bytes; i++ {
		fmt.Fprintf(&text, requirement+",", i)
	}
	return strings.TrimSuffix(text.String(), ",")
}

// longest are the longest values that are accepted, and dearest to read.
func longest() map[string]map[string]string {
	selector := func(requirement string) map[string]string {
		return map[string]string{v1alpha1.AnnotationNodeSelector: selecting(longestSelector-32, requirement)}
	}
	return map[string]map[string]string{
		"a selector of many labels":       selector("k%d=v"),
		"a selector of labels that exist": selector("k%d"),
		"a selector of one label":         {v1alpha1.AnnotationNodeSelector: "k in (" + selecting(longestSelector-32, "v%d") + ")"},
		"a selector that excludes":        selector("k!=v%d"),
		"a long description":              {v1alpha1.AnnotationDescription: strings.Repeat("ü", 255)},
	}
}

// mostBytesRead is what reading the annotations of a Service may take.
const mostBytesRead = 8 << 20

// raceDetector tells whether the race detector is linked in: it makes sync.Pool forget
// at random, and regular expressions take their memory from one.
func raceDetector() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

func TestReadingTakesLittleMemory(t *testing.T) {
	if raceDetector() {
		t.Skip("under the race detector pools forget at random: what is allocated isn't what the operator allocates")
	}
	all := longest()
	for _, bytes := range []int{64 << 10, 250 << 10} {
		for _, requirement := range []string{"k%d=v", "k%d", "k!=v%d"} {
			all[fmt.Sprintf("%d bytes of %s", bytes, requirement)] = map[string]string{v1alpha1.AnnotationNodeSelector: selecting(bytes, requirement)}
		}
	}
	for _, key := range Keys() {
		all["a quarter of a MiB in "+key.Name] = map[string]string{key.Name: strings.Repeat("a", 256<<10)}
	}
	for name, annotations := range all {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, _, _ = Parse(annotations, Service{UID: ownUID, Ports: 1})
			runtime.ReadMemStats(&after)
			if took := after.TotalAlloc - before.TotalAlloc; took > mostBytesRead {
				t.Errorf("it took %d KiB", took>>10)
			}
		})
	}
}

func TestTheLongestValuesAreAccepted(t *testing.T) {
	for name, annotations := range longest() {
		if _, problems, _ := Parse(annotations, Service{UID: ownUID, Ports: 1}); len(problems) > 0 {
			t.Errorf("%s: %.200s", name, problems[0])
		}
	}
}

// What is longer is told how long it may be, and its beginning.
func TestLongerValuesAreRefused(t *testing.T) {
	for name, value := range map[string]string{
		v1alpha1.AnnotationNodeSelector: selecting(longestSelector+1, "k%d=v"),
		v1alpha1.AnnotationLoadBalancer: strings.Repeat("a", longestValue+1),
	} {
		_, problems, _ := Parse(map[string]string{name: value}, Service{UID: ownUID, Ports: 1})
		if len(problems) != 1 || !strings.Contains(problems[0].Message, fmt.Sprintf("it has %d bytes", len(value))) || len(problems[0].String()) > 500 {
			t.Errorf("%s: %.500v", name, problems)
		}
	}
}

// BenchmarkLongestValues tells what the operator spends at most on reading the
// annotations of a Service, but for the probes of UDP applications, which package
// udpprobe tells:
//
//	go test -run '^$' -bench Longest ./internal/annotation
func BenchmarkLongestValues(b *testing.B) {
	for name, annotations := range longest() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _, _ = Parse(annotations, Service{UID: ownUID, Ports: 1})
			}
		})
	}
}
