// Package udpprobe knows how people write down what of a UDP application is to
// be watched, and how to ask it.
//
// A target is a port and the check that it has to pass:
//
//	PORT[/MODE][;KEY=VALUE]...
//
//	53/dns;query=example.com            a DNS server has to know the name
//	5060                                a socket has to be bound to the port
//	7777/probe;payload=hex:ffffffff54;expect=re2:^....I;timeout=500ms
//
// MODE is socket (the default), probe or dns. The keys are, with their modes:
//
//	payload   probe        what is sent: text:…, hex:… or base64:…; required
//	expect    probe        what the reply has to be: text:…, hex:… or base64:…
//	                       for exactly that, re2:… for a regular expression that
//	                       matches somewhere in it; absent, any reply will do
//	query     dns          a name that the server has to know; absent, any answer
//	                       to a question for the root's name servers will do
//	timeout   probe, dns   how long a reply may take, 50ms-10s; default 1s
//	interval  all          time from the end of a check to the next, 100ms-5m;
//	                       default 2s
//
// In a value \; is a semicolon, \\ a backslash, and a backslash before white
// space is that white space. Targets are separated by white space.
//
// In an annotation the port may be the name of a Pod's port, or be missing, which
// means every UDP port: "/dns", or just "dns". A port that bears the name of a
// mode is therefore written with its mode: "dns/socket".
//
// The package is pure: it reads and judges, and sends nothing.
package udpprobe
