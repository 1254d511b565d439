package api

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// trial is an edit of the least manifest of a kind, and the sentence with which
// the API server refuses it; empty if it doesn't.
type trial struct{ edit, refused string }

const someID = "3f9b3f5e-6a0a-4b3c-9a52-0d7c2a1f0001"

// long is so many characters, some of which take more than a byte.
func long(characters int) string {
	return strings.Repeat("é", characters/2) + strings.Repeat("a", characters-characters/2)
}

func labels(n int) string {
	var list []string
	for i := range n {
		list = append(list, "k"+strings.Repeat("x", i)+": v")
	}
	return "spec: {labels: {" + strings.Join(list, ", ") + "}}"
}

func TestNetworkLoadBalancersAtCreation(t *testing.T) {
	const (
		badZone     = "zone must be the name of an Exoscale zone in lower case, e.g. ch-gva-2"
		badID       = "id must be the id of an NLB at Exoscale, a UUID in lower case: 8-4-4-4-12 digits of 0-9 and a-f"
		badSelector = "spec.allowedNamespaces.selector: Invalid value: the operator of a matchExpression must be In or NotIn, with values, or Exists or DoesNotExist, without"
		badLabel    = "spec.labels: Invalid value: a label's key has 1-255 characters, its value up to 255"
		reserved    = "spec.labels: Invalid value: labels that begin with nlb.exoscale.com/ are reserved for the operator"
	)
	try(t, leastLoadBalancer, map[string]trial{
		"a spec isn't needed":      {``, ``},
		"an empty spec":            {`spec: {}`, ``},
		"an unknown field":         {`spec: {colour: red}`, `NetworkLoadBalancer in version "v1alpha1" cannot be handled as a NetworkLoadBalancer: strict decoding error: unknown field "spec.colour"`},
		"everything about itself":  {`spec: {zone: de-fra-1, name: edge, description: entry, labels: {team: shop}, id: ` + someID + `, deletionPolicy: Retain, managementPolicy: Managed}`, ``},
		"a zone":                   {`spec: {zone: ch-gva-2}`, ``},
		"a zone to come":           {`spec: {zone: x}`, ``},
		"a zone in upper case":     {`spec: {zone: CH-GVA-2}`, `spec.zone: Invalid value: "CH-GVA-2": ` + badZone},
		"a zone with a space":      {`spec: {zone: "ch-gva-2 "}`, `spec.zone: Invalid value: "ch-gva-2 ": ` + badZone},
		"a zone with a dot":        {`spec: {zone: ch-gva-2.evil.example}`, `spec.zone: Invalid value: "ch-gva-2.evil.example": ` + badZone},
		"a zone that ends so":      {`spec: {zone: ch-}`, `spec.zone: Invalid value: "ch-": ` + badZone},
		"an empty zone":            {`spec: {zone: ""}`, `spec.zone: Invalid value: "": ` + badZone},
		"the longest zone":         {`spec: {zone: ` + strings.Repeat("a", 63) + `}`, ``},
		"too long a zone":          {`spec: {zone: ` + strings.Repeat("a", 64) + `}`, `spec.zone: Too long: may not be more than 63 bytes`},
		"a zone that is no text":   {`spec: {zone: 2}`, `spec.zone: Invalid value: "integer": spec.zone in body must be of type string: "integer"`},
		"the longest name":         {`spec: {name: ` + long(255) + `}`, ``},
		"too long a name":          {`spec: {name: ` + long(256) + `}`, `spec.name: Too long: may not be more than 255 bytes`},
		"an empty name":            {`spec: {name: ""}`, `spec.name: Invalid value: "": spec.name in body should be at least 1 chars long`},
		"the longest description":  {`spec: {description: ` + long(255) + `}`, ``},
		"too long a description":   {`spec: {description: ` + long(256) + `}`, `spec.description: Too long: may not be more than 255 bytes`},
		"an empty description":     {`spec: {description: ""}`, ``},
		"an id":                    {`spec: {id: ` + someID + `}`, ``},
		"an id in upper case":      {`spec: {id: ` + strings.ToUpper(someID) + `}`, `spec.id: Invalid value: "` + strings.ToUpper(someID) + `": ` + badID},
		"a name as id":             {`spec: {id: edge}`, `spec.id: Invalid value: "edge": ` + badID},
		"an empty id":              {`spec: {id: ""}`, `spec.id: Invalid value: "": ` + badID},
		"an id with more after it": {`spec: {id: ` + someID + `/service}`, `spec.id: Too long: may not be more than 36 bytes`},

		"50 labels":                     {labels(50), ``},
		"51 labels":                     {labels(51), `spec.labels: Too many: 51: must have at most 50 items`},
		"no labels":                     {`spec: {labels: {}}`, ``},
		"an empty label value":          {`spec: {labels: {team: ""}}`, ``},
		"a label that isn't reserved":   {`spec: {labels: {nlb.exoscale.community/x: v, x-nlb.exoscale.com/x: v, nlb.exoscale.com: v}}`, ``},
		"the operator's own label":      {`spec: {labels: {nlb.exoscale.com/owner: a/b}}`, reserved},
		"consent isn't given to itself": {`spec: {labels: {nlb.exoscale.com/adopt: c/a/b}}`, reserved},
		"the reserved prefix alone":     {`spec: {labels: {nlb.exoscale.com/: v}}`, reserved},
		"an empty label key":            {`spec: {labels: {"": v}}`, badLabel},
		"the longest label":             {`spec: {labels: {` + long(255) + `: ` + long(255) + `}}`, ``},
		"too long a label key":          {`spec: {labels: {` + long(256) + `: v}}`, badLabel},
		"too long a label value":        {`spec: {labels: {team: ` + long(256) + `}}`, badLabel},
		"a label value that is no text": {`spec: {labels: {team: 1}}`, `spec.labels.team: Invalid value: "integer": spec.labels.team in body must be of type string: "integer"`},

		"an unknown managementPolicy":      {`spec: {managementPolicy: managed}`, `spec.managementPolicy: Unsupported value: "managed": supported values: "Managed", "External"`},
		"an unknown deletionPolicy":        {`spec: {deletionPolicy: Keep}`, `spec.deletionPolicy: Unsupported value: "Keep": supported values: "Delete", "Retain"`},
		"External by id":                   {`spec: {managementPolicy: External, id: ` + someID + `}`, ``},
		"External by name":                 {`spec: {managementPolicy: External, name: edge}`, ``},
		"External by nothing":              {`spec: {managementPolicy: External}`, `spec.id: Required value: managementPolicy External needs the id or the name of an existing NLB`},
		"External, to be retained":         {`spec: {managementPolicy: External, name: edge, deletionPolicy: Retain}`, ``},
		"External, to be deleted":          {`spec: {managementPolicy: External, name: edge, deletionPolicy: Delete}`, `spec.deletionPolicy: Forbidden: an External NLB is never deleted: leave deletionPolicy out or set it to Retain`},
		"External, to be described":        {`spec: {managementPolicy: External, name: edge, description: mine}`, `spec.description: Forbidden: the description of an External NLB is never written: leave it out`},
		"External, to be labelled":         {`spec: {managementPolicy: External, name: edge, labels: {team: shop}}`, `spec.labels: Forbidden: the labels of an External NLB are never written: leave them out`},
		"External, with all that it can't": {`spec: {managementPolicy: External, labels: {team: shop}, description: mine}`, "spec.description: Forbidden: the description of an External NLB is never written: leave it out\nspec.id: Required value: managementPolicy External needs the id or the name of an existing NLB\nspec.labels: Forbidden: the labels of an External NLB are never written: leave them out"},

		"open to its namespace":            {`spec: {allowedNamespaces: {from: Same}}`, ``},
		"open to all":                      {`spec: {allowedNamespaces: {from: All}}`, ``},
		"open to nobody known":             {`spec: {allowedNamespaces: {from: None}}`, `spec.allowedNamespaces.from: Unsupported value: "None": supported values: "Same", "All", "Selector"`},
		"evicting who isn't admitted":      {`spec: {allowedNamespaces: {from: All, eviction: OnRevoke}}`, ``},
		"evicting as nobody knows":         {`spec: {allowedNamespaces: {eviction: Always}}`, `spec.allowedNamespaces.eviction: Unsupported value: "Always": supported values: "Never", "OnRevoke"`},
		"open to those selected":           {`spec: {allowedNamespaces: {from: Selector, selector: {matchLabels: {shop: "yes"}, matchExpressions: [{key: a, operator: In, values: [b]}, {key: c, operator: NotIn, values: [d]}, {key: e, operator: Exists}, {key: f, operator: DoesNotExist, values: []}]}}}`, ``},
		"a selector of every namespace":    {`spec: {allowedNamespaces: {from: Selector, selector: {}}}`, ``},
		"Selector without a selector":      {`spec: {allowedNamespaces: {from: Selector}}`, `spec.allowedNamespaces.selector: Required value: from: Selector needs the selector of the namespaces that may attach`},
		"a selector without from":          {`spec: {allowedNamespaces: {selector: {}}}`, `spec.allowedNamespaces.selector: Forbidden: selector is allowed only with from: Selector`},
		"a selector with from: All":        {`spec: {allowedNamespaces: {from: All, selector: {}}}`, `spec.allowedNamespaces.selector: Forbidden: selector is allowed only with from: Selector`},
		"a selector's unknown operator":    {`spec: {allowedNamespaces: {from: Selector, selector: {matchExpressions: [{key: a, operator: Equals, values: [b]}]}}}`, badSelector},
		"a selector of none of no values":  {`spec: {allowedNamespaces: {from: Selector, selector: {matchExpressions: [{key: a, operator: NotIn}]}}}`, badSelector},
		"a selector of one of no values":   {`spec: {allowedNamespaces: {from: Selector, selector: {matchExpressions: [{key: a, operator: In, values: []}]}}}`, badSelector},
		"a selector of existing values":    {`spec: {allowedNamespaces: {from: Selector, selector: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}}}`, badSelector},
		"a selector's operator is missing": {`spec: {allowedNamespaces: {from: Selector, selector: {matchExpressions: [{key: a}]}}}`, `spec.allowedNamespaces.selector.matchExpressions[0].operator: Required value`},
	})
}

