package metrics

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

const repository = "../.."

// parsed are the files of a folder and below, without tests, by their paths in the
// repository.
func parsed(t *testing.T, folder string) map[string]*ast.File {
	t.Helper()
	files := map[string]*ast.File{}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(repository, path)
		files[filepath.ToSlash(name)] = file
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// sent is a place in the code that sends an Event.
type sent struct{ file, eventType, reason string }

// sentIn finds those in files: calls of Normal and Warning (see outcome.Notices), and of
// Eventf with a constant type.
func sentIn(files map[string]*ast.File) []sent {
	var all []sent
	for name, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			call, is := n.(*ast.CallExpr)
			if !is {
				return true
			}
			method, is := call.Fun.(*ast.SelectorExpr)
			switch {
			case !is:
			case (method.Sel.Name == corev1.EventTypeNormal || method.Sel.Name == corev1.EventTypeWarning) && len(call.Args) >= 3:
				all = append(all, sent{name, method.Sel.Name, types.ExprString(call.Args[0])})
			case method.Sel.Name == "Eventf" && len(call.Args) >= 6:
				if kind, is := strings.CutPrefix(types.ExprString(call.Args[2]), "corev1.EventType"); is {
					all = append(all, sent{name, kind, types.ExprString(call.Args[3])})
				}
			}
			return true
		})
	}
	return all
}

// foreseenBy are the reasons that package app foresees besides, as "csr.ReasonX Normal".
func foreseenBy(files map[string]*ast.File) []string {
	var all []string
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			call, is := n.(*ast.CallExpr)
			if !is || !strings.HasSuffix(types.ExprString(call.Fun), ".Foresee") || len(call.Args) < 3 {
				return true
			}
			for _, reason := range call.Args[2:] {
				all = append(all, types.ExprString(reason)+" "+strings.TrimPrefix(types.ExprString(call.Args[1]), "corev1.EventType"))
			}
			return true
		})
	}
	return all
}

// kindsIn are the kinds of the objects of which a controller sends Events of the type
// Normal.
var kindsIn = map[string][]string{
	"controllers/service":             {kindService},
	"controllers/networkloadbalancer": {kindLoadBalancer},
	"controllers/nlbservice":          {kindNLBService},
	"controllers/nodeidentity":        {kindNodeIdentity},
}

// handOverReasons are the functions that say why traffic isn't moved yet.
var handOverReasons = []string{
	"controllers/nlbservice/handover.go handOver", "internal/nlb/handover.go Decide", "internal/nlb/handover.go byProbe",
	"internal/outcome/cloud.go FromCloud",
}

// computed are reasons that aren't constants, by their place in the code: whether they are
// those of conditions that aren't as they should be, or else which they are.
var computed = map[sent]struct {
	ofConditions bool
	reasons      []string
	// from are the functions in whose code they stand, as "file function".
	from  []string
	kinds []string
}{
	{"controllers/service/describe.go", "Warning", "c.Reason"}:                  {ofConditions: true},
	{"controllers/nodeidentity/describe.go", "Warning", "bound.Verdict.Reason"}: {ofConditions: true},
	{"controllers/nodeidentity/apply.go", "Warning", "out.Reason"}:              {ofConditions: true},
	{"controllers/nlbservice/describe.go", "Warning", "now.Reason"}:             {ofConditions: true},
	{"controllers/nlbservice/sidecars.go", "Warning", "now.Reason"}:             {ofConditions: true},
	{"controllers/nlbservice/kept.go", "Warning", "round.kept[0].reason"}:       {ofConditions: true},
	{"internal/outcome/notices.go", "Warning", "stalled.Reason"}:                {ofConditions: true},
	{"controllers/nlbservice/handover.go", "Warning", "now.reason"}:             {ofConditions: true},
	{"controllers/nlbservice/describe.go", "Normal", "now.Reason"}:              {reasons: []string{v1alpha1.ReasonBackendsHealthy}, kinds: []string{kindNLBService}},
	{"controllers/nlbservice/sidecars.go", "Normal", "now.Reason"}:              {reasons: []string{v1alpha1.ReasonSidecarsInjected}, kinds: []string{kindNLBService}},
	{"controllers/nlbservice/handover.go", "Normal", "now.reason"}:              {from: handOverReasons, kinds: []string{kindNLBService}},
	{"controllers/service/describe.go", "Normal", "c.Reason"}:                   {from: handOverReasons, kinds: []string{kindService}},
}

