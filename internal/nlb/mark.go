package nlb

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// Exoscale keeps no labels of services, so the operator leaves a mark at the end of
// the description of each service that it adds:
//
//	<the user's description> [nlb.exoscale.com/<cluster>-<owner>]
//
// Both are hashes: of the cluster's id, and of namespace and name of the NLBService.
// By its mark a service is found again after the statuses are lost, and told from
// those of other clusters, whose names may look the same.

// maxDescriptionLength is the longest description of a service at Exoscale.
const maxDescriptionLength = 255

// MarkStart begins every mark. In what users write it is refused.
const MarkStart = "[" + v1alpha1.Prefix

const (
	clusterDigits = 12
	ownerDigits   = 16
)

var markPattern = regexp.MustCompile(`(?:^| )\[` + regexp.QuoteMeta(v1alpha1.Prefix) + `([0-9a-f]{12})-([0-9a-f]{16})\]$`)

// Mark tells which cluster added a service, and for which NLBService. The zero value
// is of a service that bears none.
type Mark struct{ Cluster, Owner string }

// MarkOf is the mark of the services of an NLBService.
func MarkOf(cluster, namespace, name string) Mark {
	return Mark{Cluster: digest(cluster, clusterDigits), Owner: MarkOwner(namespace, name)}
}

// MarkOwner is the part of a mark that names an NLBService.
func MarkOwner(namespace, name string) string { return digest(namespace+"/"+name, ownerDigits) }

func digest(text string, digits int) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])[:digits]
}

// OfCluster reports whether a service was added by a cluster.
func (m Mark) OfCluster(cluster string) bool {
	return m.Cluster != "" && m.Cluster == digest(cluster, clusterDigits)
}

func (m Mark) String() string { return MarkStart + m.Cluster + "-" + m.Owner + "]" }

// Marked is a description with a mark. One that leaves no room for a mark stays as
// it is: what the user wrote comes first.
func Marked(description string, mark Mark) string {
	if mark == (Mark{}) {
		return description
	}
	marked := strings.TrimLeft(description+" "+mark.String(), " ")
	if len(marked) > maxDescriptionLength {
		return description
	}
	return marked
}

// ClaimsMark reports whether a description holds what begins a mark.
func ClaimsMark(description string) bool { return strings.Contains(description, MarkStart) }

// RefusedDescription says why a service may not be described as a user writes; empty
// if it may. What the object's own service is described by already goes on: it is older
// than this rule.
func RefusedDescription(description string, own *Service) string {
	if !ClaimsMark(description) {
		return ""
	}
	if own != nil {
		if text, _ := SplitMark(own.Description); text == description || own.Description == description {
			return ""
		}
	}
	return "spec.description must not contain " + MarkStart + ": so begins the mark that the operator leaves there itself; take it out"
}

// SplitMark takes a description apart.
func SplitMark(description string) (text string, mark Mark) {
	found := markPattern.FindStringSubmatchIndex(description)
	if found == nil {
		return description, Mark{}
	}
	return description[:found[0]], Mark{Cluster: description[found[2]:found[3]], Owner: description[found[4]:found[5]]}
}

// Mark is the mark that a service bears.
func (s Service) Mark() Mark {
	_, mark := SplitMark(s.Description)
	return mark
}
