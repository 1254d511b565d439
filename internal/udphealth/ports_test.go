package udphealth

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/exoscale-community/nlb-operator/test/ports"
)

const patience = 30 * time.Second

var quiet = slog.New(slog.DiscardHandler)

// whenRunning runs something until the test ends.
func whenRunning(t *testing.T, run func(context.Context)) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
}

func isOpen(port int) bool {
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err == nil {
		conn.Close()
	}
	return err == nil
}

func TestWatcherGateAndDrainer(t *testing.T) {
	t.Parallel()
	app, err := net.ListenPacket("udp", ports.FreeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	defer app.Close()
	go func() {
		datagram := make([]byte, 64)
		for {
			n, from, err := app.ReadFrom(datagram)
			if err != nil {
				return
			}
			_, _ = app.WriteTo(datagram[:n], from)
		}
	}()
	port := app.LocalAddr().(*net.UDPAddr).Port
	targets := givenTargets(t, fmt.Sprintf("%d/probe;payload=text:a;expect=text:a;interval=100ms;timeout=10s %d/socket;interval=100ms", port, port))
	board := NewBoard(targets, nil, time.Now())
	gate := &Gate{Port: ports.Free(t), Board: board, Log: quiet}
	watcher := &Watcher{Targets: targets, Board: board, Log: quiet, ProcNet: ProcNet}
	drainer := &Drainer{HealthPort: gate.Port, Board: board, Log: quiet}
	closing, err := drainer.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = closing() }()
	whenRunning(t, gate.Run)
	whenRunning(t, func(ctx context.Context) {
		if err := watcher.Run(ctx); err != nil {
			t.Error(err)
		}
	})

	g := NewWithT(t)
	open := func() bool { return isOpen(gate.Port) }
	g.Eventually(open).WithTimeout(patience).Should(BeTrue())
	g.Expect(AskToDrain(t.Context(), gate.Port)).To(Succeed())
	g.Eventually(open).WithTimeout(patience).Should(BeFalse())
	g.Expect(board.Status().Ready).To(BeTrue())
	app.Close()
	g.Eventually(func() bool { return board.Status().Ready }).WithTimeout(patience).Should(BeFalse())
}

func TestGateAnswersByTheBoard(t *testing.T) {
	board := NewBoard(givenTargets(t, "53"), nil, at(0))
	gate := &Gate{Board: board, Log: quiet}
	codes := func() int {
		recorder := httptest.NewRecorder()
		gate.answer(recorder, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
		return recorder.Code
	}
	if code := codes(); code != http.StatusServiceUnavailable {
		t.Errorf("unhealthy, it answers %d", code)
	}
	board.Record(0, nil, at(1))
	if code := codes(); code != http.StatusOK {
		t.Errorf("healthy, it answers %d", code)
	}
}

func TestTheHealthPortLingers(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	for name, test := range map[string]struct {
		linger time.Duration
		open   bool
	}{
		"it stays open as long as it is to":                  {time.Hour, true},
		"then it closes, and opens when all is well anew":    {10 * time.Millisecond, false},
		"without delay it closes at once, and opens as well": {0, false},
	} {
		board := NewBoard(givenTargets(t, "53"), nil, at(0))
		gate := &Gate{Port: ports.Free(t), Board: board, Log: quiet, Linger: test.linger}
		whenRunning(t, gate.Run)
		isOpen := func() bool { return isOpen(gate.Port) && board.Status().HealthPort.Open }
		for range 2 {
			board.Record(0, nil, at(1))
			g.Eventually(isOpen).WithTimeout(patience).Should(BeTrue(), name)
			board.Record(0, errHung, at(2))
			if test.open {
				g.Consistently(isOpen).WithTimeout(100*time.Millisecond).Should(BeTrue(), name)
			} else {
				g.Eventually(isOpen).WithTimeout(patience).Should(BeFalse(), name)
			}
		}
	}
}

func TestHealthzIsJSON(t *testing.T) {
	board := NewBoard(givenTargets(t, "53"), nil, at(0))
	board.Record(0, errHung, at(1))
	recorder := httptest.NewRecorder()
	(&Info{Board: board}).routes().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/healthz", http.NoBody))
	want := `{"healthy":false,"ready":false,"draining":false,"healthPort":{"open":false},"targets":[{"target":"53/socket","state":"unhealthy","since":"1970-01-01T00:00:01Z","checks":1,"failures":1,"lastError":"no reply","lastErrorTime":"1970-01-01T00:00:01Z"}]}`
	var compact bytes.Buffer
	if err := json.Compact(&compact, recorder.Body.Bytes()); err != nil || compact.String() != want {
		t.Errorf("%v\n got %s\nwant %s", err, &compact, want)
	}
}

func TestMetricsAreWellFormed(t *testing.T) {
	board := NewBoard(givenTargets(t, "53/dns;query=a 53/dns 54 7/probe;payload=text: 7/probe;payload=text:a"), nil, at(0))
	board.Record(1, nil, at(1))
	board.Record(2, errHung, at(1))
	var text bytes.Buffer
	writeMetrics(&text, board.Status(), `v"1`)
	problems, err := promlint.New(bytes.NewReader(text.Bytes())).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v in\n%s", problems, err, &text)
	}
	for _, line := range []string{
		`udp_healthcheck_target_healthy{target="53/dns"} 1`, `udp_healthcheck_target_healthy{target="54/socket"} 0`,
		`udp_healthcheck_target_failures_total{target="54/socket"} 1`, `udp_healthcheck_target_checks_total{target="7/probe#2"} 0`,
		`udp_healthcheck_build_info{version="v\"1"} 1`,
	} {
		if !strings.Contains(text.String(), line+"\n") {
			t.Errorf("there is no line %s in\n%s", line, &text)
		}
	}
}

// TestTheNextTakesThePlaceOfTheOldest: connections that only hold their place make
// room for one that asks.
func TestTheNextTakesThePlaceOfTheOldest(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := serve(listener, http.NotFoundHandler())
	defer func() { _ = server.Close() }()
	address := listener.Addr().String()
	var idle []net.Conn
	for range 4 * maxConnections {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		idle = append(idle, conn)
	}
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 404") {
		t.Errorf("who asks gets %q, %v", line, err)
	}
	// The first were turned out, without a word.
	_ = idle[0].SetReadDeadline(time.Now().Add(patience))
	if _, err := idle[0].Read(make([]byte, 1)); err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("the oldest connection reads %v", err)
	}
}
