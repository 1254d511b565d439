package webhookcert

import (
	"testing"
	"time"
)

func TestPlan(t *testing.T) {
	now := time.Now()
	fresh, old, next := made(t, 90*day), made(t, 29*day), made(t, 90*day)
	for name, tc := range map[string]struct {
		s    situation
		want step
		rest time.Duration // at least
	}{
		"nothing is held": {situation{}, stepBegin, 0},
		"nothing can be shown, whatever is believed":  {situation{announced: true}, stepBegin, 0},
		"only the next can be shown":                  {situation{held: held{next: next}}, stepPromote, 0},
		"what is shown isn't believed":                {situation{held: held{current: fresh}}, stepAnnounce, 0},
		"what is shown is believed":                   {situation{held: held{current: fresh}, announced: true}, stepRest, 59 * day},
		"what is shown gets old":                      {situation{held: held{current: old}, announced: true}, stepPrepare, 0},
		"what is shown gets old and isn't believed":   {situation{held: held{current: old}}, stepAnnounce, 0},
		"the next isn't announced":                    {situation{held: held{current: old, next: next}}, stepAnnounce, 0},
		"the next was announced a moment ago":         {situation{held: held{current: old, next: next}, announced: true, since: now}, stepRest, time.Minute},
		"the next was announced some time ago":        {situation{held: held{current: old, next: next}, announced: true, since: now.Add(-40 * time.Second)}, stepRest, 20 * time.Second},
		"the next was announced long ago":             {situation{held: held{current: old, next: next}, announced: true, since: now.Add(-time.Minute)}, stepPromote, 0},
		"a former one may still be shown":             {situation{held: held{current: fresh, former: []authority{old.authority}}, announced: true}, stepRest, 28 * day},
		"one is listed that nobody believes any more": {situation{held: held{current: fresh}, announced: true, stale: true}, stepForget, 0},
		"one is listed while the next is on its way":  {situation{held: held{current: old, next: next}, announced: true, stale: true, since: now}, stepRest, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			tc.s.now, tc.s.lifetime, tc.s.settle = now, 90*day, time.Minute
			got, rest := plan(tc.s)
			if got != tc.want || rest < tc.rest || (rest > 0) != (tc.rest > 0) {
				t.Errorf("%s, rest %s; want %s, rest %s", got, rest, tc.want, tc.rest)
			}
		})
	}
}
