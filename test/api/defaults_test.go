package api

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

func TestDefaults(t *testing.T) {
	const service = `
loadBalancerRef: {name: edge}
port: 443
targetPort: 30443
target: {instancePoolName: workers}
strategy: RoundRobin
protocol: TCP
`
	for name, test := range map[string]struct{ manifest, edit, spec string }{
		"a NetworkLoadBalancer without a spec": {leastLoadBalancer, ``, `{managementPolicy: Managed, allowedNamespaces: {from: Same, eviction: Never}}`},
		"one with an empty spec":               {leastLoadBalancer, `spec: {}`, `{managementPolicy: Managed, allowedNamespaces: {from: Same, eviction: Never}}`},
		"one that allows namespaces":           {leastLoadBalancer, `spec: {allowedNamespaces: {}}`, `{managementPolicy: Managed, allowedNamespaces: {from: Same, eviction: Never}}`},
		"one that allows all":                  {leastLoadBalancer, `spec: {allowedNamespaces: {from: All}}`, `{managementPolicy: Managed, allowedNamespaces: {from: All, eviction: Never}}`},
		"one that is External":                 {leastLoadBalancer, `spec: {managementPolicy: External, name: edge}`, `{managementPolicy: External, name: edge, allowedNamespaces: {from: Same, eviction: Never}}`},
		"an NLBService's health check":         {leastService, ``, service + `healthCheck: {mode: TCP, interval: 10s, timeout: 5s, retries: 1}`},
		"an empty health check":                {leastService, `spec: {healthCheck: {}}`, service + `healthCheck: {mode: TCP, interval: 10s, timeout: 5s, retries: 1}`},
		"a health check's mode alone":          {leastService, `spec: {healthCheck: {mode: HTTP}}`, service + `healthCheck: {mode: HTTP, interval: 10s, timeout: 5s, retries: 1}`},
		"a health check's interval alone":      {leastService, `spec: {healthCheck: {interval: 5s}}`, service + `healthCheck: {mode: TCP, interval: 5s, timeout: 5s, retries: 1}`},
		"a health check without interval":      {leastService, `spec: {healthCheck: {mode: HTTPS, timeout: 2s, retries: 9, port: 1, path: /}}`, service + `healthCheck: {mode: HTTPS, interval: 10s, timeout: 2s, retries: 9, port: 1, path: /}`},
		"a NodeIdentity has none":              {leastNodeIdentity, ``, `{instanceID: ` + someID + `, zone: ch-gva-2, hostname: worker-1}`},
	} {
		t.Run(name, func(t *testing.T) {
			o := object(t, test.manifest, test.edit)
			if err := strict.Create(t.Context(), o, client.DryRunAll); err != nil {
				t.Fatal(err)
			}
			var want any
			if err := yaml.Unmarshal([]byte(test.spec), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(text(t, want), text(t, o.Object["spec"])); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// A fresh object must not read as one whose current generation was looked at.
func TestAFreshObjectWasNotObserved(t *testing.T) {
	for name, test := range map[string]struct{ manifest, status string }{
		"NetworkLoadBalancer": {leastLoadBalancer, `{observedGeneration: -1, serviceCount: 0}`},
		"NLBService":          {leastService, `{observedGeneration: -1}`},
		"NodeIdentity":        {leastNodeIdentity, `{observedGeneration: -1}`},
	} {
		t.Run(name, func(t *testing.T) {
			// What a user says of the status isn't heard.
			o := made(t, test.manifest, `status: {observedGeneration: 7}`)
			var want any
			if err := yaml.Unmarshal([]byte(test.status), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(text(t, want), text(t, stored(t, o).Object["status"])); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func text(t *testing.T, value any) string {
	t.Helper()
	out, err := yaml.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
