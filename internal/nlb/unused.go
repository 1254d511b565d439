package nlb

import "github.com/exoscale-community/nlb-operator/api/v1alpha1"

// Unused is an NLB that bears the ownership labels of this cluster, and that no object
// uses. Nothing deletes it: traffic may depend on it all the same.
type Unused struct {
	LoadBalancer LoadBalancer
	// Owner is the object that its labels name, as namespace/name, and UID its UID.
	Owner, UID string
	// Beside is that object, if it exists and has another NLB; nil: it doesn't exist,
	// and the NLB is an orphan.
	Beside *v1alpha1.NetworkLoadBalancer
}

// FindUnused tells which NLBs of a list no object uses. objects are all of the cluster,
// or those that the operator sees; then only what has an owner beside it means
// anything.
//
//	the labels of an NLB name                         │ verdict
//	──────────────────────────────────────────────────┼─────────────────────────
//	nobody in full, another cluster, or retained      │ none of ours
//	any, and an object records it                     │ used
//	any, and it is being deleted at Exoscale          │ goes by itself
//	the UID of an object that records none            │ used: about to be recorded
//	the UID of an object that records another NLB     │ unused, beside it
//	else the name of an object that records none      │ used: that one claims it
//	anything else                                     │ unused: an orphan
func FindUnused(all []LoadBalancer, objects []v1alpha1.NetworkLoadBalancer, cluster string) []Unused {
	byUID, byName, recorded := map[string]*v1alpha1.NetworkLoadBalancer{}, map[string]*v1alpha1.NetworkLoadBalancer{}, map[string]bool{}
	for i := range objects {
		object := &objects[i]
		byUID[LabelValue(string(object.UID))] = object
		byName[LabelValue(object.Namespace+"/"+object.Name)] = object
		if object.Status.ID != "" {
			recorded[object.Status.ID] = true
		}
	}
	var unused []Unused
	for _, lb := range all {
		owner := ownerOf(lb)
		ours := MadeBy(lb, cluster) && owner.object != "" && owner.uid != "" && !owner.retained()
		if !ours || recorded[lb.ID] || lb.State == StateDeleting {
			continue
		}
		one := Unused{LoadBalancer: lb, Owner: legible(owner.object), UID: legible(owner.uid)}
		if one.Beside = byUID[owner.uid]; one.Beside == nil {
			if named := byName[owner.object]; named != nil && named.Status.ID == "" {
				continue
			}
		} else if one.Beside.Status.ID == "" {
			continue
		}
		unused = append(unused, one)
	}
	return unused
}
