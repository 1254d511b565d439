package injection

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/controlplane"
)

const (
	// patience is for a busy machine; what is awaited takes a second or two.
	patience = time.Minute
	system   = "exoscale-nlb-operator-system"
	// webhookName is that of the Service, the Secret and the configuration.
	webhookName = "exoscale-nlb-operator-webhook"
)

// Of all tests, which share one webhook and so run one after the other: the control
// plane, and the Pods of every kind of workload as they are without any webhook.
var (
	cluster        *controlplane.ControlPlane
	kubeconfig     string
	withoutWebhook map[string]string
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	code, err := withCluster(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// withCluster runs the controllers of Kubernetes, which make the Pods, and installs
// what the tests are about.
func withCluster(run func() int) (code int, err error) {
	if err := v1alpha1.AddToScheme(scheme.Scheme); err != nil {
		return 1, err
	}
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "injection-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	admission, err := showsCertificate(dir)
	if err != nil {
		return 1, err
	}
	cluster, err = controlplane.Start(ctx, controlplane.Options{
		WithoutCRDs: true, ControllerManager: true,
		APIServerArgs: map[string][]string{"disable-admission-plugins": nil, "admission-control-config-file": {admission}},
	})
	if err != nil {
		return 1, err
	}
	defer func() {
		if stopErr := cluster.Stop(); err == nil {
			err = stopErr
		}
	}()
	kubeconfig = filepath.Join(dir, "kubeconfig")
	if err := cluster.WriteKubeconfig(kubeconfig); err != nil {
		return 1, err
	}
	if err := readyNode(ctx); err != nil {
		return 1, err
	}
	if withoutWebhook, err = podsOfWorkloads(ctx, "world-without"); err != nil {
		return 1, err
	}
	if said, err := kubectl(ctx, "apply", "-k", "testdata/self-made"); err != nil {
		return 1, fmt.Errorf("%w: %s", err, said)
	}
	return run(), nil
}

func kubectl(ctx context.Context, args ...string) (string, error) {
	said, err := exec.CommandContext(ctx, cluster.Kubectl(), append([]string{"--kubeconfig", kubeconfig}, args...)...).CombinedOutput()
	return string(said), err
}

// readyNode is for the Pods of DaemonSets. Nobody else takes the taint off that
// every new Node gets.
func readyNode(ctx context.Context) error {
	c, err := client.New(cluster.Config(), client.Options{})
	if err != nil {
		return err
	}
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-1"}}
	if err := c.Create(ctx, node); err != nil {
		return err
	}
	// Merged, since others write it meanwhile.
	if err := c.Patch(ctx, node, client.RawPatch(types.MergePatchType, []byte(`{"spec":{"taints":null}}`))); err != nil {
		return err
	}
	ready := []byte(`{"status":{"conditions":[{"type":"Ready","status":"True"}]}}`)
	return c.Status().Patch(ctx, node, client.RawPatch(types.MergePatchType, ready))
}

// user is a client with all rights that keeps the warnings it gets.
type user struct {
	client.Client
	warnings *[]string
}

func newUser(t *testing.T) user {
	t.Helper()
	var warnings []string
	config := cluster.Config()
	config.QPS, config.Burst = 500, 1000
	config.WarningHandler = warned(func(text string) { warnings = append(warnings, text) })
	c, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return user{c, &warnings}
}

type warned func(string)

func (w warned) HandleWarningHeader(_ int, _, text string) { w(text) }

// installed is the service account of the operator.
func installed(t *testing.T) *rest.Config {
	t.Helper()
	request := &authenticationv1.TokenRequest{}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: "exoscale-nlb-operator"}}
	if err := newUser(t).SubResource("token").Create(t.Context(), account, request); err != nil {
		t.Fatal(err)
	}
	config := rest.AnonymousClientConfig(cluster.Config())
	config.BearerToken = request.Status.Token
	return config
}

// namespace makes one for a test, with labels.
func namespace(t *testing.T, name string, labels map[string]string) string {
	t.Helper()
	c := newUser(t)
	if err := c.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}); err != nil {
		t.Fatal(err)
	}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: name, Name: "default"}}
	if err := c.Create(t.Context(), account); err != nil && !strings.Contains(err.Error(), "already exists") {
		t.Fatal(err)
	}
	return name
}

// leadTo has the API server find the webhook at a port of this machine, on which
// no Service of the cluster leads to anything, and gives it time on a busy machine.
func leadTo(t *testing.T, port int32) {
	t.Helper()
	c := newUser(t)
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: webhookName}}
	if err := c.Delete(t.Context(), service); client.IgnoreNotFound(err) != nil {
		t.Fatal(err)
	}
	service = &corev1.Service{
		ObjectMeta: service.ObjectMeta,
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "localhost", Ports: []corev1.ServicePort{{Port: port}}},
	}
	if err := c.Create(t.Context(), service); err != nil {
		t.Fatal(err)
	}
	configure(t, func(webhook *admissionregistrationv1.MutatingWebhook) {
		webhook.ClientConfig.Service.Port = &port
		*webhook.TimeoutSeconds = 30
	})
}

// configure edits both webhooks, and puts them back at the end of the test.
func configure(t *testing.T, edit func(*admissionregistrationv1.MutatingWebhook)) {
	t.Helper()
	var before []admissionregistrationv1.MutatingWebhook
	change := func(ctx context.Context, change func(int, *admissionregistrationv1.MutatingWebhook)) error {
		c := newUser(t)
		var webhooks admissionregistrationv1.MutatingWebhookConfiguration
		if err := c.Get(ctx, client.ObjectKey{Name: webhookName}, &webhooks); err != nil {
			return err
		}
		original := webhooks.DeepCopy()
		if before == nil {
			before = original.Webhooks
		}
		for i := range webhooks.Webhooks {
			change(i, &webhooks.Webhooks[i])
		}
		return c.Patch(ctx, &webhooks, client.StrategicMergeFrom(original))
	}
	if err := change(t.Context(), func(_ int, webhook *admissionregistrationv1.MutatingWebhook) { edit(webhook) }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := change(context.Background(), func(i int, webhook *admissionregistrationv1.MutatingWebhook) {
			bundle := webhook.ClientConfig.CABundle // the operator's
			before[i].DeepCopyInto(webhook)
			webhook.ClientConfig.CABundle = bundle
		})
		if err != nil {
			t.Error(err)
		}
	})
}
