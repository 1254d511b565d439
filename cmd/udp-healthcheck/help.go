package main

import (
	"fmt"
	"io"

	"github.com/spf13/pflag"
)

const about = `Watches a UDP application in its Pod, and opens a TCP port while it is well.

Usage: udp-healthcheck --target TARGET [flags]

A TARGET is PORT[/MODE][;KEY=VALUE]... in which MODE is one of

  socket  (the default) a UDP socket has to be bound to the port
  probe   a payload is sent, and replied to as expected
  dns     a DNS query is sent, and answered

and the keys are

  payload=text:…|hex:…|base64:…         probe: what is sent
  expect=text:…|hex:…|base64:…|re2:…    probe: exactly this reply, or one that
                                        the regular expression matches; by
                                        default any
  query=NAME                            dns: a name that has to be known; by
                                        default any answer about the root will do
  timeout=DURATION                      probe, dns: 50ms-10s, by default 1s
  interval=DURATION                     between two checks: 100ms-5m, by default 2s

In values ; and \ are written \; and \\, and white space has a \ before it. White
space separates targets. Healthy is that all of them have passed their last check:
one failure closes the health port, one success opens it again.

The health port accepts connections, and answers HTTP requests with 200, while
healthy and for --linger after that; otherwise it is closed. The info port is always
open: /healthz tells all in JSON, with 200 while healthy and 503 otherwise; /readyz
the same, but --drain turns it bad only after --linger; /metrics is for Prometheus.
`

func help(out io.Writer, flags *pflag.FlagSet) {
	fmt.Fprintf(out, "%s\nFlags, and the environment in place of those that aren't given\n%s", about, flags.FlagUsages())
}
