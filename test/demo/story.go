package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/exoscale-community/nlb-operator/test/exosim"
	"github.com/exoscale-community/nlb-operator/test/world"
)

// tell is the story, chapter by chapter.
func (d *demo) tell(ctx context.Context) error {
	fmt.Fprintln(d.Out, "The Exoscale NLB operator at work. All of it is on this machine; no account is needed.")
	for _, chapter := range []func(context.Context) error{
		d.controlPlaneStarts,
		d.cloudStarts,
		d.operatorStarts,
		d.samplesAreApplied,
		d.kubectlShows,
		d.trafficFlows,
		d.nodeStops,
		d.nodeComesBack,
		d.poolGrows,
		d.goOn,
	} {
		if err := chapter(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) controlPlaneStarts(ctx context.Context) error {
	d.begin("A Kubernetes control plane: etcd, kube-apiserver and kube-controller-manager")
	if err := d.startControlPlane(ctx); err != nil {
		return err
	}
	d.say("it serves; its logs are in %s", d.short(d.Dir))
	return nil
}

func (d *demo) cloudStarts(ctx context.Context) error {
	d.begin("A simulated Exoscale: zone %s, an instance pool of three nodes", exosim.DefaultZone)
	if err := d.startCloud(); err != nil {
		return err
	}
	members := d.cloud.Members(d.pool.ID)
	if err := world.JoinNodes(ctx, d.client, members); err != nil {
		return err
	}
	d.startNodes(ctx)
	for _, instance := range members {
		if err := d.nodes.start(instance); err != nil {
			return fmt.Errorf("listening for node %s: %w", instance.Name, err)
		}
		d.say("%s at %s: whatever NodePort is asked, it answers with its name", instance.Name, instance.PublicIP)
	}
	d.say("the API is at %s; an operation takes %s, health checks run %d times as fast as set", d.cloud.Endpoint, operationDelay, probesFaster)
	return nil
}

// startNodes lets the nodes follow the cluster until the demo ends.
func (d *demo) startNodes(ctx context.Context) {
	d.nodes = &nodes{client: d.client, running: map[string]*node{}, ports: portsOf(nil)}
	following, stop := context.WithCancel(ctx)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		d.nodes.run(following)
	}()
	d.later(func() error {
		stop()
		<-stopped
		return nil
	})
}

func (d *demo) operatorStarts(ctx context.Context) error {
	d.begin("The operator")
	if err := d.startOperator(ctx); err != nil {
		return err
	}
	d.say("it runs; its log is %s", d.short(d.operatorLog()))
	return nil
}

func (d *demo) samplesAreApplied(ctx context.Context) error {
	d.begin("The samples: two Services, an NLB of its own, an NLB that somebody else made")
	if err := d.kubectl(ctx, "apply", "--validate=strict", "-f", "config/samples"); err != nil {
		return err
	}
	d.say("")
	return d.waitFor(ctx, d.healthy(allNodes))
}

// What status.health says.
const allNodes, oneStopped, notJoined, grown = "3/3", "2/3", "3/5", "5/5"

func (d *demo) kubectlShows(ctx context.Context) error {
	d.begin("What kubectl shows")
	return d.kubectl(ctx, "get", "svc,nlb,nlbsvc")
}

func (d *demo) trafficFlows(ctx context.Context) error {
	d.begin("Real traffic: %d requests to each port, and who answered", requests)
	answered, err := d.sendRequests(ctx)
	if err != nil {
		return err
	}
	if len(answered) != len(d.nodes.names()) {
		return fmt.Errorf("only %s answered", strings.Join(answered, ", "))
	}
	d.say("SourceHash keeps a client, here the only one, with its node.")
	return nil
}

// stopped is the node that goes down.
const stopped = "worker-2"

func (d *demo) nodeStops(ctx context.Context) error {
	d.begin("%s stops", stopped)
	d.cloud.StopInstance(d.instance(stopped).ID)
	d.nodes.stop(stopped)
	if err := world.SetReady(ctx, d.client, stopped, false); err != nil {
		return err
	}
	if err := d.waitFor(ctx, d.healthy(oneStopped)); err != nil {
		return err
	}
	d.say("")
	if err := d.kubectl(ctx, "get", "nlbsvc"); err != nil {
		return err
	}
	d.say("")
	answered, err := d.sendRequests(ctx)
	if err != nil {
		return err
	}
	if slices.Contains(answered, stopped) {
		return fmt.Errorf("%s still gets requests, although it is stopped", stopped)
	}
	return nil
}

func (d *demo) nodeComesBack(ctx context.Context) error {
	d.begin("%s comes back", stopped)
	instance := d.instance(stopped)
	d.cloud.StartInstance(instance.ID)
	if err := d.nodes.start(instance); err != nil {
		return err
	}
	if err := world.SetReady(ctx, d.client, stopped, true); err != nil {
		return err
	}
	if err := d.waitFor(ctx, d.healthy(allNodes)); err != nil {
		return err
	}
	d.say("")
	answered, err := d.sendRequests(ctx)
	if err == nil && !slices.Contains(answered, stopped) {
		return fmt.Errorf("%s gets no requests, although it is back", stopped)
	}
	return err
}

func (d *demo) instance(name string) exosim.Instance {
	members := d.cloud.Members(d.pool.ID)
	return members[slices.IndexFunc(members, func(i exosim.Instance) bool { return i.Name == name })]
}

// goOn tells what to try, and on a terminal leaves the time to.
func (d *demo) goOn(ctx context.Context) error {
	if d.Stay {
		d.begin("Go on exploring, in another terminal")
	} else {
		d.begin("To explore it, run make demo on a terminal: it stays up there. In another one:")
	}
	d.list([]entry{
		{"export KUBECONFIG=" + d.kubeconfig() + " PATH=" + filepath.Dir(d.cluster.Kubectl()) + ":$PATH", ""},
		{"kubectl get exoscale", "all that the operator looks after"},
		{"kubectl describe nlb edge", "its conditions and events"},
		{"kubectl describe nlbsvc edge-http", "its nodes, each with its health"},
		{"kubectl describe nodeid worker-1", "which instance a Node is, and how that is known"},
		{"kubectl explain nlbsvc.spec.healthCheck", "every field is explained"},
		{"kubectl delete service web", "its NLB goes as well"},
		{"curl http://" + d.addressOf(ctx, "edge") + ":8080", "ask a node through the NLB"},
		{"curl " + d.cloud.URL + "/sim/state", "what the cloud holds"},
		{"curl " + d.cloud.URL + "/sim/", "what can be done to it: faults, quotas, pools that grow"},
		{"tail -f " + d.operatorLog(), "what the operator does"},
	})
	if !d.Stay {
		return nil
	}
	d.say("")
	d.say("Ctrl-C ends it all.")
	<-ctx.Done()
	fmt.Fprintln(d.Out, "\nStopping.")
	return nil
}

// short is a path as seen from the checkout, if it is in there.
func (d *demo) short(path string) string {
	if inside, err := filepath.Rel(d.Root, path); err == nil && filepath.IsLocal(inside) {
		return inside
	}
	return path
}
