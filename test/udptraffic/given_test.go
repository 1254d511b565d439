package udptraffic

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/exoscale-community/nlb-operator/test/exosim"
	"github.com/exoscale-community/nlb-operator/test/ports"
	"github.com/exoscale-community/nlb-operator/test/sidecar"
)

func TestMain(m *testing.M) { os.Exit(sidecar.Main(m)) }

const (
	patience = sidecar.Patience
	// port of the NLB, in front of applications that have ports of their own.
	port = "9053"
	// What the NLB does, in its own time, which runs so many times as fast.
	interval, retries = 5, 2
	hurry             = 20
)

// cluster is nodes and Pods behind an NLB.
type cluster struct {
	t       *testing.T
	cloud   *exosim.Server
	pool    exosim.InstancePool
	address string // of the NLB, without a port
	service string // the id of its UDP service

	nodePort, healthCheckNodePort int
	nodes                         []*node

	mu   sync.Mutex
	pods []*pod
}

// given is a cluster of so many nodes, and an NLB that probes what check says;
// neither has Pods.
func given(t *testing.T, nodes int, check exosim.HealthCheck) *cluster {
	t.Helper()
	c := &cluster{t: t, nodePort: ports.Free(t), healthCheckNodePort: ports.Free(t)}
	c.cloud = exosim.StartTestServer(t, exosim.Options{DataPlane: true, ProbeTimeScale: hurry})
	c.pool = c.cloud.AddPool("", exosim.InstancePool{Name: "workers", Size: int64(nodes)})
	for _, instance := range c.cloud.Members(c.pool.ID) {
		n := &node{name: instance.Name, ip: instance.PublicIP, cluster: c, flows: map[netip.AddrPort]*flow{}}
		if err := n.start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(n.stop)
		c.nodes = append(c.nodes, n)
	}
	check.Interval, check.Timeout, check.Retries = interval, 2, retries
	if check.Port == 0 {
		check.Port = int64(c.healthCheckNodePort)
	}
	service := exosim.Service{
		Name: "udp", Protocol: "udp", Strategy: "round-robin", Port: 9053, TargetPort: int64(c.nodePort),
		InstancePool: exosim.PoolRef{ID: c.pool.ID}, HealthCheck: check,
	}
	streams := service
	streams.Name, streams.Protocol = "tcp", "tcp"
	lb := c.cloud.PutLoadBalancer("", exosim.LoadBalancer{Name: "app", Services: []exosim.Service{service, streams}})
	c.address, c.service = lb.IP, lb.Services[0].ID
	return c
}

// local is what the operator has an NLB probe with externalTrafficPolicy Local:
// whether a node has a ready Pod.
var local = exosim.HealthCheck{Mode: "http", URI: "/healthz"}

// Modes in which a sidecar watches its application.
const (
	inProbeMode  = "/probe;payload=text:health;timeout=3s;interval=100ms"
	inSocketMode = "/socket;interval=100ms"
)

// run starts a Pod on a node.
func (c *cluster) run(name string, n *node, mode string, edit ...func(*pod)) *pod {
	c.t.Helper()
	p := &pod{name: name, node: n, application: sidecar.StartApplication(c.t, name, fmt.Sprintf("127.0.0.1:%d", ports.Free(c.t)))}
	p.sidecar = sidecar.Start(c.t, "--injected", "--linger=1m", "--target", p.application.Port()+mode)
	p.readiness = p.isReady
	for _, edit := range edit {
		edit(p)
	}
	gone, probing := make(chan struct{}), sync.WaitGroup{}
	probing.Go(func() { p.probe(gone) })
	c.t.Cleanup(func() { close(gone); probing.Wait() })
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pods = append(c.pods, p)
	return p
}

func (c *cluster) forget(p *pod) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pods = slices.DeleteFunc(c.pods, func(other *pod) bool { return other == p })
}

func (c *cluster) podsOf(n *node) []*pod {
	c.mu.Lock()
	defer c.mu.Unlock()
	var pods []*pod
	for _, p := range c.pods {
		if p.node == n {
			pods = append(pods, p)
		}
	}
	return pods
}

// healthy are the nodes that the NLB finds healthy, as its API tells.
func (c *cluster) healthy() string {
	lb := c.cloud.LoadBalancers(exosim.DefaultZone)[0]
	var names []string
	for _, n := range c.nodes {
		for _, status := range lb.Services[0].HealthStatus {
			if status.PublicIP == n.ip && status.Status == "success" {
				names = append(names, n.name)
			}
		}
	}
	return strings.Join(names, " ")
}

// becomesHealthy waits until the NLB finds exactly these nodes healthy.
func (c *cluster) becomesHealthy(nodes ...*node) {
	c.t.Helper()
	var names []string
	for _, n := range nodes {
		names = append(names, n.name)
	}
	NewWithT(c.t).Eventually(c.healthy).WithTimeout(patience).WithPolling(5*time.Millisecond).
		Should(Equal(strings.Join(names, " ")), "the nodes that the NLB finds healthy")
}

// becomesReady waits until a Pod is, or isn't.
func (c *cluster) becomesReady(p *pod, ready bool) {
	c.t.Helper()
	NewWithT(c.t).Eventually(p.ready.Load).WithTimeout(patience).WithPolling(5*time.Millisecond).Should(Equal(ready), p.name+"'s readiness")
}

// asked is who answers the datagrams of new clients, by how many they are. They wait
// side by side, in case that nobody answers.
func (c *cluster) asked(clients int) map[string]int {
	answers := make(chan string)
	for range clients {
		go func() { answers <- ask(c.address) }()
	}
	by := map[string]int{}
	for range clients {
		by[<-answers]++
	}
	return by
}

// ask sends one datagram, and gives the name of who replies; empty if nobody does,
// for which a busy machine gets time.
func ask(address string) string {
	conn, err := net.Dial("udp4", net.JoinHostPort(address, port))
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	reply := make([]byte, 1<<10)
	_, _ = conn.Write([]byte("hello"))
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	n, err := conn.Read(reply)
	if err != nil {
		return ""
	}
	return sidecar.Answerer(string(reply[:n]))
}

func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
