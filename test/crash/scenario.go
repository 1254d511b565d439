package main

import (
	"github.com/exoscale-community/nlb-operator/test/invariants"
)

// scenario is something that users do.
type scenario struct {
	name string
	// given makes what is there before the operator is started; nil: nothing.
	given func(*story) error
	// settled is what the operator makes of that, before the user acts; nil: the
	// user acts before the operator is started.
	settled wanting
	// act is what the user does. Writes count from there on.
	act func(*story) error
	// meanwhile is what the user does next, as soon as the cloud is at work, or
	// the operator is dead; nil: nothing.
	meanwhile func(*story) error
	// left is what must hold in the end.
	left wanting
	// most is how many NLBs and services may be granted, where it depends on the
	// moment; otherwise it is what an undisturbed run needs.
	most map[string]int
	// moves tells that services move to another pool.
	moves bool
	// probes tells that the other pool is probed first, and so again before a second attempt.
	probes bool
	// classless lets the operator claim Services without a class.
	classless bool
}

// attempts is how many services more a move may add whose first attempt fails.
func (sc scenario) attempts() int {
	again := 0
	for _, is := range []bool{sc.moves, sc.probes} {
		if is {
			again++
		}
	}
	return again
}

// wanting tells what is wanted, given what the API server has chosen.
type wanting func(*story, invariants.Seen) (invariants.Want, error)

// scenarios are all of them, in the order of the table.
func scenarios() []scenario {
	served := servedWith(pool{workersID})
	return []scenario{
		{name: "create", act: createWeb, left: served},
		{name: "update", given: createWeb, settled: served, act: updateWeb, left: served},
		{name: "port-added", given: createWeb, settled: served, act: addPort, left: served},
		{name: "port-removed", given: createWeb, settled: served, act: removePort, left: served},
		{name: "pool-changed", given: createWeb, settled: served, act: changePool, left: servedWith(pool{greenID}), moves: true},
		{name: "pool-handed-over", given: createSelecting, settled: served, act: selectGreen, left: servedWith(pool{greenID}), moves: true, probes: true},
		{name: "deleted-while-probed", given: createSelecting, settled: served, act: selectGreen, meanwhile: deleteWeb, left: nothingButForeign,
			most: map[string]int{addService: 4}, moves: true, probes: true},
		{name: "adopt-from-ccm", given: ccmServes, act: nothing, left: takenOver, classless: true},
		{name: "adopt-by-consent", given: consent, act: adopt, left: adopted},
		{name: "attach-to-external", given: terraform, act: attach, left: attached},
		{name: "detach-from-external", given: terraformAttached, settled: attached, act: deleteWeb, left: nothingButForeign},
		{name: "own-name", given: terraform, act: createNamed, left: attachedByName},
		{name: "own-name-taken", given: terraform, settled: nothingButForeign, act: createTaken, left: refusedPort},
		{name: "own-name-deleted", given: terraformNamed, settled: attachedByName, act: deleteNamed, left: nothingButForeign},
		{name: "delete", given: createWeb, settled: served, act: deleteWeb, left: nothingButForeign},
		{name: "deleted-while-creating", act: createWeb, meanwhile: deleteWeb, left: nothingButForeign,
			most: map[string]int{createLoadBalancer: 1, addService: 2}},
		{name: "retain", given: createRetained, settled: served, act: deleteWeb, left: retained},
		{name: "moved-to-shared", given: createWebAndShared, settled: besideShared, act: share, left: onShared},
		{name: "type-changed", given: createWeb, settled: served, act: toClusterIP, left: nothingButForeign},
		{name: "udp-watched", given: createWeb, settled: served, act: watchUDP, left: watched},
		{name: "udp-watched-no-more", given: createWatched, settled: watched, act: watchUDPNoMore, left: served},
		{name: "udp-watched-deleted", given: createWatched, settled: watched, act: deleteWeb, left: nothingButForeign},
	}
}
