package world

import (
	"time"

	"k8s.io/utils/clock"
)

// Hurried is a clock on which time passes so many times faster; its timers are
// real. An operator that goes by it soon knows of what it lost that it is lost,
// which takes minutes otherwise: the simulated cloud, after all, shows at once
// what it has done.
func Hurried(times int) clock.Clock {
	return hurried{times: time.Duration(times)}
}

type hurried struct {
	clock.RealClock
	times time.Duration
}

// began is when all hurried clocks of the process agree with the real one.
var began = time.Now()

// Now implements clock.PassiveClock.
func (h hurried) Now() time.Time { return began.Add(time.Since(began) * h.times) }

// Since implements clock.PassiveClock.
func (h hurried) Since(t time.Time) time.Duration { return h.Now().Sub(t) }