// The first Event of a kind is missed if its counter isn't there before.
func TestEveryEventThatIsSentIsForeseen(t *testing.T) {
	reasons, app := reasonsOf(t, "../../api/v1alpha1"), foreseenBy(parsed(t, "../../cmd/manager/app"))
	files := parsed(t, "../../controllers")
	for name, file := range parsed(t, "../../internal") {
		files[name] = file
	}
	all := sentIn(files)
	if len(all) < 30 {
		t.Fatalf("only %d places are found", len(all))
	}
	for _, one := range all {
		folder, _ := filepath.Split(one.file)
		folder = strings.TrimSuffix(folder, "/")
		constant, isOurs := strings.CutPrefix(one.reason, "v1alpha1.")
		known, isComputed := computed[one]
		switch {
		case isComputed:
			if known.ofConditions && one.eventType != corev1.EventTypeWarning {
				t.Errorf("%s sends %s as %s: which reasons are these?", one.file, one.reason, one.eventType)
			}
			for _, kind := range known.kinds {
				for _, reason := range append(reasonsIn(t, files, reasons, known.from...), known.reasons...) {
					wantForeseen(t, one, kind, reason)
				}
			}
		case isOurs && one.eventType == corev1.EventTypeWarning:
			wantForeseen(t, one, "", reasons[constant])
		case isOurs:
			kinds := kindsIn[folder]
			if len(kinds) == 0 {
				t.Errorf("%s sends %s: of which kind? (kindsIn)", one.file, one.reason)
			}
			for _, kind := range kinds {
				wantForeseen(t, one, kind, reasons[constant])
			}
		case strings.HasPrefix(one.reason, "Reason"):
			if name := filepath.Base(folder) + "." + one.reason + " " + one.eventType; !slices.Contains(app, name) {
				t.Errorf("%s sends %s, which package app doesn't foresee", one.file, name)
			}
		default:
			t.Errorf("%s sends an Event of the type %s whose reason is %s: which may that be? (computed)", one.file, one.eventType, one.reason)
		}
	}
	for one := range computed {
		if !slices.Contains(all, one) {
			t.Errorf("nothing sends %v any more", one)
		}
	}
}

// reasonsIn are the reasons of the API that functions name.
func reasonsIn(t *testing.T, files map[string]*ast.File, reasons map[string]string, functions ...string) []string {
	t.Helper()
	var all []string
	for _, function := range functions {
		name, in, _ := strings.Cut(function, " ")
		found := 0
		for _, declared := range files[name].Decls {
			if f, is := declared.(*ast.FuncDecl); !is || f.Name.Name != in {
				continue
			}
			ast.Inspect(declared, func(n ast.Node) bool {
				if e, is := n.(*ast.SelectorExpr); is && strings.HasPrefix(types.ExprString(e), "v1alpha1.Reason") {
					all, found = append(all, reasons[e.Sel.Name]), found+1
				}
				return true
			})
		}
		if found == 0 {
			t.Errorf("%s names no reason", function)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// wantForeseen: Warnings are foreseen of all kinds alike.
func wantForeseen(t *testing.T, one sent, kind, reason string) {
	t.Helper()
	foreseen := normals[kind]
	if one.eventType == corev1.EventTypeWarning {
		foreseen = warnings
	}
	if reason == "" || !slices.Contains(foreseen, reason) {
		t.Errorf("%s sends an Event of the type %s, %s %q, which foreseen.go doesn't list", one.file, one.eventType, kind, reason)
	}
}
