package api

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// change is an edit of an object that was made by another, and the sentence with
// which the API server refuses it; empty if it doesn't.
type change struct{ before, edit, refused string }

const otherID = "00000000-6a0a-4b3c-9a52-0d7c2a1f0002"

func TestNetworkLoadBalancersAtAChange(t *testing.T) {
	const (
		zoneStays = "spec.zone: Forbidden: zone can't be changed, set later or removed, since an NLB stays in its zone; create a new NetworkLoadBalancer instead"
		idStays   = "spec.id: Forbidden: id can't be changed or removed while that NLB is this object's, or before the operator has looked; create a new NetworkLoadBalancer instead"
		policy    = "spec.managementPolicy: Forbidden: managementPolicy can't be changed; create a new NetworkLoadBalancer instead"
	)
	edit(t, leastLoadBalancer, map[string]change{
		"nothing":                         {``, ``, ``},
		"the zone":                        {`spec: {zone: ch-gva-2}`, `spec: {zone: ch-dk-2}`, zoneStays},
		"the zone, set later":             {``, `spec: {zone: ch-gva-2}`, zoneStays},
		"the zone, removed":               {`spec: {zone: ch-gva-2}`, `spec: {zone: null}`, zoneStays},
		"the zone, removed with the spec": {`spec: {zone: ch-gva-2}`, `spec: null`, zoneStays},
		"the zone, emptied":               {`spec: {zone: ch-gva-2}`, `spec: {zone: ""}`, zoneStays + "\n" + `spec.zone: Invalid value: "": zone must be the name of an Exoscale zone in lower case, e.g. ch-gva-2`},
		"anything but the zone":           {`spec: {zone: ch-gva-2}`, `spec: {name: edge, description: entry, labels: {team: shop}, deletionPolicy: Retain, allowedNamespaces: {from: All}}`, ``},
		"the id, set later":               {``, `spec: {id: ` + someID + `}`, ``},
		"the id":                          {`spec: {id: ` + someID + `}`, `spec: {id: ` + otherID + `}`, idStays},
		"the id, removed":                 {`spec: {id: ` + someID + `}`, `spec: {id: null}`, idStays},
		"the id, removed with the spec":   {`spec: {id: ` + someID + `}`, `spec: null`, idStays},
		"anything but the id":             {`spec: {id: ` + someID + `}`, `spec: {name: edge}`, ``},
		"the name":                        {`spec: {name: edge}`, `spec: {name: entry}`, ``},
		"the name, removed":               {`spec: {name: edge}`, `spec: {name: null}`, ``},
		"the labels, removed":             {`spec: {labels: {team: shop}}`, `spec: {labels: null}`, ``},
		"a reserved label, added":         {`spec: {labels: {team: shop}}`, `spec: {labels: {nlb.exoscale.com/cluster: c}}`, `spec.labels: Invalid value: labels that begin with nlb.exoscale.com/ are reserved for the operator`},
		"to External":                     {`spec: {id: ` + someID + `}`, `spec: {managementPolicy: External}`, policy},
		"to External by nothing":          {``, `spec: {managementPolicy: External}`, `spec.id: Required value: managementPolicy External needs the id or the name of an existing NLB` + "\n" + policy},
		"to External with a deletion":     {`spec: {name: edge, deletionPolicy: Delete}`, `spec: {managementPolicy: External}`, `spec.deletionPolicy: Forbidden: an External NLB is never deleted: leave deletionPolicy out or set it to Retain` + "\n" + policy},
		"to Managed":                      {`spec: {managementPolicy: External, name: edge}`, `spec: {managementPolicy: Managed, deletionPolicy: Delete}`, policy},
		"to Managed by its default":       {`spec: {managementPolicy: External, name: edge}`, `spec: {managementPolicy: null}`, policy},
		"to Managed with the spec":        {`spec: {managementPolicy: External, name: edge}`, `spec: null`, policy},
		"Managed, said explicitly":        {``, `spec: {managementPolicy: Managed}`, ``},
		"Managed, left out":               {`spec: {managementPolicy: Managed}`, `spec: {managementPolicy: null}`, ``},
		"anything but External":           {`spec: {managementPolicy: External, name: edge}`, `spec: {name: entry, id: ` + someID + `, deletionPolicy: Retain}`, ``},
		"the name that External goes by":  {`spec: {managementPolicy: External, name: edge}`, `spec: {name: null}`, `spec.id: Required value: managementPolicy External needs the id or the name of an existing NLB`},
		"the selector, left behind":       {`spec: {allowedNamespaces: {from: Selector, selector: {}}}`, `spec: {allowedNamespaces: {from: All}}`, `spec.allowedNamespaces.selector: Forbidden: selector is allowed only with from: Selector`},
		"the selector, removed":           {`spec: {allowedNamespaces: {from: Selector, selector: {}}}`, `spec: {allowedNamespaces: {from: Same, selector: null}}`, ``},
	})
}

