package docs

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/test/exosim"
	"github.com/exoscale-community/nlb-operator/test/world"
)

const troubleshootingPage = "docs/troubleshooting.md"

// trouble is one that users meet. What kubectl shows of it stands in the page behind
// the comment with its name.
type trouble struct {
	name string
	// begins makes it, and ends takes the cause away that lies outside its objects.
	begins func(*troubled) (ends func())
	// shown is what a user looks at, and in which condition the reason is seen; without a
	// condition only the line of kubectl get is shown.
	shown, condition, reason string
}

// troubles in the order of the page.
var troubles = []trouble{
	{"no class", func(w *troubled) func() {
		w.service("unserved", nil, func(s *corev1.Service) { s.Spec.LoadBalancerClass = nil })
		return nil
	}, "service/unserved", "", ""},
	{"invalid annotation", func(w *troubled) func() {
		w.service("misspelt", map[string]string{v1alpha1.AnnotationStrategy: "fastest"})
		return nil
	}, "service/misspelt", v1alpha1.ServiceConditionAccepted, v1alpha1.ReasonInvalid},
	{"not supported", func(w *troubled) func() {
		w.service("internal", nil, func(s *corev1.Service) { s.Spec.LoadBalancerSourceRanges = []string{"192.0.2.0/24"} })
		return nil
	}, "service/internal", v1alpha1.ServiceConditionAllFieldsHonored, v1alpha1.ReasonNotSupported},
	{"in use by another", func(w *troubled) func() {
		w.service("greedy", map[string]string{v1alpha1.AnnotationID: w.theirs.ID})
		return nil
	}, "service/greedy", v1alpha1.ServiceConditionProgrammed, v1alpha1.ReasonInUseByOther},
	{"pool not found", func(w *troubled) func() {
		w.service("poolless", map[string]string{v1alpha1.AnnotationInstancePoolID: "00000000-0000-4000-8000-000000000000"})
		return nil
	}, "service/poolless", v1alpha1.ServiceConditionProgrammed, v1alpha1.ReasonNotFound},
	{"pool not allowed", func(w *troubled) func() {
		w.nlbService("elsewhere", "edge", 8443, func(s *v1alpha1.NLBService) { s.Spec.Target = v1alpha1.Target{InstancePoolName: "others"} })
		return nil
	}, "nlbsvc/elsewhere", v1alpha1.ConditionReady, v1alpha1.ReasonNotAllowedInstancePool},
	{"pending hand-over", func(w *troubled) func() {
		w.service("moving", nil)
		w.is("service/moving", v1alpha1.ServiceConditionProgrammed, v1alpha1.ReasonProgrammed)
		w.run(w.t, "", "kubectl cordon worker-1 worker-2 worker-3")
		w.joinGreen()
		return func() { w.run(w.t, "", "kubectl uncordon worker-1 worker-2 worker-3") }
	}, "nlbsvc/moving-80-tcp", v1alpha1.ConditionHandedOver, v1alpha1.ReasonProbingInstancePool},
	{"ambiguous pool", func(w *troubled) func() {
		w.service("either", nil)
		return nil
	}, "service/either", v1alpha1.ServiceConditionProgrammed, v1alpha1.ReasonAmbiguousInstancePool},
	{"port conflict", func(w *troubled) func() {
		w.nlbService("first", "edge", 443)
		w.is("nlbsvc/first", v1alpha1.ConditionProgrammed, v1alpha1.ReasonProgrammed)
		w.nlbService("second", "edge", 443)
		return nil
	}, "nlbsvc/second", v1alpha1.ConditionReady, v1alpha1.ReasonPortConflict},
	{"port conflict with a foreign service", func(w *troubled) func() {
		w.nlbService("smtp", "shared", 25)
		return nil
	}, "nlbsvc/smtp", v1alpha1.ConditionReady, v1alpha1.ReasonPortConflict},
	{"no such NetworkLoadBalancer", func(w *troubled) func() {
		w.nlbService("early", "missing", 80)
		return nil
	}, "nlbsvc/early", v1alpha1.ConditionReady, v1alpha1.ReasonNotFound},
	{"namespace not allowed", func(w *troubled) func() {
		w.nlbService("stranger", "private", 80, func(s *v1alpha1.NLBService) { s.Spec.LoadBalancerRef.Namespace = "infra" })
		return nil
	}, "nlbsvc/stranger", v1alpha1.ConditionReady, v1alpha1.ReasonNotAllowedNamespace},
	{"target port not allowed", func(w *troubled) func() {
		w.nlbService("ssh", "edge", 22, func(s *v1alpha1.NLBService) { s.Spec.TargetPort = 22 })
		return nil
	}, "nlbsvc/ssh", v1alpha1.ConditionReady, v1alpha1.ReasonNotAllowedTargetPort},
	{"no healthy backend", func(w *troubled) func() {
		w.answer(false)
		w.nlbService("down", "edge", 8080)
		return func() { w.answer(true) }
	}, "nlbsvc/down", v1alpha1.ConditionBackendsHealthy, v1alpha1.ReasonNoHealthyBackends},
	{"ten services", func(w *troubled) func() {
		w.nlbService("eleventh", "full", 8080)
		return nil
	}, "nlbsvc/eleventh", v1alpha1.ConditionReady, v1alpha1.ReasonServiceLimitReached},
	{"external NLB not found", func(w *troubled) func() {
		w.loadBalancer("lost", func(lb *v1alpha1.NetworkLoadBalancer) {
			lb.Spec.ManagementPolicy, lb.Spec.ID = v1alpha1.External, "00000000-0000-4000-8000-000000000000"
		})
		return nil
	}, "nlb/lost", v1alpha1.ConditionReady, v1alpha1.ReasonNotFound},
	{"foreign services hold the NLB", func(w *troubled) func() {
		lb := w.loadBalancer("leaving")
		w.is("nlb/leaving", v1alpha1.ConditionReady, v1alpha1.ReasonReady)
		w.g.Expect(w.client.Get(w.t.Context(), client.ObjectKeyFromObject(lb), lb)).To(Succeed())
		w.cloud.MutateLoadBalancer(lb.Status.ID, func(l *exosim.LoadBalancer) { l.Services = append(l.Services, w.foreign(25)) })
		w.g.Expect(w.client.Delete(w.t.Context(), lb)).To(Succeed())
		return nil
	}, "nlb/leaving", v1alpha1.ConditionReady, v1alpha1.ReasonForeignServices},
	{"another Node's name", func(w *troubled) func() {
		instance := w.cloud.AddInstance("", exosim.Instance{Name: "worker-4", Manager: &exosim.Manager{ID: w.pool.ID}})
		node := instance
		node.Name = "localhost"
		w.g.Expect(world.JoinNodes(w.t.Context(), w.client, []exosim.Instance{node})).To(Succeed())
		w.identity = instance.ID
		return nil
	}, "nodeid", v1alpha1.ConditionVerified, v1alpha1.ReasonNameMismatch},
	{"quota", func(w *troubled) func() {
		w.cloud.SetQuota("", "network-load-balancer", int64(len(w.cloud.LoadBalancers(""))))
		w.loadBalancer("one-more")
		return func() { w.cloud.SetQuota("", "network-load-balancer", -1) }
	}, "nlb/one-more", v1alpha1.ConditionReady, v1alpha1.ReasonQuotaExceeded},
	{"forbidden", func(w *troubled) func() {
		remove := w.cloud.Fault(exosim.Fault{Operation: "create-load-balancer", Kind: exosim.FaultStatus, Status: 403})
		w.loadBalancer("unallowed")
		return remove
	}, "nlb/unallowed", v1alpha1.ConditionReady, v1alpha1.ReasonForbidden},
	{"API down", func(w *troubled) func() {
		remove := w.cloud.Fault(exosim.Fault{Operation: "create-load-balancer", Kind: exosim.FaultStatus, Status: 503})
		w.loadBalancer("later")
		return remove
	}, "nlb/later", v1alpha1.ConditionReady, v1alpha1.ReasonRetrying},
	{"API key refused", func(w *troubled) func() {
		remove := w.cloud.Fault(exosim.Fault{Kind: exosim.FaultStatus, Status: 401})
		w.loadBalancer("keyless")
		return remove
	}, "nlb/keyless", v1alpha1.ConditionReady, v1alpha1.ReasonInvalidCredentials},
}

