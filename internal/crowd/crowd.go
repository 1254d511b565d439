// Package crowd bounds the connections of a listener that strangers reach.
package crowd

import (
	"net"
	"slices"
	"sync"
)

// New is a listener that lets so many connections in at once; the next one takes
// the place of the oldest. Who wants to know something is served within
// milliseconds, and who only holds his place loses it, however many there are. (One
// that lets the next wait, as netutil.LimitListener does, would be closed by them.)
func New(listener net.Listener, most int) net.Listener {
	return &crowd{Listener: listener, places: make(chan struct{}, most)}
}

type crowd struct {
	net.Listener

	places chan struct{}

	mu   sync.Mutex
	open []*member // the oldest first
}

// Accept implements net.Listener. A place is free only once its connection has been
// closed by whoever serves it, so that its memory is free, too.
func (c *crowd) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	select {
	case c.places <- struct{}{}:
	default:
		c.turnOutOldest()
		c.places <- struct{}{}
	}
	m := &member{Conn: conn, crowd: c}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open = append(c.open, m)
	return m, nil
}

// turnOutOldest cuts its connection, which whoever serves it notices.
func (c *crowd) turnOutOldest() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.open) > 0 {
		c.open[0].Conn.Close()
		c.open = slices.Delete(c.open, 0, 1)
	}
}

// member is a connection that has a place.
type member struct {
	net.Conn

	crowd *crowd
	leave sync.Once
}

// Close implements net.Conn.
func (m *member) Close() error {
	err := m.Conn.Close()
	m.leave.Do(func() {
		m.crowd.mu.Lock()
		defer m.crowd.mu.Unlock()
		m.crowd.open = slices.DeleteFunc(m.crowd.open, func(other *member) bool { return other == m })
		<-m.crowd.places
	})
	return err
}