func TestNLBServicesAtAChange(t *testing.T) {
	const (
		refStays      = "spec.loadBalancerRef: Forbidden: loadBalancerRef can't be changed; create a new NLBService instead"
		portStays     = "spec.port: Forbidden: port can't be changed; create a new NLBService instead"
		protocolStays = "spec.protocol: Forbidden: protocol can't be changed; create a new NLBService instead"
	)
	edit(t, leastService, map[string]change{
		"nothing":                       {``, ``, ``},
		"the reference's name":          {``, `spec: {loadBalancerRef: {name: other}}`, refStays},
		"the reference's namespace":     {`spec: {loadBalancerRef: {namespace: shop}}`, `spec: {loadBalancerRef: {namespace: bank}}`, refStays},
		"its namespace, set later":      {``, `spec: {loadBalancerRef: {namespace: default}}`, refStays},
		"its namespace, removed":        {`spec: {loadBalancerRef: {namespace: shop}}`, `spec: {loadBalancerRef: {namespace: null}}`, refStays},
		"the port":                      {``, `spec: {port: 444}`, portStays},
		"the protocol":                  {``, `spec: {protocol: UDP}`, protocolStays},
		"the protocol, to its default":  {`spec: {protocol: UDP}`, `spec: {protocol: null}`, protocolStays},
		"the protocol, said explicitly": {``, `spec: {protocol: TCP}`, ``},
		"all that can't be":             {``, `spec: {loadBalancerRef: {name: other}, port: 444, protocol: UDP}`, refStays + "\n" + portStays + "\n" + protocolStays},
		"the rest":                      {``, `spec: {targetPort: 1, name: web, description: shop, strategy: SourceHash, healthCheck: {mode: HTTP, path: /, port: 2, interval: 20s, timeout: 20s, retries: 20}}`, ``},
		"the target":                    {``, `spec: {target: {instancePoolName: null, nodeSelector: {}}}`, ``},
		"the target, one more":          {``, `spec: {target: {nodeSelector: {}}}`, `spec.target: Invalid value: exactly one of instancePoolID, instancePoolName, sksNodepool and nodeSelector must be set`},
		"the mode, with its path":       {`spec: {healthCheck: {mode: HTTP, path: /}}`, `spec: {healthCheck: {mode: TCP, path: null}}`, ``},
		"the mode, without its path":    {`spec: {healthCheck: {mode: HTTP, path: /}}`, `spec: {healthCheck: {mode: TCP}}`, `spec.healthCheck.path: Forbidden: path is allowed only with mode HTTP or HTTPS`},
		"the health check, removed":     {`spec: {healthCheck: {mode: HTTP, path: /}}`, `spec: {healthCheck: null}`, ``},
		"the interval, below the rest":  {`spec: {healthCheck: {interval: 20s, timeout: 15s}}`, `spec: {healthCheck: {interval: 10s}}`, `spec.healthCheck.timeout: Invalid value: timeout 15s must not be longer than interval 10s`},
	})
}

func TestNodeIdentitiesAtAChange(t *testing.T) {
	edit(t, leastNodeIdentity, map[string]change{
		"the instance": {``, `spec: {instanceID: ` + otherID + `}`, `spec.instanceID: Forbidden: instanceID can't be changed; the operator makes a new NodeIdentity for another instance`},
		"the zone":     {``, `spec: {zone: ch-dk-2}`, `spec.zone: Forbidden: zone can't be changed, since an instance stays in its zone`},
		"the hostname": {``, `spec: {hostname: worker-2}`, ``},
	})
}

// edit makes an object of a manifest as it was before each change, and tries that.
func edit(t *testing.T, manifest string, changes map[string]change) {
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			o := made(t, manifest, change.before)
			err := patch(t, strict, o, change.edit, client.DryRunAll)
			if diff := cmp.Diff(change.refused, refusal(t, err)); diff != "" {
				t.Errorf("from %s by %s\n(-want +got)\n%s", change.before, change.edit, diff)
			}
		})
	}
}

// patch applies a merge patch that is written in YAML.
func patch(t *testing.T, c client.Client, o *unstructured.Unstructured, edit string, options ...client.PatchOption) error {
	t.Helper()
	if edit == "" {
		edit = "{}"
	}
	data, err := yaml.YAMLToJSON([]byte(edit))
	if err != nil {
		t.Fatal(err)
	}
	return c.Patch(t.Context(), o, client.RawPatch(types.MergePatchType, data), options...)
}
