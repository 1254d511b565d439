package exosim_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	v3 "github.com/exoscale/egoscale/v3"
	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/exoscale-community/nlb-operator/test/exosim"
)

// openAPIFile is Exoscale's API document, relative to this package. It isn't
// part of the repository.
const openAPIFile = "../../../shared/openapi/exoscale-v2.json"

// TestRequestsAndAnswersHoldAgainstTheAPIDocument sends every simulated operation
// by the real SDK and compares what goes over the wire with Exoscale's document.
func TestRequestsAndAnswersHoldAgainstTheAPIDocument(t *testing.T) {
	t.Parallel()
	document := loadDocument(t)
	for _, verbose := range []bool{false, true} {
		t.Run(fmt.Sprintf("VerboseReferences=%t", verbose), func(t *testing.T) {
			t.Parallel()
			w := given(t, slowly, func(o *exosim.Options) { o.VerboseReferences = verbose })
			inspector := &inspector{document: document, cloud: w.Cloud, seen: map[string]bool{}}
			between := httptest.NewServer(inspector)
			t.Cleanup(between.Close)
			w.Endpoint = between.URL + "/v2"
			w.sdk = w.client(w.Key, w.Secret)
			w.callEverything()
			for _, violation := range inspector.violations {
				t.Error(violation)
			}
			for _, operation := range exosim.Operations() {
				if !inspector.seen[operation] {
					t.Errorf("%s wasn't called", operation)
				}
			}
		})
	}
}

// loadDocument reads the document, made strict: it refuses properties that it
// doesn't know. What it contradicts itself or the SDK in is put right.
func loadDocument(t *testing.T) *openapi3.T {
	t.Helper()
	path, err := filepath.Abs(openAPIFile)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		t.Skipf("Exoscale's API document isn't at %s", openAPIFile)
	}
	if err != nil {
		t.Fatal(err)
	}
	document, err := openapi3.NewLoader().LoadFromData(data)
	if err != nil {
		t.Fatal(err)
	}
	// nullable beside a $ref counts for nothing, but is what the SDK relies on.
	instance := document.Paths.Value("/instance/{id}").Put.RequestBody.Value.Content.Get("application/json").Schema.Value
	labels := *instance.Properties["labels"].Value
	labels.Nullable = true
	instance.Properties["labels"] = openapi3.NewSchemaRef("", &labels)

	strict := map[*openapi3.Schema]bool{}
	for _, schema := range document.Components.Schemas {
		beStrict(schema, strict)
	}
	for _, path := range document.Paths.Map() {
		for _, operation := range path.Operations() {
			if operation.RequestBody != nil {
				beStrict(operation.RequestBody.Value.Content.Get("application/json").Schema, strict)
			}
			for _, response := range operation.Responses.Map() {
				if content := response.Value.Content.Get("application/json"); content != nil {
					beStrict(content.Schema, strict)
				}
			}
		}
	}
	return document
}

func beStrict(ref *openapi3.SchemaRef, done map[*openapi3.Schema]bool) {
	if ref == nil || ref.Value == nil || done[ref.Value] {
		return
	}
	schema := ref.Value
	done[schema] = true
	if len(schema.Properties) > 0 && schema.AdditionalProperties.Has == nil && schema.AdditionalProperties.Schema == nil {
		never := false
		schema.AdditionalProperties.Has = &never
	}
	for _, property := range schema.Properties {
		beStrict(property, done)
	}
	beStrict(schema.Items, done)
}

// inspector stands before the cloud and compares requests and answers with the
// document.
type inspector struct {
	document *openapi3.T
	cloud    *exosim.Cloud

	mu         sync.Mutex
	seen       map[string]bool
	violations []string
}

func (i *inspector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	answer := httptest.NewRecorder()
	i.cloud.ServeHTTP(answer, r)

	r.Body = io.NopCloser(bytes.NewReader(body))
	i.compare(r, answer)
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

func (i *inspector) compare(r *http.Request, answer *httptest.ResponseRecorder) {
	i.mu.Lock()
	defer i.mu.Unlock()
	fail := func(format string, args ...any) {
		i.violations = append(i.violations, fmt.Sprintf("%s %s: ", r.Method, r.URL.Path)+fmt.Sprintf(format, args...))
	}
	route, params := i.route(r)
	if route == nil {
		fail("the document doesn't know it")
		return
	}
	i.seen[route.Operation.OperationID] = true
	if answer.Code != http.StatusOK {
		fail("answered with %d: %s", answer.Code, answer.Body)
		return
	}
	options := &openapi3filter.Options{
		ExcludeReadOnlyValidations:        true, // instance-pool.id is readOnly and must be sent
		ExcludeWriteOnlyValidations:       true, // a security group's rules are writeOnly and shown
		IncludeResponseStatus:             true,
		RejectWhenRequestBodyNotSpecified: true,
		MultiError:                        true,
	}
	request := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route, Options: options}
	if err := openapi3filter.ValidateRequest(context.Background(), request); err != nil {
		fail("request: %s", err)
	}
	response := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: request, Status: answer.Code, Header: answer.Header(), Options: options,
	}
	response.SetBodyBytes(answer.Body.Bytes())
	if err := openapi3filter.ValidateResponse(context.Background(), response); err != nil {
		fail("answer: %s\n%s", err, answer.Body)
	}
}

