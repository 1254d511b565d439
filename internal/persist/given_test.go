package persist

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/controlplane"
)

const (
	ours   = v1alpha1.LoadBalancerFinalizer
	theirs = "example.com/theirs"
)

// server is a client of the API server of all tests.
var server client.Client

func TestMain(m *testing.M) {
	code, err := withServer(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func withServer(run func() int) (code int, err error) {
	if err := v1alpha1.AddToScheme(scheme.Scheme); err != nil {
		return 0, err
	}
	cluster, err := controlplane.Start(context.Background(), controlplane.Options{})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, cluster.Stop()) }()
	config := cluster.Config()
	config.QPS, config.Burst = 500, 1000
	if server, err = client.New(config, client.Options{}); err != nil {
		return 0, err
	}
	return run(), nil
}

// given is an object on the API server, for as long as the test runs.
func given(t *testing.T, finalizers ...string) *v1alpha1.NetworkLoadBalancer {
	t.Helper()
	object := &v1alpha1.NetworkLoadBalancer{ObjectMeta: metav1.ObjectMeta{
		GenerateName: "nlb-", Namespace: "default", Finalizers: finalizers,
	}}
	if err := server.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.Background()
		left := object.DeepCopy()
		if err := server.Get(ctx, client.ObjectKeyFromObject(object), left); err != nil {
			return // gone, as some tests want it
		}
		left.Finalizers = nil
		if err := server.Update(ctx, left); err != nil {
			t.Error(err)
		}
		if err := client.IgnoreNotFound(server.Delete(ctx, left)); err != nil {
			t.Error(err)
		}
	})
	return stored(t, object)
}

// givenDeleted is one whose deletion waits for its finalizers.
func givenDeleted(t *testing.T, finalizers ...string) *v1alpha1.NetworkLoadBalancer {
	t.Helper()
	object := given(t, finalizers...)
	if err := server.Delete(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	return stored(t, object)
}

// stored is the object as the API server has it.
func stored(t *testing.T, object *v1alpha1.NetworkLoadBalancer) *v1alpha1.NetworkLoadBalancer {
	t.Helper()
	got := &v1alpha1.NetworkLoadBalancer{}
	if err := server.Get(t.Context(), client.ObjectKeyFromObject(object), got); err != nil {
		t.Fatal(err)
	}
	return got
}

// meanwhile somebody else writes the object.
func meanwhile(t *testing.T, object *v1alpha1.NetworkLoadBalancer, edit func(*v1alpha1.NetworkLoadBalancer)) {
	t.Helper()
	theirs := stored(t, object)
	before := theirs.DeepCopy()
	edit(theirs)
	changed := theirs.DeepCopy() // a patch overwrites what it is given
	if err := server.Patch(t.Context(), theirs, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
	if err := server.Status().Patch(t.Context(), changed, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
}
