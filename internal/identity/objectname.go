package identity

import (
	"fmt"
	"iter"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// refusedSuffix ends the names of the NodeIdentities of refused Nodes.
const refusedSuffix = ".refused"

// nameFor keeps the name that the NodeIdentity has; a new one is called like its
// instance, and told from others of that name by the id.
func (b binder) nameFor(bound Binding) string {
	if bound.Known != nil {
		return bound.Known.Name
	}
	name := objectName(bound.Hostname())
	if name != "" && len(b.bearers[bound.Hostname()]) <= 1 && b.isFree(name) {
		b.given[name] = true
		return name
	}
	stem := name + "-"
	if name == "" {
		stem = ""
	}
	for tag := range tags(bound.InstanceID) {
		if name := joined(stem, tag); b.isFree(name) {
			b.given[name] = true
			return name
		}
	}
	panic("unreachable: there is always another tag")
}

// refusedAs is the NodeIdentity of a Node that is refused as an instance, or nil,
// and what that is called, or to be called.
func (b binder) refusedAs(id string, node *corev1.Node) (known *v1alpha1.NodeIdentity, name string) {
	stem := node.Name + "."
	if node.Name == "" {
		stem = ""
	}
	for tag := range tags(id) {
		name = joined(stem, tag+refusedSuffix)
		known = b.named[name]
		if known == nil && b.isFree(name) || known != nil && refused(known) && known.Spec.InstanceID == id && !b.given[name] {
			break
		}
	}
	b.given[name] = true
	return known, name
}

func (b binder) isFree(name string) bool { return b.named[name] == nil && !b.given[name] }

// tags tell objects of one name apart: by the beginning of the id, by all of it,
// and by a number beside it.
func tags(id string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if !yield(id[:8]) || !yield(id) {
			return
		}
		for n := 2; yield(fmt.Sprintf("%s-%d", id, n)); n++ {
		}
	}
}

// joined cuts the stem, so that the whole is no longer than a name may be.
func joined(stem, end string) string {
	if stem == "" || len(stem)+len(end) <= validation.DNS1123SubdomainMaxLength {
		return stem + end
	}
	last := stem[len(stem)-1:]
	return strings.TrimRight(upTo(validation.DNS1123SubdomainMaxLength-len(end)-len(last), stem), "-.") + last + end
}

// upTo is the beginning of a text, of so many bytes at most.
func upTo(longest int, text string) string {
	if len(text) <= longest {
		return text
	}
	return strings.ToValidUTF8(text[:longest], "")
}

// objectName makes a name for an object of the API server out of an instance's;
// empty if none can be made. Names of refused Nodes aren't given away.
func objectName(name string) string {
	name = strings.ToLower(name)
	if len(validation.IsDNS1123Subdomain(name)) > 0 || strings.HasSuffix(name, refusedSuffix) {
		return ""
	}
	return name
}
