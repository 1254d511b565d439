// Command pause does nothing until it is told to end: it is what holds a Pod's
// network namespace. As PID 1 of one it would also be who collects the dead.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	<-signals
}
