package crowd

import (
	"errors"
	"io"
	"net"
	"testing"
)

func TestACrowdIsCounted(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	limited := New(listener, 2).(*crowd)
	defer limited.Close()
	accepted := make(chan net.Conn)
	go func() {
		for {
			conn, err := limited.Accept()
			if err != nil {
				close(accepted)
				return
			}
			accepted <- conn
		}
	}()
	next := func() net.Conn {
		client, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { client.Close() })
		return client
	}
	next()
	first := <-accepted
	next()
	second := <-accepted
	next()
	// The third waits until the first, which is cut, has been closed.
	if _, err := first.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("the oldest connection reads %v, want it to be cut by us", err)
	}
	select {
	case <-accepted:
		t.Fatal("the third has a place while the first hasn't been closed")
	default:
	}
	first.Close()
	first.Close() // gives its place once
	third := <-accepted
	if len(limited.places) != 2 || len(limited.open) != 2 {
		t.Errorf("%d places are taken, %d connections known", len(limited.places), len(limited.open))
	}
	second.Close()
	third.Close()
	if len(limited.places) != 0 || len(limited.open) != 0 {
		t.Errorf("%d places are still taken, %d connections known", len(limited.places), len(limited.open))
	}
}
