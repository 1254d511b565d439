package api

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"
)

// givenOneOfEach makes an object of each kind, in a state that people look at.
func givenOneOfEach(t *testing.T) {
	t.Helper()
	ready := func(status, reason string) string {
		return fmt.Sprintf(`conditions: [{type: Ready, status: "%s", reason: %s, message: m, lastTransitionTime: %s}]`, status, reason, at)
	}
	for _, one := range []struct{ manifest, edit, status string }{
		{leastLoadBalancer, `metadata: {name: edge}`, `{id: ` + someID + `, address: 192.0.2.10, zone: ch-gva-2, state: running, serviceCount: 1, ` + ready("True", "Ready") + `}`},
		{leastLoadBalancer, `metadata: {name: fresh}`, ``},
		{leastService, `metadata: {name: edge-https}`, `{id: ` + otherID + `, address: 192.0.2.10, instancePoolName: workers, health: 2/3, ` + ready("False", "Updating") + `}`},
		{leastNodeIdentity, `metadata: {name: worker-1}`, `{instancePoolName: workers, sksNodepool: prod/ingress, instanceState: running, instanceType: standard.medium, nodeName: worker-1, conditions: [{type: Verified, status: "True", reason: Verified, message: m, lastTransitionTime: ` + at + `}]}`},
	} {
		o := made(t, one.manifest, one.edit)
		if one.status == "" {
			continue
		}
		if err := patchStatus(t, o, `status: `+one.status); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheTablesOfKubectl(t *testing.T) {
	givenOneOfEach(t)
	for command, want := range map[string]string{
		"get nlb": `
NAME    ADDRESS      STATE     SERVICES   READY   REASON   AGE
edge    192.0.2.10   running   1          True    Ready    AGE
fresh                          0                           AGE
`,
		"get nlb -o wide": `
NAME    ADDRESS      STATE     SERVICES   READY   REASON   AGE   ZONE       ID
edge    192.0.2.10   running   1          True    Ready    AGE   ch-gva-2   3f9b3f5e-6a0a-4b3c-9a52-0d7c2a1f0001
fresh                          0                           AGE
`,
		"get nlbsvc": `
NAME         LOADBALANCER   PORT   PROTOCOL   POOL      HEALTHY   READY   REASON     AGE
edge-https   edge           443    TCP        workers   2/3       False   Updating   AGE
`,
		"get nlbsvc -o wide": `
NAME         LOADBALANCER   PORT   PROTOCOL   POOL      HEALTHY   READY   REASON     AGE   TARGET-PORT   PROBED-AT   ADDRESS      ID
edge-https   edge           443    TCP        workers   2/3       False   Updating   AGE   30443                     192.0.2.10   00000000-6a0a-4b3c-9a52-0d7c2a1f0002
`,
		"get nodeid": `
NAME       INSTANCE                               POOL      ZONE       VERIFIED   REASON     NODE       AGE
worker-1   3f9b3f5e-6a0a-4b3c-9a52-0d7c2a1f0001   workers   ch-gva-2   True       Verified   worker-1   AGE
`,
		"get nodeid -o wide": `
NAME       INSTANCE                               POOL      ZONE       VERIFIED   REASON     NODE       AGE   STATE     TYPE              SKS-NODEPOOL
worker-1   3f9b3f5e-6a0a-4b3c-9a52-0d7c2a1f0001   workers   ch-gva-2   True       Verified   worker-1   AGE   running   standard.medium   prod/ingress
`,
		"get exoscale -o name": `
networkloadbalancer.nlb.exoscale.com/edge
networkloadbalancer.nlb.exoscale.com/fresh
nlbservice.nlb.exoscale.com/edge-https
nodeidentity.nlb.exoscale.com/worker-1
`,
	} {
		t.Run(command, func(t *testing.T) {
			if diff := cmp.Diff(want, "\n"+timeless(kubectl(t, strings.Fields(command)...))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

var (
	age      = regexp.MustCompile(`\b[0-9]+(m[0-9]+)?s\b *`)
	heading  = regexp.MustCompile(`AGE +`)
	atTheEnd = regexp.MustCompile(`(?m) +$`)
)

// timeless is a table whatever the ages in it are.
func timeless(table string) string {
	table = age.ReplaceAllString(table, "AGE   ")
	table = heading.ReplaceAllString(table, "AGE   ")
	return atTheEnd.ReplaceAllString(table, "")
}

func TestKubectlExplainsEveryField(t *testing.T) {
	for kind, crd := range definitions(t) {
		for _, part := range []string{"spec", "status"} {
			path := crd.Spec.Names.ShortNames[0] + "." + part
			said := explained(t, path)
			if strings.Contains(said, "<no description>") {
				t.Errorf("kubectl explain %s:\n%s", path, said)
			}
			for name := range crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties[part].Properties {
				if !strings.Contains(said, "\n  "+name+"\t<") {
					t.Errorf("kubectl explain %s says nothing of %s.%s.%s", path, kind, part, name)
				}
			}
		}
	}
}

// explained is what kubectl says of a field, once the API server has published
// what it knows of the kind.
func explained(t *testing.T, path string) string {
	t.Helper()
	var said string
	NewWithT(t).Eventually(func() (err error) {
		said, err = tryKubectl(t.Context(), "explain", path)
		return err
	}, time.Minute, 100*time.Millisecond).Should(Succeed())
	return said
}
