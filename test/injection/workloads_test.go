package injection

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// kinds of testdata/workloads.yaml, by the name of each.
var kinds = []string{"deployment", "replicaset", "replicationcontroller", "statefulset", "daemonset", "job", "cronjob", "bare"}

// podsOfWorkloads makes workloads of every kind in a new namespace, beside a Service
// that asks for sidecars of them, and gives what is stored of their Pods.
func podsOfWorkloads(ctx context.Context, namespace string) (map[string]string, error) {
	c, err := client.New(cluster.Config(), client.Options{})
	if err != nil {
		return nil, err
	}
	if err := c.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
		return nil, err
	}
	var pods map[string]string
	err = wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		return c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: "default"}, &corev1.ServiceAccount{}) == nil, nil
	})
	if err != nil {
		return nil, fmt.Errorf("waiting for the service account: %w", err)
	}
	if said, err := kubectl(ctx, "--namespace", namespace, "apply", "-f", "testdata/workloads.yaml"); err != nil {
		return nil, fmt.Errorf("%w: %s", err, said)
	}
	if err := runCronJob(ctx, c, namespace); err != nil {
		return nil, err
	}
	err = wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		pods, err = storedPods(ctx, namespace)
		return len(pods) == len(kinds), err
	})
	if err != nil {
		return pods, fmt.Errorf("waiting for the Pods of %v, have %v: %w", kinds, slices.Collect(maps.Keys(pods)), err)
	}
	return pods, nil
}

// runCronJob has it run now: it seems to have missed its time.
func runCronJob(ctx context.Context, c client.Client, namespace string) error {
	cronJob := &batchv1.CronJob{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "cronjob"}}
	patch := fmt.Sprintf(`{"status":{"lastScheduleTime":%q}}`, time.Now().UTC().Add(-2*time.Minute).Format(time.RFC3339))
	return c.Status().Patch(ctx, cronJob, client.RawPatch("application/merge-patch+json", []byte(patch)))
}

// storedPods are the bytes of each Pod, by the kind of its workload, without what
// differs between any two of them.
func storedPods(ctx context.Context, namespace string) (map[string]string, error) {
	clients, err := kubernetes.NewForConfig(cluster.Config())
	if err != nil {
		return nil, err
	}
	raw, err := clients.CoreV1().RESTClient().Get().Namespace(namespace).Resource("pods").DoRaw(ctx)
	if err != nil {
		return nil, err
	}
	var list struct{ Items []json.RawMessage }
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, err
	}
	pods := map[string]string{}
	for _, item := range list.Items {
		var pod corev1.Pod
		if err := json.Unmarshal(item, &pod); err != nil {
			return nil, err
		}
		kind := pod.Labels["kind"]
		if pods[kind] != "" {
			return nil, errors.New("two Pods of kind " + kind)
		}
		pods[kind] = unnamed(string(item), &pod)
	}
	return pods, nil
}

var (
	uuids  = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	times  = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)
	rounds = regexp.MustCompile(`"resourceVersion":"\d+"`)
	tokens = regexp.MustCompile(`kube-api-access-[a-z0-9]{5}`)
	runs   = regexp.MustCompile(`cronjob-\d+`)
)

// unnamed is the JSON of a Pod without its own names, times and versions.
func unnamed(text string, pod *corev1.Pod) string {
	text = strings.ReplaceAll(text, pod.Name, "POD")
	text = strings.ReplaceAll(text, pod.Namespace, "NAMESPACE")
	text = uuids.ReplaceAllString(text, "UID")
	text = times.ReplaceAllString(text, "TIME")
	text = rounds.ReplaceAllString(text, `"resourceVersion":"VERSION"`)
	text = tokens.ReplaceAllString(text, "kube-api-access-TOKEN")
	return runs.ReplaceAllString(text, "cronjob-RUN")
}

// Pods of every kind of workload, to which a Service asks for sidecars, in a
// namespace that doesn't: they are byte for byte what they are without the webhook.
func TestNoOtherPodIsChanged(t *testing.T) {
	serving(t, nil)
	t.Run("as installed, the webhook isn't even called", func(t *testing.T) {
		before := answered(t)
		unchanged(t, "world-outside")
		if after := answered(t); after != before {
			t.Errorf("%v requests were answered", after-before)
		}
	})
	t.Run("if the webhook were called for every Pod", func(t *testing.T) {
		everything(t)
		unchanged(t, "world-called")
	})
	t.Run("nor those of kube-system and the operator, if they asked and were looked at", func(t *testing.T) {
		g := NewWithT(t)
		c := newUser(t)
		for _, namespace := range []string{"kube-system", system} {
			p := asking(namespace, "asking")
			p.Spec = restricted(p.Spec)
			g.Expect(sidecars(tried(t, c, p))).To(BeEmpty(), namespace)
		}
	})
}

func unchanged(t *testing.T, namespace string) {
	t.Helper()
	pods, err := podsOfWorkloads(t.Context(), namespace)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range kinds {
		if diff := cmp.Diff(withoutWebhook[kind], pods[kind]); diff != "" {
			t.Errorf("the Pod of %s, -without +with the webhook:\n%s", kind, diff)
		}
		if !strings.Contains(pods[kind], `"containers":[`) {
			t.Errorf("no Pod of %s: %q", kind, pods[kind])
		}
	}
}

// everything has the API server ask about every Pod, and returns when it does.
func everything(t *testing.T) {
	t.Helper()
	configure(t, func(webhook *admissionregistrationv1.MutatingWebhook) {
		webhook.ObjectSelector, webhook.NamespaceSelector = &metav1.LabelSelector{}, &metav1.LabelSelector{}
	})
	g := NewWithT(t)
	before := answered(t)
	g.Eventually(func() float64 {
		_, err := tried(t, newUser(t), pod("default", "probe"))
		g.Expect(err).NotTo(HaveOccurred())
		return answered(t)
	}, patience).Should(BeNumerically(">", before))
}

// answered is how many requests the webhooks of this process have answered.
func answered(t *testing.T) float64 {
	t.Helper()
	families, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var sum float64
	for _, family := range families {
		if family.GetName() == "controller_runtime_webhook_requests_total" {
			for _, metric := range family.GetMetric() {
				sum += metric.GetCounter().GetValue()
			}
		}
	}
	return sum
}