func TestNLBServicesAtCreation(t *testing.T) {
	const (
		oneTarget   = "spec.target: Invalid value: exactly one of instancePoolID, instancePoolName, sksNodepool and nodeSelector must be set"
		marked      = "description must not contain [nlb.exoscale.com/: so begins the mark that the operator leaves there itself; take it out"
		badID       = "instancePoolID must be the id of an instance pool at Exoscale, a UUID in lower case: 8-4-4-4-12 digits of 0-9 and a-f"
		badSelector = "spec.target.nodeSelector: Invalid value: the operator of a matchExpression must be In or NotIn, with values, or Exists or DoesNotExist, without"
		badInterval = "interval must be whole seconds from 5s to 5m, e.g. 10s"
		badTimeout  = "timeout must be whole seconds from 2s to 1m, e.g. 5s"
		noPath      = "spec.healthCheck.path: Forbidden: path is allowed only with mode HTTP or HTTPS"
		noServer    = "spec.healthCheck.tlsServerName: Forbidden: tlsServerName is allowed only with mode HTTPS"
	)
	try(t, leastService, map[string]trial{
		"the least":            {``, ``},
		"no spec":              {`spec: null`, `spec: Required value`},
		"an unknown field":     {`spec: {targetport: 1}`, `NLBService in version "v1alpha1" cannot be handled as a NLBService: strict decoding error: unknown field "spec.targetport"`},
		"everything at once":   {`spec: {loadBalancerRef: {namespace: shop}, protocol: TCP, name: web, description: the shop, strategy: MaglevHash, healthCheck: {mode: HTTPS, port: 8443, path: /healthz, interval: 20s, timeout: 10s, retries: 3, tlsServerName: shop.example}}`, ``},
		"nothing that must be": {`spec: {loadBalancerRef: null, port: null, targetPort: null, target: null}`, "spec.loadBalancerRef: Required value\nspec.port: Required value\nspec.target: Required value\nspec.targetPort: Required value"},

		"a reference to nothing":             {`spec: {loadBalancerRef: {name: null}}`, `spec.loadBalancerRef.name: Required value`},
		"a reference to an empty name":       {`spec: {loadBalancerRef: {name: ""}}`, `spec.loadBalancerRef.name: Invalid value: "": spec.loadBalancerRef.name in body should be at least 1 chars long`},
		"a reference to the longest name":    {`spec: {loadBalancerRef: {name: ` + long(253) + `}}`, ``},
		"a reference to too long a name":     {`spec: {loadBalancerRef: {name: ` + long(254) + `}}`, `spec.loadBalancerRef.name: Too long: may not be more than 253 bytes`},
		"a reference into another namespace": {`spec: {loadBalancerRef: {namespace: shop}}`, ``},
		"a reference into no namespace":      {`spec: {loadBalancerRef: {namespace: ""}}`, `spec.loadBalancerRef.namespace: Invalid value: "": spec.loadBalancerRef.namespace in body should be at least 1 chars long`},
		"a reference into too long a one":    {`spec: {loadBalancerRef: {namespace: ` + long(64) + `}}`, `spec.loadBalancerRef.namespace: Too long: may not be more than 63 bytes`},

		"the first port":           {`spec: {port: 1, targetPort: 1}`, ``},
		"the last port":            {`spec: {port: 65535, targetPort: 65535}`, ``},
		"port 0":                   {`spec: {port: 0}`, `spec.port: Invalid value: 0: spec.port in body should be greater than or equal to 1`},
		"port 65536":               {`spec: {port: 65536}`, `spec.port: Invalid value: 65536: spec.port in body should be less than or equal to 65535`},
		"a port by name":           {`spec: {port: https}`, `spec.port: Invalid value: "string": spec.port in body must be of type integer: "string"`},
		"targetPort 0":             {`spec: {targetPort: 0}`, `spec.targetPort: Invalid value: 0: spec.targetPort in body should be greater than or equal to 1`},
		"targetPort 65536":         {`spec: {targetPort: 65536}`, `spec.targetPort: Invalid value: 65536: spec.targetPort in body should be less than or equal to 65535`},
		"UDP":                      {`spec: {protocol: UDP}`, ``},
		"a protocol an NLB lacks":  {`spec: {protocol: SCTP}`, `spec.protocol: Unsupported value: "SCTP": supported values: "TCP", "UDP"`},
		"a protocol in lower case": {`spec: {protocol: tcp}`, `spec.protocol: Unsupported value: "tcp": supported values: "TCP", "UDP"`},

		"the longest name":         {`spec: {name: ` + long(255) + `}`, ``},
		"too long a name":          {`spec: {name: ` + long(256) + `}`, `spec.name: Too long: may not be more than 255 bytes`},
		"an empty name":            {`spec: {name: ""}`, `spec.name: Invalid value: "": spec.name in body should be at least 1 chars long`},
		"the longest description":  {`spec: {description: ` + long(255) + `}`, ``},
		"too long a description":   {`spec: {description: ` + long(256) + `}`, `spec.description: Too long: may not be more than 255 bytes`},
		"a mark of the operator's": {`spec: {description: "shop [nlb.exoscale.com/0123456789ab-0123456789abcdef]"}`, `spec.description: Invalid value: "shop [nlb.exoscale.com/0123456789ab-0123456789abcdef]": ` + marked},
		"what begins like a mark":  {`spec: {description: "[nlb.exoscale.com/ and so on"}`, `spec.description: Invalid value: "[nlb.exoscale.com/ and so on": ` + marked},
		"the operator's domain":    {`spec: {description: "see nlb.exoscale.com/ (or [nlb])"}`, ``},
		"by turns":                 {`spec: {strategy: RoundRobin}`, ``},
		"by the client's address":  {`spec: {strategy: SourceHash}`, ``},
		"by the flow's hash":       {`spec: {strategy: MaglevHash}`, ``},
		"an annotation's strategy": {`spec: {strategy: round-robin}`, `spec.strategy: Unsupported value: "round-robin": supported values: "RoundRobin", "SourceHash", "MaglevHash"`},

		"a pool by id":                     {`spec: {target: {instancePoolName: null, instancePoolID: ` + someID + `}}`, ``},
		"a pool by a name as id":           {`spec: {target: {instancePoolName: null, instancePoolID: workers}}`, `spec.target.instancePoolID: Invalid value: "workers": ` + badID},
		"a pool by an empty id":            {`spec: {target: {instancePoolName: null, instancePoolID: ""}}`, `spec.target.instancePoolID: Invalid value: "": ` + badID},
		"a pool by too long an id":         {`spec: {target: {instancePoolName: null, instancePoolID: ` + someID + `0}}`, `spec.target.instancePoolID: Too long: may not be more than 36 bytes`},
		"a pool by the longest name":       {`spec: {target: {instancePoolName: ` + long(255) + `}}`, ``},
		"a pool by too long a name":        {`spec: {target: {instancePoolName: ` + long(256) + `}}`, `spec.target.instancePoolName: Too long: may not be more than 255 bytes`},
		"a pool by an empty name":          {`spec: {target: {instancePoolName: ""}}`, `spec.target.instancePoolName: Invalid value: "": spec.target.instancePoolName in body should be at least 1 chars long`},
		"an SKS nodepool":                  {`spec: {target: {instancePoolName: null, sksNodepool: {cluster: production, nodepool: default}}}`, ``},
		"an SKS nodepool of no cluster":    {`spec: {target: {instancePoolName: null, sksNodepool: {nodepool: default}}}`, `spec.target.sksNodepool.cluster: Required value`},
		"an SKS cluster without nodepool":  {`spec: {target: {instancePoolName: null, sksNodepool: {cluster: production}}}`, `spec.target.sksNodepool.nodepool: Required value`},
		"an SKS nodepool of empty names":   {`spec: {target: {instancePoolName: null, sksNodepool: {cluster: "", nodepool: ""}}}`, "spec.target.sksNodepool.cluster: Invalid value: \"\": spec.target.sksNodepool.cluster in body should be at least 1 chars long\nspec.target.sksNodepool.nodepool: Invalid value: \"\": spec.target.sksNodepool.nodepool in body should be at least 1 chars long"},
		"an SKS nodepool of endless names": {`spec: {target: {instancePoolName: null, sksNodepool: {cluster: ` + long(256) + `, nodepool: ` + long(256) + `}}}`, "spec.target.sksNodepool.cluster: Too long: may not be more than 255 bytes\nspec.target.sksNodepool.nodepool: Too long: may not be more than 255 bytes"},
		"Nodes by label":                   {`spec: {target: {instancePoolName: null, nodeSelector: {matchLabels: {role: ingress}}}}`, ``},
		"every Node":                       {`spec: {target: {instancePoolName: null, nodeSelector: {}}}`, ``},
		"Nodes by an unknown operator":     {`spec: {target: {instancePoolName: null, nodeSelector: {matchExpressions: [{key: cpus, operator: Gt, values: ["4"]}]}}}`, badSelector},
		"no target":                        {`spec: {target: {instancePoolName: null}}`, oneTarget},
		"two targets":                      {`spec: {target: {instancePoolID: ` + someID + `}}`, oneTarget},
		"another two targets":              {`spec: {target: {nodeSelector: {}}}`, oneTarget},
		"four targets":                     {`spec: {target: {instancePoolID: ` + someID + `, sksNodepool: {cluster: a, nodepool: b}, nodeSelector: {}}}`, oneTarget},

		"probed by TCP":              {`spec: {healthCheck: {mode: TCP, port: 1}}`, ``},
		"probed by HTTP":             {`spec: {healthCheck: {mode: HTTP, path: /, port: 65535}}`, ``},
		"probed by HTTP, no path":    {`spec: {healthCheck: {mode: HTTP}}`, ``},
		"probed by HTTPS":            {`spec: {healthCheck: {mode: HTTPS, path: /, tlsServerName: shop.example}}`, ``},
		"probed by HTTPS, no name":   {`spec: {healthCheck: {mode: HTTPS}}`, ``},
		"an unknown mode":            {`spec: {healthCheck: {mode: UDP}}`, `spec.healthCheck.mode: Unsupported value: "UDP": supported values: "TCP", "HTTP", "HTTPS"`},
		"probed on port 0":           {`spec: {healthCheck: {port: 0}}`, `spec.healthCheck.port: Invalid value: 0: spec.healthCheck.port in body should be greater than or equal to 1`},
		"probed on port 65536":       {`spec: {healthCheck: {port: 65536}}`, `spec.healthCheck.port: Invalid value: 65536: spec.healthCheck.port in body should be less than or equal to 65535`},
		"a path by TCP":              {`spec: {healthCheck: {path: /}}`, noPath},
		"a path without a slash":     {`spec: {healthCheck: {mode: HTTP, path: healthz}}`, `spec.healthCheck.path: Invalid value: "healthz": path must begin with a slash, e.g. /healthz`},
		"an empty path":              {`spec: {healthCheck: {mode: HTTP, path: ""}}`, `spec.healthCheck.path: Invalid value: "": path must begin with a slash, e.g. /healthz`},
		"the longest path":           {`spec: {healthCheck: {mode: HTTP, path: /` + long(254) + `}}`, ``},
		"too long a path":            {`spec: {healthCheck: {mode: HTTP, path: /` + long(255) + `}}`, `spec.healthCheck.path: Too long: may not be more than 255 bytes`},
		"a server name by TCP":       {`spec: {healthCheck: {tlsServerName: shop.example}}`, noServer},
		"a server name by HTTP":      {`spec: {healthCheck: {mode: HTTP, tlsServerName: shop.example}}`, noServer},
		"an empty server name":       {`spec: {healthCheck: {mode: HTTPS, tlsServerName: ""}}`, `spec.healthCheck.tlsServerName: Invalid value: "": spec.healthCheck.tlsServerName in body should be at least 1 chars long`},
		"too long a server name":     {`spec: {healthCheck: {mode: HTTPS, tlsServerName: ` + long(256) + `}}`, `spec.healthCheck.tlsServerName: Too long: may not be more than 255 bytes`},
		"the fewest retries":         {`spec: {healthCheck: {retries: 1}}`, ``},
		"the most retries":           {`spec: {healthCheck: {retries: 20}}`, ``},
		"no retries":                 {`spec: {healthCheck: {retries: 0}}`, `spec.healthCheck.retries: Invalid value: 0: spec.healthCheck.retries in body should be greater than or equal to 1`},
		"too many retries":           {`spec: {healthCheck: {retries: 21}}`, `spec.healthCheck.retries: Invalid value: 21: spec.healthCheck.retries in body should be less than or equal to 20`},
		"the shortest interval":      {`spec: {healthCheck: {interval: 5s}}`, ``},
		"the longest interval":       {`spec: {healthCheck: {interval: 5m}}`, ``},
		"an interval in parts":       {`spec: {healthCheck: {interval: 1m30s}}`, ``},
		"an interval in ms":          {`spec: {healthCheck: {interval: 10000ms}}`, ``},
		"half a minute":              {`spec: {healthCheck: {interval: 0.5m}}`, ``},
		"too short an interval":      {`spec: {healthCheck: {interval: 4s, timeout: 2s}}`, `spec.healthCheck.interval: Invalid value: "4s": ` + badInterval},
		"too long an interval":       {`spec: {healthCheck: {interval: 301s}}`, `spec.healthCheck.interval: Invalid value: "301s": ` + badInterval},
		"a longer interval than is":  {`spec: {healthCheck: {interval: 999999h999999h99999h}}`, `spec.healthCheck.interval: Invalid value: "999999h999999h99999h": ` + badInterval},
		"a longer one than counts":   {`spec: {healthCheck: {interval: 9999999999999999h}}`, `spec.healthCheck.interval: Invalid value: "9999999999999999h": ` + badInterval},
		"half a second":              {`spec: {healthCheck: {interval: 5500ms}}`, `spec.healthCheck.interval: Invalid value: "5500ms": ` + badInterval},
		"a number as interval":       {`spec: {healthCheck: {interval: 10}}`, `spec.healthCheck.interval: Invalid value: "integer": spec.healthCheck.interval in body must be of type string: "integer"`},
		"an interval without unit":   {`spec: {healthCheck: {interval: "10"}}`, `spec.healthCheck.interval: Invalid value: "10": ` + badInterval},
		"a negative interval":        {`spec: {healthCheck: {interval: "-10s"}}`, `spec.healthCheck.interval: Invalid value: "-10s": ` + badInterval},
		"an empty interval":          {`spec: {healthCheck: {interval: ""}}`, `spec.healthCheck.interval: Invalid value: "": ` + badInterval},
		"an interval in words":       {`spec: {healthCheck: {interval: ten seconds}}`, `spec.healthCheck.interval: Invalid value: "ten seconds": ` + badInterval},
		"an interval in many words":  {`spec: {healthCheck: {interval: ten seconds and a half}}`, `spec.healthCheck.interval: Too long: may not be more than 20 bytes`},
		"the shortest timeout":       {`spec: {healthCheck: {timeout: 2s}}`, ``},
		"the longest timeout":        {`spec: {healthCheck: {interval: 60s, timeout: 1m}}`, ``},
		"too short a timeout":        {`spec: {healthCheck: {timeout: 1s}}`, `spec.healthCheck.timeout: Invalid value: "1s": ` + badTimeout},
		"too long a timeout":         {`spec: {healthCheck: {interval: 5m, timeout: 61s}}`, `spec.healthCheck.timeout: Invalid value: "61s": ` + badTimeout},
		"a timeout in words":         {`spec: {healthCheck: {timeout: soon}}`, `spec.healthCheck.timeout: Invalid value: "soon": ` + badTimeout},
		"a timeout in many words":    {`spec: {healthCheck: {timeout: as soon as possible now}}`, `spec.healthCheck.timeout: Too long: may not be more than 20 bytes`},
		"a timeout of the interval":  {`spec: {healthCheck: {interval: 30s, timeout: 30s}}`, ``},
		"a timeout longer than it":   {`spec: {healthCheck: {interval: 29s, timeout: 30s}}`, `spec.healthCheck.timeout: Invalid value: timeout 30s must not be longer than interval 29s`},
		"a timeout over the default": {`spec: {healthCheck: {timeout: 11s}}`, `spec.healthCheck.timeout: Invalid value: timeout 11s must not be longer than interval 10s`},
	})
}

