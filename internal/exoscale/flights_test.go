package exoscale

import (
	"context"
	"sync/atomic"
	"testing"

	. "github.com/onsi/gomega"
)

func TestFlights(t *testing.T) {
	g := NewWithT(t)
	var fetches atomic.Int32
	land := make(chan struct{})
	f := &flights{fetch: func() error {
		fetches.Add(1)
		<-land
		return nil
	}}
	ended := make(chan string, 100)
	wait := func(name string, call func(context.Context) error) {
		go func() {
			_ = call(context.Background())
			ended <- name
		}()
	}
	wait("joined", f.join)
	g.Eventually(fetches.Load).Should(Equal(int32(1)))
	for range 20 {
		wait("joined", f.join)
		wait("after", f.after)
	}
	g.Eventually(func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.next != nil
	}).Should(BeTrue())

	gaveUp, cancel := context.WithCancel(context.Background())
	cancel()
	g.Expect(ClassOf(f.after(gaveUp))).To(Equal(Transient), "who gives up doesn't wait")

	land <- struct{}{} // the first one lands
	g.Eventually(fetches.Load).Should(Equal(int32(2)), "those who came after it get one of their own, together")
	land <- struct{}{}
	for range 41 {
		g.Eventually(ended).Should(Receive())
	}
	g.Expect(fetches.Load()).To(BeNumerically("<=", 3)) // a late goroutine may have come after both
}
