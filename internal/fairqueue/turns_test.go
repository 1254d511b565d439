package fairqueue

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// request is "namespace/name".
func request(key string) reconcile.Request {
	namespace, name, _ := strings.Cut(key, "/")
	return reconcile.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}}
}

// Each step is "+key" (added), "~key" (added, can come later), "-key" (done), or
// the key that is handed out; "!" says that none may be.
func TestNamespacesTakeTurns(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		share int
		steps string
	}{
		"one namespace, in the order of arrival":          {9, "+a/1 +a/2 +a/3 a/1 a/2 a/3 !"},
		"a newcomer is next":                              {9, "+a/1 +a/2 +a/3 a/1 +b/1 a/2 b/1 a/3 !"},
		"a newcomer comes before a thousand":              {9, "+a/1 +a/2 +a/3 +a/4 +b/1 +c/1 a/1 b/1 c/1 a/2 a/3 a/4 !"},
		"two that have many alternate":                    {9, "+a/1 +a/2 +a/3 +b/1 +b/2 +b/3 a/1 b/1 a/2 b/2 a/3 b/3 !"},
		"one that has its share waits":                    {2, "+a/1 +a/2 +a/3 a/1 a/2 ! -a/1 a/3 ! "},
		"and others don't wait for it":                    {1, "+a/1 +a/2 a/1 +b/1 b/1 ! -a/1 a/2 !"},
		"its turn isn't lost meanwhile":                   {1, "+a/1 +a/2 +b/1 +b/2 a/1 b/1 ! -a/1 -b/1 a/2 b/2 !"},
		"what can come later does":                        {9, "~a/1 ~b/1 +a/2 +c/1 a/2 c/1 a/1 b/1 !"},
		"unless it is asked for again":                    {9, "~a/1 ~a/2 ~b/1 +a/2 a/2 a/1 b/1 !"},
		"what is urgent stays so":                         {9, "+a/1 +a/2 ~a/1 a/1 a/2 !"},
		"later ones take turns, too":                      {9, "~a/1 ~a/2 ~b/1 a/1 b/1 a/2 !"},
		"urgent ones above the share give way to later":   {1, "+a/1 +a/2 ~b/1 a/1 b/1 !"},
		"those without a namespace are one":               {1, "+/1 +/2 +a/1 /1 a/1 ! -/1 /2 !"},
		"what was removed to become urgent leaves no gap": {9, "~a/1 +a/1 a/1 ! ~a/2 a/2 !"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			order := newTurns(test.share)
			waiting := map[string]bool{}
			for step := range strings.FieldsSeq(test.steps) {
				kind, key := step[:1], step[1:]
				switch kind {
				case "+", "~":
					order.deferring = kind == "~"
					if waiting[key] {
						order.Touch(request(key))
					} else {
						order.Push(request(key))
					}
					waiting[key] = true
				case "-":
					order.done(request(key))
				case "!":
					if order.some() {
						t.Fatalf("at %s in %q: there is one", step, test.steps)
					}
				default:
					if !order.some() {
						t.Fatalf("at %s in %q: there is none", step, test.steps)
					}
					if got := order.Pop(); got != request(step) {
						t.Fatalf("at %s in %q: got %s", step, test.steps, got)
					}
					delete(waiting, step)
				}
				if order.Len() != len(waiting) {
					t.Fatalf("at %s in %q: %d wait, want %d", step, test.steps, order.Len(), len(waiting))
				}
			}
		})
	}
}
