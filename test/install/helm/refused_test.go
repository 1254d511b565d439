package helm

import (
	"strings"
	"testing"
)

func TestWrongValuesAreRefusedWithASentence(t *testing.T) {
	secret := values{"existingSecret": "exoscale-credentials"}
	for name, tc := range map[string]struct {
		values values
		want   string
	}{
		"no zone":                                 {values{"credentials": secret}, "zone: set it to the zone of your nodes, such as ch-gva-2"},
		"a zone that is none":                     {values{"zone": "Geneva 2"}, `zone: must be the name of a zone, such as ch-gva-2; it is "Geneva 2"`},
		"no credentials":                          {values{"zone": "ch-gva-2"}, "credentials: set existingSecret to the name of a Secret with the keys EXOSCALE_API_KEY and EXOSCALE_API_SECRET"},
		"two kinds of credentials":                {values{"credentials": values{"existingSecret": "a", "apiKey": "EXO1", "apiSecret": "s3cret"}}, "credentials: set either existingSecret, or apiKey and apiSecret"},
		"a key without its secret":                {values{"credentials": values{"apiKey": "EXO1"}}, "credentials.apiSecret: is missing"},
		"a secret without its key":                {values{"credentials": values{"apiSecret": "s3cret"}}, "credentials.apiKey: is missing"},
		"a misspelt value":                        {values{"claimClasslesServices": true}, "additional properties 'claimClasslesServices' not allowed"},
		"a misspelt value within another":         {values{"nodes": values{"initialisation": true}}, "additional properties 'initialisation' not allowed"},
		"a text in place of a switch":             {values{"claimClasslessServices": "yes"}, "at '/claimClasslessServices': got string, want boolean"},
		"an endpoint that is no URL":              {values{"apiEndpoint": "api.exoscale.com"}, "apiEndpoint: must be a URL"},
		"an endpoint that isn't encrypted":        {values{"apiEndpoint": "http://api.example.com/v2"}, "apiEndpoint: must be encrypted"},
		"answers of nothing":                      {values{"maxAnswer": 0}, "at '/maxAnswer'"},
		"an endpoint with a password":             {values{"apiEndpoint": "https://me:s3cret@api.exoscale.com/v2"}, "apiEndpoint: must be a URL"},
		"a sync period without a unit":            {values{"syncPeriod": "90"}, `syncPeriod: must be a duration such as 90s or 5m; it is "90"`},
		"a rate limit of nothing":                 {values{"rateLimit": 0}, "at '/rateLimit': exclusiveMinimum: got 0, want 0"},
		"a cluster id that is no label":           {values{"clusterID": "a/b"}, "clusterID: must be 1 to 63 letters, digits and . _ - within"},
		"a choice that isn't one":                 {values{"udpDefaultHealthcheck": "udp"}, "value must be one of 'kube-proxy', 'none'"},
		"a watched namespace with a star":         {values{"watchNamespaces": []string{"*"}}, `watchNamespaces: must be names of namespaces; one is "*"`},
		"a namespace in capitals":                 {values{"externalNLBNamespaces": []string{"Shop"}}, `externalNLBNamespaces: must be names of namespaces, or *; one is "Shop"`},
		"a pool of two":                           {values{"allowedPools": []string{"a,b"}}, `allowedPools: must be ids or names of instance pools, without commas and space around; one is "a,b"`},
		"an empty pool":                           {values{"nodes": values{"pools": []string{""}}}, "nodes.pools: must be ids or names of instance pools"},
		"a target port that is none":              {values{"allowedTargetPorts": []string{"0"}}, "/allowedTargetPorts/0"},
		"a target port by its name":               {values{"allowedTargetPorts": []string{"ssh"}}, "/allowedTargetPorts/0"},
		"a share of more than all":                {values{"nodes": values{"deletionMaxShare": 101}}, "at '/nodes/deletionMaxShare': maximum: got 101, want 100"},
		"a level of logs that isn't one":          {values{"log": values{"level": "loud"}}, "value must be one of 'debug', 'info', 'warn', 'error'"},
		"a policy that isn't one":                 {values{"uninstall": values{"policy": "force"}}, "value must be one of 'refuse', 'retain', 'delete', 'ignore'"},
		"an uninstallation without end":           {values{"uninstall": values{"timeout": "never"}}, `uninstall.timeout: must be a duration such as 90s or 5m; it is "never"`},
		"a digest that is a tag":                  {values{"image": values{"digest": "v1"}}, "at '/image/digest': 'v1' does not match pattern"},
		"a pull secret as a text":                 {values{"image": values{"pullSecrets": []string{"registry"}}}, "at '/image/pullSecrets/0': got string, want object"},
		"an image of the sidecar that is none":    {values{"udpSidecar": values{"enabled": true, "image": "Not An Image"}}, `udpSidecar.image: must be an image such as registry.example.com/udp-healthcheck:v1, since Pods with another don't start; it is "Not An Image"`},
		"the operator's image for the sidecar":    {values{"udpSidecar": sidecars(), "image": values{"repository": "example.com/Upper"}}, `it is "example.com/Upper:0.1.0", the operator's own`},
		"a port of the webhook that is taken":     {values{"udpSidecar": values{"enabled": true, "webhookPort": 8443}}, "udpSidecar.webhookPort: 8443 is the port of the operator's metrics"},
		"a port of the webhook for root":          {values{"udpSidecar": values{"webhookPort": 443}}, "at '/udpSidecar/webhookPort': minimum: got 443, want 1,024"},
		"names of callers and no authority":       {values{"udpSidecar": values{"clientCA": values{"names": []string{"kube-apiserver"}}}}, "udpSidecar.clientCA.configMap: name the ConfigMap"},
		"an issuer without a name":                {values{"udpSidecar": values{"certManager": values{"issuerRef": values{"kind": "ClusterIssuer"}}}}, "udpSidecar.certManager.issuerRef.name: name the issuer"},
		"somebody's account without its name":     {values{"serviceAccount": values{"create": false}}, "serviceAccount.name: name the service account to use"},
		"a monitor of metrics that aren't":        {values{"serviceMonitor": values{"enabled": true}, "metrics": values{"enabled": false}}, "serviceMonitor.enabled: needs metrics.enabled"},
		"an argument that is no flag":             {values{"extraArgs": []string{"debug"}}, "at '/extraArgs/0': 'debug' does not match pattern"},
		"a label that is a number":                {values{"podLabels": values{"generation": 2}}, "at '/podLabels/generation': got number, want string"},
		"a port that is none":                     {values{"networkPolicy": values{"apiServerPorts": []int{0}}}, "at '/networkPolicy/apiServerPorts/0': minimum: got 0, want 1"},
		"several wrong values, told in one go":    {values{"zone": "X", "syncPeriod": "often", "clusterID": "?"}, "clusterID"},
		"a secret isn't shown with what it is in": {values{"credentials": values{"apiSecret": "s3cret", "apiKey": 7}}, "at '/credentials/apiKey': got number, want string"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := tc.values
			if name != "no zone" && name != "no credentials" {
				v = v.complete()
			}
			said, err := template(t, v)
			if err == nil {
				t.Fatalf("was rendered:\n%s", said)
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("want %q, got\n%v", tc.want, err)
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the secret is told:\n%v", err)
			}
		})
	}
}
