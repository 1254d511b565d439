package docs

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
	"github.com/exoscale-community/nlb-operator/test/docs/markdown"
)

// root is the checkout.
const root = "../.."

const (
	readme          = "README.md" // the front page
	indexPage       = "docs/README.md"
	installPage     = "docs/install.md"
	annotationsPage = "docs/annotations.md"
	objectsPage     = "docs/nlb-objects.md"
	sharingPage     = "docs/sharing.md"
	nodesPage       = "docs/nodes.md"
	ccmPage         = "docs/ccm.md"
	settingsPage    = "docs/settings.md"
	operatePage     = "docs/operate.md"
)

// guide lists the pages by task, in the order of a reader. One test goes through them on
// one cluster, so that a page may build on those before it.
var guide = []string{readme, installPage, annotationsPage, objectsPage, sharingPage, nodesPage, ccmPage, settingsPage, operatePage}

// pages are all pages of the repository, by their path in it.
func pages(t *testing.T) map[string]markdown.Document {
	t.Helper()
	all := map[string]markdown.Document{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && strings.HasPrefix(entry.Name(), "."), entry.IsDir() && entry.Name() == "testdata":
			return fs.SkipDir
		case filepath.Ext(path) != ".md":
			return nil
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		all[name], err = markdown.Read(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// page is one of them, by its path in the repository.
func page(t *testing.T, name string) markdown.Document {
	t.Helper()
	document, err := markdown.Read(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// forEachPage runs a test for each page.
func forEachPage(t *testing.T, test func(*testing.T, markdown.Document)) {
	t.Helper()
	for name, document := range pages(t) {
		t.Run(name, func(t *testing.T) { test(t, document) })
	}
}

func TestLinksLead(t *testing.T) {
	forEachPage(t, func(t *testing.T, d markdown.Document) {
		for _, dead := range d.DeadLinks() {
			t.Errorf("there is no %s", dead)
		}
	})
}

// blocksTestedBy lists where the code blocks of pages outside the guide are tested.
var blocksTestedBy = map[string]string{
	migrationPage:    "this package",
	udpPage:          "this package",
	uninstallPage:    "this package",
	securityPage:     "this package",
	"docs/exosim.md": "cmd/exosim",
	"docs/argocd.md": "test/argocd",

	troubleshootingPage: "this package",
}

// testedBy reports where the code blocks of a page are tested; empty: nowhere.
func testedBy(name string) string {
	switch {
	case slices.Contains(guide, name):
		return "this package"
	case strings.HasPrefix(name, runbooksFolder):
		return "this package and, in promql, test/monitoring"
	default:
		return blocksTestedBy[name]
	}
}

// knownInGuide reports whether a test of the guide runs or checks blocks in a language.
func knownInGuide(name, language string) bool {
	return slices.Contains([]string{"sh", "yaml", "text"}, language) || language == "json" && name == installPage
}

func TestEveryCodeBlockIsTested(t *testing.T) {
	for name, document := range pages(t) {
		for _, block := range document.Blocks {
			switch {
			case block.Language == "mermaid": // TestFiguresAreFlowcharts
			case testedBy(name) == "":
				t.Errorf("%s:%d: no test looks at the code blocks of this page", name, block.Line)
			case slices.Contains(guide, name) && !knownInGuide(name, block.Language):
				t.Errorf("%s:%d: no test knows what to do with a block in %q", name, block.Line, block.Language)
			}
		}
	}
}

// A block that is indented, in a list for example, is none that these tests find.
func TestNoCodeBlockOfTheGuideHides(t *testing.T) {
	for _, name := range guide {
		if strings.Contains(page(t, name).Prose, "```") {
			t.Errorf("%s has a code block that doesn't begin at the margin", name)
		}
	}
}

// longestFrontPage is what a newcomer reads in five minutes, in words as wc counts them.
const longestFrontPage = 1200

func TestTheFrontPageIsShort(t *testing.T) {
	if words := len(strings.Fields(page(t, readme).Text)); words > longestFrontPage {
		t.Errorf("%s has %d words, more than %d: move some to a page of docs/", readme, words, longestFrontPage)
	}
}

func TestTheIndexNamesEveryPage(t *testing.T) {
	index := page(t, indexPage).Text
	for name := range pages(t) {
		if filepath.Dir(name) == filepath.Dir(indexPage) && name != indexPage && !strings.Contains(index, "]("+filepath.Base(name)+")") {
			t.Errorf("%s doesn't link to %s", indexPage, name)
		}
	}
}

// The conditions are told where people learn to read them.
func TestEveryConditionIsExplained(t *testing.T) {
	source, err := os.ReadFile(filepath.Join(root, "api", "v1alpha1", "conditions.go"))
	if err != nil {
		t.Fatal(err)
	}
	types := regexp.MustCompile(`(?m)^\t(?:Service)?Condition\w+ += (Prefix \+ )?"(\w+)"$`).FindAllStringSubmatch(string(source), -1)
	if len(types) < 10 {
		t.Fatalf("only %d types of conditions were found", len(types))
	}
	explained := strings.Join(page(t, operatePage).Code(), " ")
	for _, kind := range types {
		name := kind[2]
		if kind[1] != "" {
			name = v1alpha1.Prefix + name
		}
		if !slices.Contains(strings.Fields(explained), name) {
			t.Errorf("%s doesn't explain the condition %s", operatePage, name)
		}
	}
}

// Nothing here draws Mermaid, so that a figure can only be looked at for what
// goes wrong most: an opening without its end, a name of the language as an id.
func TestFiguresAreFlowcharts(t *testing.T) {
	forEachPage(t, func(t *testing.T, d markdown.Document) {
		for _, figure := range d.In("mermaid") {
			if !strings.HasPrefix(figure, "flowchart ") {
				t.Errorf("is no flowchart:\n%s", figure)
			}
			opened := len(regexp.MustCompile(`(?m)^\s*subgraph `).FindAllString(figure, -1))
			closed := len(regexp.MustCompile(`(?m)^\s*end$`).FindAllString(figure, -1))
			if opened != closed {
				t.Errorf("%d subgraphs, %d ends:\n%s", opened, closed, figure)
			}
			for _, pair := range []string{"[]", "()"} {
				if strings.Count(figure, pair[:1]) != strings.Count(figure, pair[1:]) {
					t.Errorf("not as many %q as %q:\n%s", pair[:1], pair[1:], figure)
				}
			}
		}
	})
}

func TestFlagsAreThere(t *testing.T) {
	known, sidecars := flags(t), flagsOfTheSidecar(t)
	forEachPage(t, func(t *testing.T, d markdown.Document) {
		if blocksTestedBy[d.Path[len(root)+1:]] == "cmd/exosim" {
			t.Skip("it is about another program; cmd/exosim looks at its flags")
		}
		for _, word := range d.Code() {
			name, is := strings.CutPrefix(word, "--")
			if name, _, _ = strings.Cut(name, "="); d.Path[len(root)+1:] == udpPage && sidecars[name] {
				continue
			}
			if is && !known[name] && !slices.Contains(notYet, name) {
				t.Errorf("the manager has no flag --%s", name)
			}
		}
	})
}

// notYet are the flags that the README says are missing.
var notYet = []string{"read-only"}

// flagsOfTheSidecar are in its help, which its own tests hold right.
func flagsOfTheSidecar(t *testing.T) map[string]bool {
	t.Helper()
	help, err := os.ReadFile(filepath.Join(root, "cmd", "udp-healthcheck", "testdata", "help.txt"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, match := range regexp.MustCompile(`(?m)^ +--(\S+)`).FindAllStringSubmatch(string(help), -1) {
		found[match[1]] = true
	}
	return found
}

// flags are those of the manager, from its helps.
func flags(t *testing.T) map[string]bool {
	t.Helper()
	var help strings.Builder
	for _, args := range [][]string{{"--help"}, {"release", "--help"}} {
		command := app.Command{Args: args, Out: &help, Lookup: func(string) (string, bool) { return "", false }}
		if err := command.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	known := map[string]bool{}
	for _, match := range regexp.MustCompile(`(?m)^ +--([a-z-]+)`).FindAllStringSubmatch(help.String(), -1) {
		known[match[1]] = true
	}
	if !known["zone"] {
		t.Fatalf("no flags found in\n%s", &help)
	}
	return known
}

func TestTargetsOfMakeAreThere(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	forEachPage(t, func(t *testing.T, d markdown.Document) {
		commands := d.Code()
		for _, script := range d.In("sh") {
			commands = append(commands, strings.Split(script, "\n")...)
		}
		for _, command := range commands {
			arguments, is := strings.CutPrefix(command, "make ")
			for _, argument := range strings.Fields(arguments) {
				if !is || strings.Contains(argument, "=") {
					continue // a variable
				}
				if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(argument) + `:.*## `).Match(makefile) {
					t.Errorf("make help doesn't list %s, of %q", argument, command)
				}
			}
		}
	})
}

func TestFilesAndFoldersAreThere(t *testing.T) {
	ours := regexp.MustCompile(`^(api|charts|cmd|config|controllers|docs|internal|test)(/[\w./-]*)?$`)
	forEachPage(t, func(t *testing.T, d markdown.Document) {
		for _, word := range d.Code() {
			if !ours.MatchString(word) {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, word)); err != nil {
				t.Errorf("there is no %s", word)
			}
		}
	})
}

// What is named as Go names it, package and identifier, is declared there.
func TestGoNamesAreDeclared(t *testing.T) {
	name := regexp.MustCompile(`^([a-z]+)\.([A-Z]\w*)$`)
	forEachPage(t, func(t *testing.T, d markdown.Document) {
		for _, word := range d.Code() {
			parts := name.FindStringSubmatch(word)
			if parts != nil && word != "context.Context" && !declared(t, parts[1], parts[2]) {
				t.Errorf("no package %s declares %s", parts[1], parts[2])
			}
		}
	})
}

func declared(t *testing.T, pkg, name string) bool {
	t.Helper()
	declaration := regexp.MustCompile(`(?m)^(func|type|var|const)? ?\s*` + name + `\b`)
	for _, room := range []string{"api", "cmd", "controllers", "internal", "test"} {
		files, err := filepath.Glob(filepath.Join(root, room, pkg, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if declaration.Match(source) {
				return true
			}
		}
	}
	return false
}

func TestTheArchitectureNamesEveryRoom(t *testing.T) {
	named := page(t, "docs/architecture.md").Code()
	for _, room := range []string{"cmd", "controllers", "internal", "test"} {
		folders, err := os.ReadDir(filepath.Join(root, room))
		if err != nil {
			t.Fatal(err)
		}
		for _, folder := range folders {
			if path := room + "/" + folder.Name(); folder.IsDir() && !slices.Contains(named, path) {
				t.Errorf("%s isn't in it", path)
			}
		}
	}
}

// The README's list of what isn't there yet has to shrink when something comes.
func TestWhatIsNotThereYetIsNotThere(t *testing.T) {
	known := flags(t)
	for _, name := range notYet {
		if known[name] {
			t.Errorf("the flag --%s is there now: tell of it in the README", name)
		}
		if !slices.Contains(page(t, readme).Code(), "--"+name) {
			t.Errorf("the README doesn't mention --%s any more: take it off this list", name)
		}
	}
}