// route finds the operation of a request. kin-openapi's own routers take
// /instance/{id} for /instance/{id}:stop, too.
func (i *inspector) route(r *http.Request) (*routers.Route, map[string]string) {
	path := strings.TrimPrefix(r.URL.Path, "/v2")
	param := regexp.MustCompile(`\{([^}]+)\}`)
	for pattern, item := range i.document.Paths.Map() {
		operation := item.GetOperation(r.Method)
		fits := regexp.MustCompile("^" + param.ReplaceAllString(pattern, `([^/:]+)`) + "$").FindStringSubmatch(path)
		if operation == nil || fits == nil {
			continue
		}
		params := map[string]string{}
		for n, name := range param.FindAllStringSubmatch(pattern, -1) {
			params[name[1]] = fits[n+1]
		}
		return &routers.Route{Spec: i.document, Path: pattern, PathItem: item, Method: r.Method, Operation: operation}, params
	}
	return nil, nil
}

// callEverything calls every simulated operation once or more, while the objects
// are in all the states that they can be in.
func (w *world) callEverything() {
	ctx := context.Background()
	ok := func(got any, err error) {
		w.t.Helper()
		must(w.t, got, err)
	}
	look := func() {
		w.t.Helper()
		ok(w.sdk.ListLoadBalancers(ctx))
		ok(w.sdk.ListInstancePools(ctx))
		ok(w.sdk.ListInstances(ctx, v3.ListInstancesWithManagerID(v3.UUID(w.pool.ID)), v3.ListInstancesWithManagerType(v3.ListInstancesManagerTypeInstancePool)))
		ok(w.sdk.ListSKSClusters(ctx))
	}
	do := func(op *v3.Operation, err error) v3.UUID {
		w.t.Helper()
		op = must(w.t, op, err)
		look()
		ok(w.sdk.GetOperation(ctx, op.ID))
		w.clock.pass(w.opDelay())
		look()
		return w.done(op, nil).Reference.ID
	}
	managed := w.AddPool("", exosim.InstancePool{Name: "managed", Size: 2, Labels: map[string]string{"a": "b"}})
	cluster := w.AddCluster("", exosim.SKSCluster{
		Name: "k8s", Addons: []string{"exoscale-cloud-controller"}, CNI: "cilium",
		Nodepools: []exosim.SKSNodepool{{Name: "default", InstancePool: exosim.Ref{ID: managed.ID}}},
	})
	network := w.AddPrivateNetwork("", exosim.PrivateNetwork{
		Name: "storage", StartIP: "10.0.0.2", EndIP: "10.0.0.9", Netmask: "255.255.255.0",
		Leases: []exosim.Lease{{IP: "10.0.0.3", InstanceID: w.Members(w.pool.ID)[0].ID}},
	})
	group := w.AddSecurityGroup("", exosim.SecurityGroup{Name: "workers", Rules: []exosim.SecurityGroupRule{{
		ID: network.ID, FlowDirection: "ingress", Protocol: "tcp", StartPort: 30000, EndPort: 32767,
		SecurityGroup: &exosim.SecurityGroupResource{Name: "public-nlb-healthcheck-sources", Visibility: "public"},
	}}})
	spare := w.AddPool("", exosim.InstancePool{
		Name: "spare", Size: 1, Description: "d", SecurityGroups: []exosim.Ref{{ID: group.ID}}, PrivateNetworks: []exosim.Ref{{ID: network.ID}},
	})

	ok(w.sdk.ListZones(ctx))
	lb := do(w.sdk.CreateLoadBalancer(ctx, v3.CreateLoadBalancerRequest{Name: "web", Description: "d", Labels: v3.Labels{"a": "b"}}))
	do(w.sdk.UpdateLoadBalancer(ctx, lb, v3.UpdateLoadBalancerRequest{Name: "web2", Labels: v3.Labels{"a": "c"}}))
	do(w.sdk.ResetLoadBalancerField(ctx, lb, v3.ResetLoadBalancerFieldFieldLabels))
	do(w.sdk.AddServiceToLoadBalancer(ctx, lb, w.onPort("tcp", 80)))
	https := w.onPort("https", 443)
	https.Healthcheck = &v3.LoadBalancerServiceHealthcheck{Mode: "https", Port: 30443, URI: "/healthz", TlsSNI: "example.org", Interval: 5, Timeout: 2, Retries: 20}
	do(w.sdk.AddServiceToLoadBalancer(ctx, lb, https))
	ok(w.sdk.GetLoadBalancer(ctx, lb))
	got, _ := w.LoadBalancer(lb.String())
	service := v3.UUID(got.Services[0].ID)
	ok(w.sdk.GetLoadBalancerService(ctx, lb, service))
	do(w.sdk.UpdateLoadBalancerService(ctx, lb, service, v3.UpdateLoadBalancerServiceRequest{Port: 81, Healthcheck: https.Healthcheck}))
	do(w.sdk.ResetLoadBalancerServiceField(ctx, lb, service, v3.ResetLoadBalancerServiceFieldFieldDescription))
	do(w.sdk.DeleteLoadBalancerService(ctx, lb, service))
	do(w.sdk.DeleteLoadBalancerService(ctx, lb, v3.UUID(got.Services[1].ID)))
	do(w.sdk.DeleteLoadBalancer(ctx, lb))

	pool := v3.UUID(w.pool.ID)
	do(w.sdk.ScaleInstancePool(ctx, pool, v3.ScaleInstancePoolRequest{Size: 4}))
	instance := v3.UUID(w.Members(w.pool.ID)[0].ID)
	do(w.sdk.EvictInstancePoolMembers(ctx, pool, v3.EvictInstancePoolMembersRequest{Instances: []v3.UUID{v3.UUID(w.Members(w.pool.ID)[1].ID)}}))
	ok(w.sdk.GetInstancePool(ctx, pool))
	do(w.sdk.DeleteInstancePool(ctx, v3.UUID(spare.ID)))
	ok(w.sdk.GetInstance(ctx, instance))
	do(w.sdk.UpdateInstance(ctx, instance, v3.UpdateInstanceRequest{Name: "renamed", Labels: v3.Labels{"a": "b"}, UserData: "eA=="}))
	do(w.sdk.UpdateInstance(ctx, instance, v3.UpdateInstanceRequest{Name: "again"})) // sends "labels": null
	ok(w.sdk.GetInstance(ctx, instance))
	do(w.sdk.UpdateReverseDNSInstance(ctx, instance, v3.UpdateReverseDNSInstanceRequest{DomainName: "node.example.org"}))
	ok(w.sdk.GetReverseDNSInstance(ctx, instance))
	do(w.sdk.DeleteReverseDNSInstance(ctx, instance))
	do(w.sdk.StopInstance(ctx, instance))
	do(w.sdk.StartInstance(ctx, instance, v3.StartInstanceRequest{}))

	ok(w.sdk.GetSKSCluster(ctx, v3.UUID(cluster.ID)))
	nodepool := v3.UUID(cluster.Nodepools[0].ID)
	ok(w.sdk.GetSKSNodepool(ctx, v3.UUID(cluster.ID), nodepool))
	do(w.sdk.ScaleSKSNodepool(ctx, v3.UUID(cluster.ID), nodepool, v3.ScaleSKSNodepoolRequest{Size: 3}))
	do(w.sdk.EvictSKSNodepoolMembers(ctx, v3.UUID(cluster.ID), nodepool,
		v3.EvictSKSNodepoolMembersRequest{Instances: []v3.UUID{v3.UUID(w.Members(managed.ID)[0].ID)}}))

	types, err := w.sdk.ListInstanceTypes(ctx)
	ok(w.sdk.GetInstanceType(ctx, must(w.t, types, err).InstanceTypes[0].ID))
	templates, err := w.sdk.ListTemplates(ctx)
	ok(w.sdk.GetTemplate(ctx, must(w.t, templates, err).Templates[0].ID))
	ok(w.sdk.ListSecurityGroups(ctx, v3.ListSecurityGroupsWithVisibility(v3.ListSecurityGroupsVisibilityPublic)))
	ok(w.sdk.GetSecurityGroup(ctx, v3.UUID(group.ID)))
	ok(w.sdk.ListPrivateNetworks(ctx))
	ok(w.sdk.GetPrivateNetwork(ctx, v3.UUID(network.ID)))
	private := v3.UUID(network.ID)
	do(w.sdk.AttachInstanceToPrivateNetwork(ctx, private, v3.AttachInstanceToPrivateNetworkRequest{
		Instance: &v3.AttachInstanceToPrivateNetworkRequestInstance{ID: instance}, IP: net.IPv4(10, 0, 0, 8).To4(),
	}))
	ok(w.sdk.GetInstance(ctx, instance))
	do(w.sdk.UpdatePrivateNetworkInstanceIP(ctx, private, v3.UpdatePrivateNetworkInstanceIPRequest{
		Instance: &v3.UpdatePrivateNetworkInstanceIPRequestInstance{ID: instance}, IP: net.IPv4(10, 0, 0, 9).To4(),
	}))
	do(w.sdk.DetachInstanceFromPrivateNetwork(ctx, private, v3.DetachInstanceFromPrivateNetworkRequest{Instance: &v3.Instance{ID: instance}}))
	ok(w.sdk.ListQuotas(ctx))
	ok(w.sdk.GetQuota(ctx, "network-load-balancer"))
}