func TestNodeIdentitiesAtCreation(t *testing.T) {
	const badID = "instanceID must be the id of an instance at Exoscale, a UUID in lower case: 8-4-4-4-12 digits of 0-9 and a-f"
	try(t, leastNodeIdentity, map[string]trial{
		"the least":            {``, ``},
		"no spec":              {`spec: null`, `spec: Required value`},
		"nothing that must be": {`spec: {instanceID: null, zone: null, hostname: null}`, "spec.hostname: Required value\nspec.instanceID: Required value\nspec.zone: Required value"},
		"a name as id":         {`spec: {instanceID: worker-1}`, `spec.instanceID: Invalid value: "worker-1": ` + badID},
		"too long an id":       {`spec: {instanceID: exoscale://` + someID + `}`, `spec.instanceID: Too long: may not be more than 36 bytes`},
		"no zone's name":       {`spec: {zone: Geneva}`, `spec.zone: Invalid value: "Geneva": zone must be the name of an Exoscale zone in lower case, e.g. ch-gva-2`},
		"too long a zone":      {`spec: {zone: ` + long(64) + `}`, `spec.zone: Too long: may not be more than 63 bytes`},
		"an empty hostname":    {`spec: {hostname: ""}`, `spec.hostname: Invalid value: "": spec.hostname in body should be at least 1 chars long`},
		"the longest hostname": {`spec: {hostname: ` + long(253) + `}`, ``},
		"too long a hostname":  {`spec: {hostname: ` + long(254) + `}`, `spec.hostname: Too long: may not be more than 253 bytes`},
	})
}

// try creates each edit of a manifest, without its being kept.
func try(t *testing.T, manifest string, trials map[string]trial) {
	for name, trial := range trials {
		t.Run(name, func(t *testing.T) {
			err := strict.Create(t.Context(), object(t, manifest, trial.edit), client.DryRunAll)
			if diff := cmp.Diff(trial.refused, refusal(t, err)); diff != "" {
				t.Errorf("%s\n(-want +got)\n%s", trial.edit, diff)
			}
		})
	}
}