// TestTheTroublesOnARealCluster makes each of them, and holds the page to what
// kubectl shows then. go test -run TestTheTroubles -update writes the blocks anew.
func TestTheTroublesOnARealCluster(t *testing.T) {
	t.Parallel()
	w := introubled(t)
	compared := NewGomega(func(message string, _ ...int) { t.Error(message) }) // one that differs doesn't hide the others
	text := page(t, troubleshootingPage).Text
	for _, trouble := range troubles {
		ends := trouble.begins(w)
		if trouble.condition != "" {
			w.is(trouble.shown, trouble.condition, trouble.reason)
		}
		begin := "<!-- " + trouble.name + " -->\n```text\n"
		before, rest, is := strings.Cut(text, begin)
		got, after, closed := strings.Cut(rest, "```\n")
		switch {
		case !is || !closed:
			t.Errorf("the page has no block behind %q", begin)
		case *update:
			text = before + begin + w.settled(trouble) + "```\n" + after
		default:
			compared.Eventually(func() string { return w.shows(trouble) }, patience, time.Second).Should(Equal(got), "%s; go test -run TestTheTroubles -update writes it anew", trouble.name)
		}
		if ends != nil {
			ends()
		}
	}
	for _, block := range regexp.MustCompile("(?m)^<!-- (.+) -->$").FindAllStringSubmatch(text, -1) {
		if !knownTrouble(block[1]) {
			t.Errorf("nothing makes %q", block[1])
		}
	}
	if *update {
		w.g.Expect(os.WriteFile(filepath.Join(root, troubleshootingPage), []byte(text), 0o600)).To(Succeed())
	}
}

