package udphealth

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Gate is the health port: it accepts connections, and answers 200 to any HTTP
// request, while the Board is healthy. Otherwise nobody listens, and the kernel
// refuses connections.
type Gate struct {
	// Port, 1-65535, at every address.
	Port  int
	Board *Board
	Log   *slog.Logger
	// Linger is how long the port stays open after the health has turned bad. Who
	// probes it through a NodePort meets any Pod of the Service: if this one closed
	// before kube-proxy has left it out, a whole node would look unhealthy for it.
	Linger time.Duration

	open *http.Server
}

// retryAfter is when to try again to listen at a port that is taken.
const retryAfter = time.Second

// Run opens and closes the port as the Board says until ctx ends, and then closes
// it. A port that is taken is tried again, and told on the Board.
func (g *Gate) Run(ctx context.Context) {
	defer g.close()
	var lingering <-chan time.Time // nil while healthy, and when it is over
	for {
		var again <-chan time.Time
		switch healthy := g.Board.Status().Healthy; {
		case healthy:
			lingering = nil
			if g.open == nil && g.listen(ctx) != nil {
				again = time.After(retryAfter)
			}
		case g.open != nil && lingering == nil:
			lingering = time.After(g.Linger)
		case g.open == nil:
			g.Board.SetHealthPort(PortStatus{}) // nobody misses it
		}
		select {
		case <-g.Board.Changed():
		case <-again:
		case <-lingering:
			lingering = nil
			g.close()
		case <-ctx.Done():
			return
		}
	}
}

func (g *Gate) listen(ctx context.Context) error {
	listener, err := listenAt(ctx, g.Port)
	if err != nil {
		if g.Board.Status().HealthPort.Error != err.Error() {
			g.Log.Error("the health port can't be opened; trying again", "error", err.Error())
		}
		g.Board.SetHealthPort(PortStatus{Error: err.Error()})
		return err
	}
	g.open = serve(listener, http.HandlerFunc(g.answer))
	g.Board.SetHealthPort(PortStatus{Open: true})
	g.Log.Info("the health port is open", "port", g.Port)
	return nil
}

// answer looks again: the connection may have been accepted while the port closed.
func (g *Gate) answer(w http.ResponseWriter, _ *http.Request) {
	if g.Linger == 0 && !g.Board.Status().Healthy {
		http.Error(w, "unhealthy", http.StatusServiceUnavailable)
		return
	}
	_, _ = io.WriteString(w, "healthy\n")
}

// close cuts the connections, too: who has one isn't to think that all is well.
func (g *Gate) close() {
	g.Board.SetHealthPort(PortStatus{})
	if g.open == nil {
		return
	}
	g.open.Close() //nolint:errcheck // nobody listens any more, whatever it says
	g.open = nil
	g.Log.Info("the health port is closed", "port", g.Port)
}

func listenAt(ctx context.Context, port int) (net.Listener, error) {
	return (&net.ListenConfig{}).Listen(ctx, "tcp", fmt.Sprintf(":%d", port))
}
