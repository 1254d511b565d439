package main

import (
	"fmt"
	"time"
)

// begin a chapter.
func (d *demo) begin(format string, args ...any) {
	d.step++
	fmt.Fprintf(d.Out, "\n%d. %s\n", d.step, fmt.Sprintf(format, args...))
}

// say a line of it.
func (d *demo) say(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if line == "" {
		fmt.Fprintln(d.Out)
		return
	}
	fmt.Fprintf(d.Out, "   %s\n", line)
}

// news says what is new of an object, and after how many seconds.
func (d *demo) news(since time.Time, l line) {
	if d.told[l.about] == l.what {
		return
	}
	d.told[l.about] = l.what
	d.say("%5.1f s  %-28s %s", time.Since(since).Seconds(), l.about, l.what)
}

// entry of a list: what, and what it is for.
type entry struct{ what, comment string }

// list says entries, with the comments below each other. Long ones don't count.
func (d *demo) list(entries []entry) {
	const long = 80
	width := 0
	for _, e := range entries {
		if e.comment != "" && len(e.what) < long {
			width = max(width, len(e.what))
		}
	}
	for _, e := range entries {
		if e.comment == "" {
			d.say("%s", e.what)
		} else {
			d.say("%-*s  # %s", width, e.what, e.comment)
		}
	}
}
