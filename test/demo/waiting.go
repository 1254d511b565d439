package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// patience with one wait. On an idle machine the longest takes 10 s.
const patience = 90 * time.Second

// line is what is told of an object, and whether it is as it should be. Why it
// isn't is told to whoever waited in vain.
type line struct {
	about, what, why string
	done             bool
}

// waitFor says what changes, until every line is done.
func (d *demo) waitFor(ctx context.Context, look func(context.Context) ([]line, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errTooLong)
	defer cancel()
	start := time.Now()
	var open []line
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for {
		lines, err := look(ctx)
		switch {
		case err == nil:
			for _, l := range lines {
				d.news(start, l)
			}
			if open = slices.DeleteFunc(lines, func(l line) bool { return l.done }); len(open) == 0 {
				return nil
			}
		case ctx.Err() == nil:
			return err
		}
		select {
		case <-ticker.C:
		case <-d.operator.Ended():
			return fmt.Errorf("the operator has ended; its log tells why: %s", d.operatorLog())
		case <-ctx.Done():
			if context.Cause(ctx) != errTooLong { //nolint:errorlint // it is that very one
				return ctx.Err()
			}
			return fmt.Errorf("after %s this isn't done: %s (the operator's log: %s)", patience, listed(open), d.operatorLog())
		}
	}
}

var errTooLong = errors.New("it takes too long")

func listed(lines []line) string {
	parts := make([]string, len(lines))
	for i, l := range lines {
		parts[i] = l.about + ": " + l.what
		if l.why != "" {
			parts[i] += ", " + l.why
		}
	}
	return strings.Join(parts, "; ")
}

// healthy looks at everything that the samples made: done is what is Ready, and
// has so many healthy nodes.
func (d *demo) healthy(nodes string) func(context.Context) ([]line, error) {
	return func(ctx context.Context) ([]line, error) {
		lbs, ports, services := &v1alpha1.NetworkLoadBalancerList{}, &v1alpha1.NLBServiceList{}, &corev1.ServiceList{}
		for _, list := range []client.ObjectList{lbs, ports, services} {
			if err := d.client.List(ctx, list, client.InNamespace(metav1.NamespaceDefault)); err != nil {
				return nil, err
			}
		}
		var lines []line
		for i := range lbs.Items {
			lines = append(lines, lineOfLoadBalancer(&lbs.Items[i]))
		}
		for i := range ports.Items {
			lines = append(lines, lineOfPort(&ports.Items[i], nodes))
		}
		for i := range services.Items {
			if services.Items[i].Spec.Type == corev1.ServiceTypeLoadBalancer {
				lines = append(lines, lineOfService(&services.Items[i]))
			}
		}
		return lines, nil
	}
}

func lineOfLoadBalancer(lb *v1alpha1.NetworkLoadBalancer) line {
	l := line{about: "nlb/" + lb.Name}
	l.what, l.why, l.done = readiness(lb.Status.Conditions)
	if l.done {
		l.what += ", at " + lb.Status.Address
	}
	return l
}

func lineOfPort(port *v1alpha1.NLBService, nodes string) line {
	l := line{about: "nlbsvc/" + port.Name}
	if l.what, l.why, l.done = readiness(port.Status.Conditions); l.done && port.Status.Health != "" {
		l.what += ", healthy nodes: " + port.Status.Health
	}
	l.done = l.done && port.Status.Health == nodes
	return l
}

func lineOfService(service *corev1.Service) line {
	l := line{about: "service/" + service.Name, what: "is new"}
	for _, condition := range service.Status.Conditions {
		if condition.Status == metav1.ConditionFalse {
			l.what, l.why = condition.Reason, condition.Message
		}
	}
	if ingress := service.Status.LoadBalancer.Ingress; len(ingress) > 0 {
		return line{about: l.about, what: "is reached at " + ingress[0].IP, done: true}
	}
	return l
}

// readiness is Ready, or why not.
func readiness(conditions []metav1.Condition) (what, why string, ready bool) {
	condition := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady)
	switch {
	case condition == nil:
		return "is new", "", false
	case condition.Status == metav1.ConditionTrue:
		return "Ready", "", true
	default:
		return condition.Reason, condition.Message, false
	}
}
