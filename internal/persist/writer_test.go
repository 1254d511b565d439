package persist

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestWriterAmong(t *testing.T) {
	const (
		address   = `{"f:status":{"f:address":{}}}`
		ingress   = `{"f:status":{"f:loadBalancer":{"f:ingress":{}}}}`
		condition = `{"f:status":{"f:conditions":{"k:{\"type\":\"nlb.exoscale.com/Programmed\"}":{"f:message":{}}}}}`
		foreign   = `{"f:status":{"f:conditions":{".":{},"k:{\"type\":\"example.com/Checked\"}":{".":{}}}}}`
	)
	wrote := func(manager string, at int64, fields string) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{
			Manager: manager, Subresource: "status", Time: &metav1.Time{Time: time.Unix(at, 0)}, FieldsV1: metav1.NewFieldsV1(fields),
		}
	}
	spec := wrote("kubectl", 9, address)
	spec.Subresource = ""
	ofService := []Part{{Field: "loadBalancer"}, {Field: "conditions", Types: "nlb.exoscale.com/"}}
	for name, test := range map[string]struct {
		parts    []Part
		entries  []metav1.ManagedFieldsEntry
		want     string
		overOurs bool
	}{
		"nobody": {},
		"the operator, by the name of its program":  {entries: []metav1.ManagedFieldsEntry{wrote(ownManagers[1], 1, address)}},
		"the operator, by the name that it gives":   {entries: []metav1.ManagedFieldsEntry{wrote(ownManagers[0], 1, address)}},
		"another, who alone wrote":                  {entries: []metav1.ManagedFieldsEntry{wrote("theirs", 1, address)}, want: "theirs"},
		"another after the operator":                {entries: []metav1.ManagedFieldsEntry{wrote(ownManagers[1], 1, address), wrote("theirs", 2, address)}, want: "theirs", overOurs: true},
		"another in the same second":                {entries: []metav1.ManagedFieldsEntry{wrote("theirs", 1, address), wrote(ownManagers[1], 1, address)}, want: "theirs", overOurs: true},
		"another before the operator":               {entries: []metav1.ManagedFieldsEntry{wrote("theirs", 1, address), wrote(ownManagers[1], 2, address)}},
		"the later one of two":                      {entries: []metav1.ManagedFieldsEntry{wrote("theirs", 3, address), wrote("earlier", 2, address), wrote(ownManagers[1], 1, address)}, want: "theirs", overOurs: true},
		"another wrote the spec":                    {entries: []metav1.ManagedFieldsEntry{wrote(ownManagers[1], 1, address), spec}},
		"another wrote the address of a Service":    {parts: ofService, entries: []metav1.ManagedFieldsEntry{wrote("theirs", 1, ingress)}, want: "theirs"},
		"another wrote a condition of the operator": {parts: ofService, entries: []metav1.ManagedFieldsEntry{wrote(ownManagers[1], 1, ingress), wrote("theirs", 2, condition)}, want: "theirs", overOurs: true},
		"another wrote a condition of its own":      {parts: ofService, entries: []metav1.ManagedFieldsEntry{wrote(ownManagers[1], 1, ingress), wrote("theirs", 2, foreign)}},
		"what can't be read":                        {parts: ofService, entries: []metav1.ManagedFieldsEntry{wrote("theirs", 1, `{"f:status":[]}`), wrote("theirs", 1, `{"f:status":{"f:conditions":{"k:{":{}}}}`)}},
	} {
		t.Run(name, func(t *testing.T) {
			want := test.want
			if want != "" {
				want = "field manager " + want
			}
			got, overOurs := writerAmong(test.entries, test.parts)
			if got != want || overOurs != test.overOurs {
				t.Errorf("%q, over ours: %t", got, overOurs)
			}
		})
	}
}
