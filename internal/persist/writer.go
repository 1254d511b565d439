package persist

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/internal/projection"
)

// Unnamed stands for a program of which the API server doesn't know the name: one that
// only removed something, for example.
const Unnamed = "another program"

// Part is a field of a status, or of a list of conditions those whose type has a prefix.
type Part struct{ Field, Types string }

// ownManagers are the field managers of the operator: the one that it names, and the one
// that the API server takes from the name of its program.
var ownManagers = func() [2]string {
	program, _, _ := strings.Cut(rest.DefaultKubernetesUserAgent(), "/")
	return [2]string{projection.FieldOwner, program}
}()

// foreignWriter names the program that wrote parts of the status of an object after the
// operator did, by its field manager; empty if none is known to. overOurs reports that
// the operator has written something there before.
func (t *Told[T]) foreignWriter(ctx context.Context, object T, parts []Part) (writer string, overOurs bool) {
	fresh := clone(object)
	if err := t.reader.Get(ctx, client.ObjectKeyFromObject(object), fresh); err != nil {
		return "", false
	}
	return writerAmong(fresh.GetManagedFields(), parts)
}

func writerAmong(entries []metav1.ManagedFieldsEntry, parts []Part) (writer string, overOurs bool) {
	latest, ours := time.Time{}, false
	for _, entry := range entries {
		if entry.Subresource != "status" || entry.FieldsV1 == nil || entry.Time == nil {
			continue
		}
		own := slices.Contains(ownManagers[:], entry.Manager)
		ours = ours || own
		switch {
		case entry.Time.Time.Before(latest):
		case own && entry.Time.After(latest):
			writer, latest = "", entry.Time.Time
		case !own && owns(entry.FieldsV1.GetRawBytes(), parts):
			writer, latest = "field manager "+entry.Manager, entry.Time.Time
		}
	}
	return writer, ours && writer != ""
}

// owns reports whether managed fields have one of the parts, or anything of the status.
func owns(fields []byte, parts []Part) bool {
	var root struct {
		Status map[string]json.RawMessage `json:"f:status"`
	}
	if json.Unmarshal(fields, &root) != nil {
		return false
	}
	if len(parts) == 0 {
		return len(root.Status) > 0
	}
	for _, part := range parts {
		inside, is := root.Status["f:"+part.Field]
		if is && (part.Types == "" || ownsType(inside, part.Types)) {
			return true
		}
	}
	return false
}

// ownsType reports whether managed fields of a list of conditions have a type with a prefix.
func ownsType(list json.RawMessage, prefix string) bool {
	var items map[string]json.RawMessage
	if json.Unmarshal(list, &items) != nil {
		return false
	}
	for item := range items {
		var key struct{ Type string }
		selector, is := strings.CutPrefix(item, "k:")
		if is && json.Unmarshal([]byte(selector), &key) == nil && strings.HasPrefix(key.Type, prefix) {
			return true
		}
	}
	return false
}
