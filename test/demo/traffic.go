package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// requests that are sent to each port.
const requests = 30

// sendRequests asks every TCP port of every NLB, and says which nodes answered
// how often. It returns the names of all that did.
func (d *demo) sendRequests(ctx context.Context) (answered []string, err error) {
	ports := &v1alpha1.NLBServiceList{}
	if err := d.client.List(ctx, ports, client.InNamespace("default")); err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for i := range ports.Items {
		port := &ports.Items[i]
		if port.Spec.Protocol != v1alpha1.ProtocolTCP {
			continue
		}
		url := urlOf(port)
		answers, err := ask(ctx, url)
		if err != nil {
			return nil, fmt.Errorf("the port of NLBService %s doesn't answer: %w", port.Name, err)
		}
		d.say("%-20s %-26s %-11s %s", port.Name, url, port.Spec.Strategy, spread(answers))
		maps.Copy(seen, keys(answers))
	}
	return slices.Sorted(maps.Keys(seen)), nil
}

func urlOf(port *v1alpha1.NLBService) string {
	return "http://" + net.JoinHostPort(port.Status.Address, strconv.Itoa(int(port.Spec.Port)))
}

// ask sends requests, each over a connection of its own, since an NLB balances
// connections. It counts the answers by node.
func ask(ctx context.Context, url string) (map[string]int, error) {
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	answers := map[string]int{}
	for range requests {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return nil, err
		}
		response, err := client.Do(request)
		if err != nil {
			return nil, err
		}
		_, err = io.Copy(io.Discard, response.Body)
		response.Body.Close()
		if err != nil {
			return nil, err
		}
		answers[response.Header.Get(nodeHeader)]++
	}
	return answers, nil
}

// spread is, for example, worker-1 10, worker-2 10, worker-3 10.
func spread(answers map[string]int) string {
	var parts []string
	for _, node := range slices.Sorted(maps.Keys(answers)) {
		parts = append(parts, fmt.Sprintf("%s %d", node, answers[node]))
	}
	return strings.Join(parts, ", ")
}

func keys(answers map[string]int) map[string]bool {
	nodes := make(map[string]bool, len(answers))
	for node := range answers {
		nodes[node] = true
	}
	return nodes
}

// addressOf is that of a NetworkLoadBalancer.
func (d *demo) addressOf(ctx context.Context, name string) string {
	lb := &v1alpha1.NetworkLoadBalancer{}
	if err := d.client.Get(ctx, client.ObjectKey{Namespace: "default", Name: name}, lb); err != nil {
		return "ADDRESS" // kubectl get nlb shows it
	}
	return lb.Status.Address
}
