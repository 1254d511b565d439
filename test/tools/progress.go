package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
}

// progress tells every interval how long something takes, until done.
func progress(w io.Writer, what string, interval time.Duration) (done func(error)) {
	start := time.Now()
	fmt.Fprintf(w, "Building %s (the first time only; it may take minutes)\n", what)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				fmt.Fprintf(w, "  %s: %.0f s\n", what, time.Since(start).Seconds())
			case <-stop:
				return
			}
		}
	}()
	return func(err error) {
		close(stop)
		<-stopped
		if err == nil {
			fmt.Fprintf(w, "Built %s in %.0f s\n", what, time.Since(start).Seconds())
		}
	}
}
