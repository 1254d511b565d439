package integration

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
)

// The rounds of one tenant's objects hang at their first write, whyever: there are
// more of them than workers. Nobody else waits for them.
func TestATenantWhoseRoundsHangStopsNoOther(t *testing.T) {
	t.Parallel()
	var crowded string
	var hanging atomic.Int32
	free := make(chan struct{})
	letGo := sync.OnceFunc(func() { close(free) })
	w := newWorld(t, setup{Stopped: true, Asked: func(request *http.Request) {
		if request.Method != http.MethodGet && strings.Contains(request.URL.Path, "/namespaces/"+crowded+"/") {
			hanging.Add(1)
			<-free
		}
	}})
	crowded = w.namespace(nil)
	w.edit = func(o *app.Options) { o.WatchNamespaces = append(o.WatchNamespaces, crowded) }
	var many []client.Object
	for n := range 25 {
		lb := &v1alpha1.NetworkLoadBalancer{ObjectMeta: metav1.ObjectMeta{Namespace: crowded, Name: fmt.Sprint("nlb-", n)}}
		w.create(lb)
		many = append(many, lb)
	}
	w.start()
	t.Cleanup(letGo)
	w.g.Eventually(hanging.Load).Should(BeNumerically(">", 0))

	w.served(w.service("of-another", nil))
	w.g.Expect(hanging.Load()).To(BeNumerically("<", app.Defaults().MaxConcurrentReconciles), "never all workers are with one tenant")

	letGo()
	w.ready(many...)
}
