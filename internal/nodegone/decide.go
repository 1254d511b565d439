package nodegone

import (
	"fmt"
	"time"
)

// listsNeeded is how many lists in a row have to lack an instance.
const listsNeeded = 2

// Decision about a Node.
type Decision struct {
	Verdict Verdict
	// Cause is one word for what speaks against a removal; empty but for Halt.
	// Whoever tells people keeps two causes apart by it.
	Cause string
	// Message says why, for whoever runs the cluster; empty for Keep and Ask.
	Message string
}

// Verdict is what to do with a Node.
type Verdict string

// The verdicts.
const (
	// Keep: nothing says that the instance is gone.
	Keep Verdict = "Keep"
	// Wait: not enough is known yet; look again.
	Wait Verdict = "Wait"
	// Ask: the instance and its sibling have to be read.
	Ask Verdict = "Ask"
	// Halt: it looks gone, but something speaks against a removal, which somebody
	// should know. Look again: it may pass.
	Halt Verdict = "Halt"
	// Remove: the instance is gone.
	Remove Verdict = "Remove"
)

// check looks for one thing that decides about a Node.
type check func(Evidence, Limits) (Decision, bool)

// checks in their order: the first that finds something decides. Reads of the
// cloud come last, so that they are made only where they alone are missing.
var checks = []check{
	nothingRecorded,      // no instance was ever known to be the Node
	nodeLeaves,           // somebody else deletes the Node
	listUnreadable,       // an error says nothing about any instance
	listHasInstance,      // it is there
	listStale,            // what was there a while ago says nothing about now
	nodeYoung,            // reads may lag behind a new instance
	listEmpty,            // more likely a fault than the end of everything
	tooFewLists,          // one list may be wrong
	kubeletReports,       // something runs there
	noSibling,            // nothing shows that we look at the right cloud
	shareUsedUp,          // a fault that looks like many losses has an end
	unanswered,           // nobody has read them yet
	instanceNotAbsent,    // a read says anything but 404
	siblingDoesNotAnswer, // then a 404 may mean anything
}

// Decide tells what to do with a Node.
func Decide(e Evidence, limits Limits) Decision {
	limits = limits.WithDefaults()
	for _, finds := range checks {
		if decision, found := finds(e, limits); found {
			return decision
		}
	}
	return Decision{Verdict: Remove, Message: fmt.Sprintf("Removing the Node: its instance %s is gone from zone %s: the last %d lists lack it, it is not found when it is read, and instance %s of Node %s is still there",
		e.Instance.InstanceID, e.Instance.Zone, e.Lists.Lacking, e.Sibling.InstanceID, e.Sibling.NodeName)}
}

// nothingRecorded: no instance is known that could be gone.
func nothingRecorded(e Evidence, _ Limits) (Decision, bool) {
	return Decision{Verdict: Keep}, e.Instance == Recorded{}
}

// nodeLeaves: the Node is being deleted already.
func nodeLeaves(e Evidence, _ Limits) (Decision, bool) {
	return Decision{Verdict: Keep}, e.Node.DeletionTimestamp != nil
}

// listUnreadable: the list of the zone can't be read.
func listUnreadable(e Evidence, _ Limits) (Decision, bool) {
	return wait("the instances of zone %s can't be listed: %s", e.Instance.Zone, e.Trouble), e.Trouble != ""
}

// listHasInstance: the last list has the instance.
func listHasInstance(e Evidence, _ Limits) (Decision, bool) {
	return Decision{Verdict: Keep}, !e.Lists.Last.IsZero() && e.Lists.Missed.IsZero()
}

// listStale: the last list is too old, or there is none since the Node was made.
func listStale(e Evidence, limits Limits) (Decision, bool) {
	return wait("the last list of zone %s is too old", e.Instance.Zone), e.Now.Sub(e.Lists.Last) > limits.MaxListAge
}

// nodeYoung: the Node has just come.
func nodeYoung(e Evidence, limits Limits) (Decision, bool) {
	return wait("the Node is younger than %s", limits.MinAge), e.Now.Sub(e.Node.CreationTimestamp.Time) < limits.MinAge
}

