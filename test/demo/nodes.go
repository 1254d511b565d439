package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// nodeHeader tells in an answer which node it is from.
const nodeHeader = "Node"

// nodes stand in for kubelet, kube-proxy and Pods: each instance answers, at its
// address, on every port that an NLBService forwards to or probes. Over HTTP and
// UDP it tells its name.
type nodes struct {
	client client.Client

	mutex   sync.Mutex // of running
	running map[string]*node
	ports   []port // that are to be open
}

// port to listen on.
type port struct {
	protocol v1alpha1.Protocol
	number   int32
}

// kubeProxyHealthz is the port on which kube-proxy tells whether a node is well.
var kubeProxyHealthz = port{v1alpha1.ProtocolTCP, 10256}

// start opens what is to be open on an instance.
func (n *nodes) start(instance exosim.Instance) error {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	started := &node{name: instance.Name, ip: instance.PublicIP, open: map[port]io.Closer{}}
	n.running[instance.Name] = started
	return started.listen(n.ports)
}

// stop closes all of it.
func (n *nodes) stop(name string) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if stopped := n.running[name]; stopped != nil {
		_ = stopped.listen(nil)
		delete(n.running, name)
	}
}

// run follows the NLBServices until ctx ends, and then stops all nodes. A look
// every now and then is soon enough for people.
func (n *nodes) run(ctx context.Context) {
	ticker := time.NewTicker(250 * time.Millisecond)
	defer ticker.Stop()
	for ctx.Err() == nil {
		// What fails now, such as a port that is still taken, is tried again.
		_ = n.follow(ctx)
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
	for _, name := range n.names() {
		n.stop(name)
	}
}

func (n *nodes) follow(ctx context.Context) error {
	list := &v1alpha1.NLBServiceList{}
	if err := n.client.List(ctx, list); err != nil {
		return err
	}
	n.mutex.Lock()
	defer n.mutex.Unlock()
	n.ports = portsOf(list.Items)
	var failed []error
	for _, node := range n.running {
		failed = append(failed, node.listen(n.ports))
	}
	return errors.Join(failed...)
}

func (n *nodes) names() []string {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	return slices.Sorted(maps.Keys(n.running))
}

// portsOf are the ports that NLBServices forward to and probe, and those that
// are there without them.
func portsOf(services []v1alpha1.NLBService) []port {
	ports := map[port]bool{kubeProxyHealthz: true, {v1alpha1.ProtocolTCP, legacyTargetPort}: true}
	for _, service := range services {
		ports[port{service.Spec.Protocol, service.Spec.TargetPort}] = true
		if probed := service.Spec.HealthCheck.Port; probed != 0 {
			ports[port{v1alpha1.ProtocolTCP, probed}] = true
		}
	}
	return slices.Collect(maps.Keys(ports))
}

// node is an instance that runs.
type node struct {
	name, ip string
	open     map[port]io.Closer
}

// listen opens and closes ports until these are open.
func (n *node) listen(ports []port) error {
	for open, listener := range n.open {
		if !slices.Contains(ports, open) {
			_ = listener.Close()
			delete(n.open, open)
		}
	}
	var failed []error
	for _, p := range ports {
		if n.open[p] != nil {
			continue
		}
		answer := n.answerTCP
		if p.protocol == v1alpha1.ProtocolUDP {
			answer = n.answerUDP
		}
		listener, err := answer(fmt.Sprintf("%s:%d", n.ip, p.number))
		if err != nil {
			failed = append(failed, err)
			continue
		}
		n.open[p] = listener
	}
	return errors.Join(failed...)
}