func knownTrouble(name string) bool {
	for _, trouble := range troubles {
		if trouble.name == name {
			return true
		}
	}
	return false
}

// troubled is a cluster in whose namespace shop everything goes wrong.
type troubled struct {
	given
	t        *testing.T
	g        Gomega
	theirs   exosim.LoadBalancer // a foreign NLB
	identity string              // the instance whose NodeIdentity is looked at
}

func introubled(t *testing.T) *troubled {
	t.Helper()
	w := &troubled{given: start(t), t: t, g: NewWithT(t)}
	w.g.SetDefaultEventuallyTimeout(patience)
	w.g.SetDefaultEventuallyPollingInterval(200 * time.Millisecond)
	w.run(t, "", "kubectl apply -k config/crd && kubectl wait --for=condition=Established --timeout=1m customresourcedefinition --all")
	for _, name := range []string{"shop", "infra"} {
		w.g.Expect(w.create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})).To(Succeed())
	}
	w.operate(t, "shop,infra", w.cloud.AdminKey())
	w.theirs = w.cloud.PutLoadBalancer("", exosim.LoadBalancer{Name: "theirs", Services: []exosim.Service{w.foreign(25)}})
	full := exosim.LoadBalancer{Name: "full"}
	for port := int64(1); port <= 10; port++ {
		full.Services = append(full.Services, w.foreign(port))
	}
	full = w.cloud.PutLoadBalancer("", full)
	w.cloud.AddPool("", exosim.InstancePool{Name: "others", Size: 1})
	w.loadBalancer("edge")
	w.loadBalancer("private", func(lb *v1alpha1.NetworkLoadBalancer) { lb.Namespace = "infra" })
	for name, id := range map[string]string{"shared": w.theirs.ID, "full": full.ID} {
		w.loadBalancer(name, func(lb *v1alpha1.NetworkLoadBalancer) { lb.Spec.ManagementPolicy, lb.Spec.ID = v1alpha1.External, id })
		w.is("nlb/"+name, v1alpha1.ConditionReady, v1alpha1.ReasonReady)
	}
	w.is("nlb/edge", v1alpha1.ConditionReady, v1alpha1.ReasonReady)
	return w
}

func (w *troubled) service(name string, annotations map[string]string, edits ...func(*corev1.Service)) {
	w.t.Helper()
	class := v1alpha1.LoadBalancerClass
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, Annotations: annotations}}
	service.Spec.Type, service.Spec.LoadBalancerClass = corev1.ServiceTypeLoadBalancer, &class
	service.Spec.Ports = []corev1.ServicePort{{Port: 80}}
	for _, edit := range edits {
		edit(service)
	}
	w.g.Expect(w.create(w.t.Context(), service)).To(Succeed())
}

func (w *troubled) loadBalancer(name string, edits ...func(*v1alpha1.NetworkLoadBalancer)) *v1alpha1.NetworkLoadBalancer {
	w.t.Helper()
	lb := &v1alpha1.NetworkLoadBalancer{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}
	for _, edit := range edits {
		edit(lb)
	}
	w.g.Expect(w.create(w.t.Context(), lb)).To(Succeed())
	return lb
}

func (w *troubled) nlbService(name, lb string, port int32, edits ...func(*v1alpha1.NLBService)) {
	w.t.Helper()
	service := &v1alpha1.NLBService{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}, Spec: v1alpha1.NLBServiceSpec{
		LoadBalancerRef: v1alpha1.LoadBalancerReference{Name: lb}, Port: port, TargetPort: 30000 + port%1000,
		Target: v1alpha1.Target{InstancePoolName: "workers"},
	}}
	for _, edit := range edits {
		edit(service)
	}
	w.g.Expect(w.create(w.t.Context(), service)).To(Succeed())
}