// listEmpty: the last list has no instance at all.
func listEmpty(e Evidence, limits Limits) (Decision, bool) {
	return e.halt(limits, "ListEmpty", "the list of instances of zone %s is empty", e.Instance.Zone), e.Lists.Empty
}

// tooFewLists: not enough lists lack the instance yet.
func tooFewLists(e Evidence, _ Limits) (Decision, bool) {
	return wait("another list of zone %s has to lack it, too", e.Instance.Zone), e.Lists.Lacking < listsNeeded
}

// kubeletReports: the kubelet says that it runs, so the instance must be there.
func kubeletReports(e Evidence, limits Limits) (Decision, bool) {
	return e.halt(limits, "KubeletReports", "its kubelet still reports, so something runs under its name"), kubeletPosts(e.Node, e.Lists.Since)
}

// noSibling: no other Node's instance is in the list. All instances gone at once,
// or the API key of another organisation, look the same.
func noSibling(e Evidence, limits Limits) (Decision, bool) {
	return e.halt(limits, "NoSibling", "the instance of no other Node is in the list of zone %s", e.Instance.Zone), e.Sibling == Recorded{}
}

// shareUsedUp: as many Nodes as may be were removed within the window.
func shareUsedUp(e Evidence, limits Limits) (Decision, bool) {
	all := e.Nodes + e.Removed
	allowed := limits.allowed(all)
	return halt(e, "ShareUsedUp", "%d of %d Nodes were removed within %s, and %d may be (%d %%)", e.Removed, all, minutes(limits.Window), allowed, limits.MaxShare), e.Removed >= allowed
}

// unanswered: the instance or its sibling wasn't read.
func unanswered(e Evidence, _ Limits) (Decision, bool) {
	return Decision{Verdict: Ask}, e.OfInstance.Kind == Unasked || e.OfInstance.Kind == Absent && e.OfSibling.Kind == Unasked
}

// instanceNotAbsent: a read of the instance said anything but that there is none.
func instanceNotAbsent(e Evidence, limits Limits) (Decision, bool) {
	switch e.OfInstance.Kind {
	case Absent:
		return Decision{}, false
	case Present:
		return e.halt(limits, "InstanceShown", "Exoscale shows the instance when it is read, while the lists of zone %s lack it", e.Instance.Zone), true
	case Refused:
		return halt(e, "InstanceUnreadable", "it can't be read whether it is there: %s", e.OfInstance.Words), true
	default:
		return wait("it can't be read whether it is there: %s", e.OfInstance.Words), true
	}
}

// siblingDoesNotAnswer: a read of the sibling, which the list has, failed.
func siblingDoesNotAnswer(e Evidence, limits Limits) (Decision, bool) {
	if e.OfSibling.Kind == Present {
		return Decision{}, false
	}
	words := e.OfSibling.Words
	if words == "" {
		words = "not found"
	}
	return e.halt(limits, "SiblingUnreadable", "instance %s of Node %s, which should be there, can't be read: %s", e.Sibling.InstanceID, e.Sibling.NodeName, words), true
}

func wait(format string, args ...any) Decision {
	return Decision{Verdict: Wait, Message: fmt.Sprintf(format, args...)}
}

func halt(e Evidence, cause, format string, args ...any) Decision {
	return Decision{Halt, cause, fmt.Sprintf("Instance %s seems to be gone from zone %s, but the Node stays: "+format,
		append([]any{e.Instance.InstanceID, e.Instance.Zone}, args...)...)}
}

// halt is for what may pass by itself: it is told once it has lasted.
func (e Evidence) halt(limits Limits, cause, format string, args ...any) Decision {
	if e.Now.Sub(e.Lists.Missed) < limits.Grace {
		return wait(format, args...)
	}
	return halt(e, cause, format, args...)
}

func minutes(d time.Duration) string {
	if d%time.Minute == 0 {
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return d.String()
}
