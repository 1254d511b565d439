package invariants

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// Broken tells in what way what is seen isn't what is wanted, an error for each;
// nil if it is.
func (w Want) Broken(seen Seen) error {
	r := reckoning{want: w, seen: seen, unclaimed: map[string]exosim.LoadBalancer{}}
	for _, lb := range seen.Cloud {
		r.unclaimed[lb.ID] = lb
	}
	r.objects()
	for _, lb := range w.LoadBalancers {
		r.loadBalancer(lb)
	}
	r.services()
	for _, lb := range w.Foreign {
		r.foreign(lb)
	}
	for _, lb := range w.Retained {
		r.retained(lb)
	}
	for _, lb := range seen.Cloud {
		if _, is := r.unclaimed[lb.ID]; is {
			r.say("the cloud holds NLB %s (%q, labels %v, %d services), which nobody is to have", lb.ID, lb.Name, lb.Labels, len(lb.Services))
		}
	}
	for _, op := range seen.Pending {
		r.say("operation %s of the cloud hasn't ended", op.ID)
	}
	return errors.Join(r.broken...)
}

// reckoning compares.
type reckoning struct {
	want Want
	seen Seen
	// unclaimed are the NLBs of which nothing was said so far, by id.
	unclaimed map[string]exosim.LoadBalancer
	broken    []error
}

func (r *reckoning) say(format string, args ...any) {
	r.broken = append(r.broken, fmt.Errorf(format, args...))
}

// objects compares which objects there are.
func (r *reckoning) objects() {
	wanted := map[Object]bool{}
	for _, lb := range r.want.LoadBalancers {
		wanted[Object{KindLoadBalancer, lb.Object}] = true
		for _, port := range lb.Ports {
			wanted[Object{KindNLBService, port.Object}] = true
		}
	}
	for service := range r.want.Services {
		wanted[Object{KindService, service}] = true
	}
	for companion := range r.want.Companions {
		wanted[Object{KindService, companion}] = true
	}
	for _, object := range r.want.Unserved {
		wanted[object] = true
	}
	for _, object := range sortedKeys(wanted) {
		if r.find(object) == nil {
			r.say("%s doesn't exist", object)
		}
	}
	for object, is := range r.all() {
		switch {
		case is.GetDeletionTimestamp() != nil:
			r.say("%s is still being deleted, held by %v", object, is.GetFinalizers())
		case wanted[object]:
		case object.Kind != KindService, is.GetLabels()[v1alpha1.LabelService] != "":
			r.say("%s exists and isn't to", object)
		case slices.Contains(is.GetFinalizers(), v1alpha1.ServiceFinalizer):
			r.say("%s has finalizer %s, though it has no NLB", object, v1alpha1.ServiceFinalizer)
		}
	}
	for _, object := range r.want.Unserved {
		r.unserved(object)
	}
	r.companions()
}

// companions belong to their Services.
func (r *reckoning) companions() {
	for companion, service := range r.want.Companions {
		is, of := r.find(Object{KindService, companion}), r.find(Object{KindService, service})
		if is != nil && of != nil && !metav1.IsControlledBy(is, of) {
			r.say("Service %s isn't controlled by Service %s, whose companion it is", companion, service)
		}
	}
}

func sortedKeys(objects map[Object]bool) []Object {
	keys := make([]Object, 0, len(objects))
	for object := range objects {
		keys = append(keys, object)
	}
	slices.SortFunc(keys, func(a, b Object) int { return cmp.Compare(a.String(), b.String()) })
	return keys
}

// all objects that are seen.
func (r *reckoning) all() map[Object]client.Object {
	all := map[Object]client.Object{}
	for i := range r.seen.LoadBalancers {
		object := &r.seen.LoadBalancers[i]
		all[Object{KindLoadBalancer, client.ObjectKeyFromObject(object)}] = object
	}
	for i := range r.seen.NLBServices {
		object := &r.seen.NLBServices[i]
		all[Object{KindNLBService, client.ObjectKeyFromObject(object)}] = object
	}
	for i := range r.seen.Services {
		object := &r.seen.Services[i]
		all[Object{KindService, client.ObjectKeyFromObject(object)}] = object
	}
	return all
}

func (r *reckoning) find(object Object) client.Object { return r.all()[object] }

// unserved has to say why.
func (r *reckoning) unserved(object Object) {
	is := r.find(object)
	if is == nil {
		return // said already
	}
	for _, condition := range conditionsOf(is) {
		if condition.Status == metav1.ConditionFalse && condition.Reason != "" && condition.Message != "" && condition.ObservedGeneration == is.GetGeneration() {
			return
		}
	}
	r.say("%s isn't served and doesn't say why: %s", object, told(is))
}

// ready has to be said of what is served.
func (r *reckoning) ready(object Object, is client.Object) {
	kind := v1alpha1.ConditionReady
	if object.Kind == KindService {
		kind = v1alpha1.ServiceConditionProgrammed
	}
	condition := meta.FindStatusCondition(conditionsOf(is), kind)
	if condition == nil || condition.Status != metav1.ConditionTrue || condition.ObservedGeneration != is.GetGeneration() {
		r.say("%s isn't %s: %s", object, kind, told(is))
	}
}

func told(object client.Object) string {
	text := fmt.Sprintf("generation %d", object.GetGeneration())
	for _, c := range conditionsOf(object) {
		text += fmt.Sprintf(", %s %s/%s of %d: %s", c.Type, c.Status, c.Reason, c.ObservedGeneration, c.Message)
	}
	return text
}
