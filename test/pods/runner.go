package pods

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// look is how often the Runner looks at Pods and Secrets.
const look = 100 * time.Millisecond

// Options of a Runner.
type Options struct {
	// Config has the rights of a kubelet and a scheduler.
	Config *rest.Config
	// Node is the name of the Node that all Pods are bound to; it is made.
	Node string
	// Images are the programs that images start, by the image's name.
	Images map[string]string
	// Egress is the socket at which an API server asks for connections to Services;
	// see the function of that name. Default: it can't reach them.
	Egress string
	// Dir keeps what Pods have mounted, and what they say.
	Dir string
}

// Runner runs Pods until it is stopped.
type Runner struct {
	options Options
	client  client.Client
	server  *http.Server // of logs
	proxy   *http.Server // to Services
	egress  http.Server  // to Services, for the API server
	cancel  context.CancelFunc
	ended   chan struct{}

	mu     sync.Mutex
	images map[string]string
	pods   map[types.UID]*pod
	hosts  int // addresses given so far
}

// Start runs every Pod of the cluster that is there and that comes. ctx is for
// the start only.
func Start(ctx context.Context, options Options) (*Runner, error) {
	c, err := client.New(options.Config, client.Options{})
	if err != nil {
		return nil, err
	}
	r := &Runner{options: options, client: c, images: options.Images, pods: map[types.UID]*pod{}, ended: make(chan struct{})}
	port, err := r.serveLogs()
	if err != nil {
		return nil, err
	}
	if err := r.serveProxy(); err != nil {
		return nil, errors.Join(err, r.server.Close())
	}
	if err := r.serveEgress(); err != nil {
		return nil, errors.Join(err, r.server.Close(), r.proxy.Close())
	}
	if err := r.register(ctx, port); err != nil {
		return nil, errors.Join(err, r.server.Close(), r.proxy.Close(), r.egress.Close())
	}
	running, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	go r.run(running)
	return r, nil
}

// Stop ends every process, and says nothing to the cluster about it.
func (r *Runner) Stop() error {
	r.cancel()
	<-r.ended
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.pods {
		p.kill()
	}
	return errors.Join(r.server.Close(), r.proxy.Close(), r.egress.Close())
}

// SetImage says what an image starts from now on.
func (r *Runner) SetImage(name, program string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.images[name] = program
}

func (r *Runner) program(image string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if path, is := r.images[image]; is {
		return path, nil
	}
	return "", fmt.Errorf("no such image here: %s", image)
}

// register makes the Node, which is none of Exoscale's and takes no traffic.
func (r *Runner) register(ctx context.Context, logs int32) error {
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: r.options.Node, Labels: map[string]string{corev1.LabelNodeExcludeBalancers: ""}}}
	if err := r.client.Create(ctx, node); err != nil {
		return fmt.Errorf("registering the Node: %w", err)
	}
	before := node.DeepCopy()
	node.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: "127.0.0.1"}}
	node.Status.DaemonEndpoints.KubeletEndpoint.Port = logs
	node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady", LastHeartbeatTime: metav1.Now(), LastTransitionTime: metav1.Now()}}
	return r.client.Status().Patch(ctx, node, client.MergeFrom(before))
}

// run looks at all Pods until ctx ends. What fails is done again at the next look.
func (r *Runner) run(ctx context.Context) {
	defer close(r.ended)
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for {
		var list corev1.PodList
		if err := r.client.List(ctx, &list); err == nil {
			r.follow(ctx, list.Items)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (r *Runner) follow(ctx context.Context, items []corev1.Pod) {
	for i := range items {
		item := &items[i]
		r.mu.Lock()
		known := r.pods[item.UID]
		r.mu.Unlock()
		switch {
		case known != nil:
			known.sync(ctx, item)
		case item.DeletionTimestamp != nil:
			_ = r.client.Delete(ctx, item, client.GracePeriodSeconds(0))
		case item.Status.Phase == corev1.PodPending && item.Spec.NodeName == "":
			target := corev1.ObjectReference{Kind: "Node", Name: r.options.Node}
			_ = r.client.SubResource("binding").Create(ctx, item, &corev1.Binding{Target: target})
		case item.Status.Phase == corev1.PodPending:
			r.admit(item)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for uid, p := range r.pods {
		if !slices.ContainsFunc(items, func(item corev1.Pod) bool { return item.UID == uid }) {
			p.kill() // deleted by force
			delete(r.pods, uid)
		}
	}
}

// admit gives a Pod its folder and its address.
func (r *Runner) admit(item *corev1.Pod) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hosts++
	r.pods[item.UID] = &pod{
		runner: r, dir: filepath.Join(r.options.Dir, item.Namespace, item.Name),
		ip: fmt.Sprintf("10.244.0.%d", r.hosts), address: fmt.Sprintf("%s.%d", loopback(), r.hosts),
	}
}

// loopback is a part of 127.0.0.0/8 that other processes of this machine, the
// simulated clouds among them, don't use.
func loopback() string {
	pid := os.Getpid()
	return fmt.Sprintf("127.%d.%d", 192+pid/250%60, 1+pid%250)
}

// Said is the log of all Pods whose name begins so, the latest of each last.
func (r *Runner) Said(namespace, prefix string) string {
	files, _ := filepath.Glob(filepath.Join(r.options.Dir, namespace, prefix+"*", "*.log"))
	var said []byte
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err == nil {
			said = fmt.Appendf(said, "== %s\n%s", file, content)
		}
	}
	return string(said)
}

func gone(err error) bool { return apierrors.IsNotFound(err) }