// joinGreen makes a second pool with two Nodes, on which nothing answers.
func (w *troubled) joinGreen() {
	w.t.Helper()
	green := w.cloud.AddPool("", exosim.InstancePool{Name: "green"})
	for _, name := range []string{"green-1", "green-2"} {
		instance := w.cloud.AddInstance("", exosim.Instance{Name: name, Manager: &exosim.Manager{ID: green.ID}})
		w.cloud.SetHealth(instance.ID, false)
	}
	w.g.Expect(world.JoinNodes(w.t.Context(), w.client, w.cloud.Members(green.ID))).To(Succeed())
}

// answer has the nodes answer their health checks, or not.
func (w *troubled) answer(healthy bool) {
	for _, instance := range w.cloud.Members(w.pool.ID) {
		w.cloud.SetHealth(instance.ID, healthy)
	}
}

func (w *troubled) foreign(port int64) exosim.Service {
	return exosim.Service{
		ID: uuid.NewString(), Name: fmt.Sprintf("by-hand-%d", port), Port: port, TargetPort: 30000 + port, Protocol: "tcp", Strategy: "round-robin", State: "running",
		InstancePool: exosim.PoolRef{ID: w.pool.ID}, HealthCheck: exosim.HealthCheck{Mode: "tcp", Port: 30000 + port, Interval: 10, Timeout: 5, Retries: 1},
	}
}

// is waits until a condition has a reason.
func (w *troubled) is(shown, condition, reason string) {
	w.t.Helper()
	w.g.Eventually(func() string { return w.condition(shown, condition) }).Should(HavePrefix(reason+": "), "%s %s", shown, condition)
}

func (w *troubled) object(shown string) string {
	namespace := "shop"
	if shown != "nodeid" {
		return shown + " --namespace " + namespace
	}
	var known v1alpha1.NodeIdentityList
	w.g.Expect(w.client.List(w.t.Context(), &known)).To(Succeed())
	for i := range known.Items {
		if known.Items[i].Spec.InstanceID == w.identity {
			return "nodeid/" + known.Items[i].Name
		}
	}
	return "nodeid/none-yet"
}

func (w *troubled) condition(shown, condition string) string {
	said, _ := w.try(w.t, "", "kubectl get "+w.object(shown)+` --output jsonpath='{range .status.conditions[?(@.type=="`+condition+`")]}{.reason}: {.message}{end}'`)
	return said
}

// shows is what kubectl tells, without what differs from time to time.
func (w *troubled) shows(of trouble) string {
	said, _ := w.try(w.t, "", "kubectl get "+w.object(of.shown))
	text := said
	if header, _, is := strings.Cut(said, "\n"); is && strings.Contains(header, "AGE") {
		text = tabled(said, regexp.MustCompile(`\S+\s*`).FindAllStringIndex(header, -1))
	}
	if of.condition != "" {
		text += "\n" + of.condition + ": " + steady(w.condition(of.shown, of.condition)) + "\n"
	}
	return text
}

// tabled is a table of kubectl's without its last column, AGE. Cells may be empty, so
// they are where the header has them.
func tabled(said string, columns [][]int) string {
	var table bytes.Buffer
	writer := tabwriter.NewWriter(&table, 0, 0, 3, ' ', 0)
	for line := range strings.Lines(said) {
		line = strings.TrimRight(line, "\n")
		var cells []string
		for _, column := range columns[:len(columns)-1] {
			begin, end := min(column[0], len(line)), min(column[1], len(line))
			cells = append(cells, steady(strings.TrimSpace(line[begin:end])))
		}
		fmt.Fprintln(writer, strings.Join(cells, "\t"))
	}
	_ = writer.Flush()
	return regexp.MustCompile(`(?m) +$`).ReplaceAllString(table.String(), "")
}

var unsteady = []struct{ what, instead string }{
	{`00000000-0000-4000-8000-000000000000`, `7d9e….`},
	// In a label, an x stands before an id that begins with a digit, as most do.
	{`=x?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}__`, `=x0b12…__`},
	{`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`, `0b12…`},
	{`7d9e….`, `7d9e…`},
	{`127\.64\.\d+\.\d+`, `192.0.2.10`},
	{`10\.96\.\d+\.\d+`, `10.96.0.10`},
	{`:3[0-2]\d{3}/TCP`, `:31080/TCP`},
	{`\d+ of \d+ network`, `10 of 10 network`},
}

func steady(text string) string {
	for _, u := range unsteady {
		text = regexp.MustCompile(u.what).ReplaceAllString(text, u.instead)
	}
	return text
}

// settled is what is shown twice in a row.
func (w *troubled) settled(of trouble) (shown string) {
	w.g.Eventually(func() bool {
		before := shown
		shown = w.shows(of)
		return shown == before
	}).WithPolling(2 * time.Second).Should(BeTrue())
	return shown
}
