package docs

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/exoscale-community/nlb-operator/test/docs/markdown"
)

// notRun are the commands that can't be run here, by what a block begins with.
var notRun = map[string]string{
	"kubectl --namespace exoscale-nlb-operator-system exec": "it runs in a Pod, and the nodes here run none; test/install runs it with the rights of that Pod",
	"helm uninstall":                    "it takes helm, with which test/install/helm runs it",
	"helm upgrade":                      "it takes helm, with which test/install/helm runs it",
	"kubectl apply -k config/release\n": "it waits for a Pod that runs, and the nodes here run none; test/install runs what it runs",
	"exo ":                              "it changes an Exoscale account, which tests have none of; exosim simulates neither IAM nor changes of security groups",
	"kubectl create namespace exoscale-nlb-operator-system\n":  "it takes helm, with which test/install/helm runs it",
	"kubectl --namespace exoscale-nlb-operator-system rollout": "it waits for a Pod that runs, and the nodes here run none",
	"kubectl --namespace exoscale-nlb-operator-system logs":    "it takes a Pod that runs, and the nodes here run none",
	"kubectl --namespace kube-system rollout status":           "it waits for a Pod that runs, and the nodes here run none",
}

// dry are those that do too much here: make only tells what it would do, except for
// what is needed to go on.
var dry = strings.NewReplacer("make install-manifests", "make install-manifests", "make ", "make --dry-run ")

// TestTheGuideOnARealCluster reads the pages of the guide one after the other.
func TestTheGuideOnARealCluster(t *testing.T) {
	t.Parallel()
	w := start(t)
	t.Run("the objects are accepted as they stand", w.objectsAreAccepted)
	t.Run("the API key may do all that is needed and no more", w.keyIsEnough)
	t.Run("the commands do what the pages say", w.commandsWork)
}

func TestWhatIsNotRunIsThere(t *testing.T) {
	commands := runbookCommands(t)
	for _, name := range slices.Concat(guide, []string{migrationPage, udpPage, uninstallPage}) {
		commands = append(commands, page(t, name).In("sh")...)
	}
	for begin := range notRun {
		if !slices.ContainsFunc(commands, func(block string) bool { return strings.HasPrefix(block, begin) }) {
			t.Errorf("no command begins with %q any more: take it off the list", begin)
		}
	}
}

// isNotRun tells whether a block of commands can't be run here, and why.
func isNotRun(block string) (reason string, is bool) {
	for begin, reason := range notRun {
		if strings.HasPrefix(block, begin) {
			return reason, true
		}
	}
	return "", false
}

func (w given) objectsAreAccepted(t *testing.T) {
	for _, name := range guide {
		for _, object := range page(t, name).In("yaml") {
			w.run(t, object, "kubectl create --dry-run=server --validate=strict --filename -")
		}
	}
}

// commandsWork goes through the guide as a reader does, in its order. A page that fails
// is the last, since those behind it build on it.
func (w given) commandsWork(t *testing.T) {
	w.operate(t, "default", w.cloud.AdminKey()) // in place of the Pod, which nobody runs here
	for _, name := range guide {
		if !t.Run(name, func(t *testing.T) { w.goThrough(t, page(t, name)) }) {
			return
		}
	}
}

// goThrough runs the commands of a page, applies its Services, and waits for the tables
// that it shows.
func (w given) goThrough(t *testing.T, document markdown.Document) {
	t.Helper()
	var last string
	for _, block := range document.Blocks {
		switch {
		case block.Language == "sh":
			last = w.follow(t, block)
		case block.Language == "yaml" && strings.Contains(block.Text, "kind: Service\n"):
			w.run(t, block.Text, "kubectl apply --filename -")
		case block.Language == "text":
			w.shows(t, block, last)
		}
	}
}

// follow runs a block of commands, and gives the last of them.
func (w given) follow(t *testing.T, block markdown.Block) string {
	t.Helper()
	if reason, is := isNotRun(block.Text); is {
		t.Logf("line %d isn't run: %s", block.Line, reason)
		return ""
	}
	w.run(t, "", dry.Replace(block.Text))
	lines := strings.Split(strings.TrimSpace(block.Text), "\n")
	return lines[len(lines)-1]
}

// run gives a script what is to be read, and returns what it says.
func (w given) run(t *testing.T, stdin, script string) string {
	t.Helper()
	said, err := w.try(t, stdin, script)
	if err != nil {
		t.Fatalf("%s\n%v\n%s", script, err, said)
	}
	return said
}

func (w given) try(t *testing.T, stdin, script string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	shell := exec.CommandContext(ctx, "sh", "-eu", "-c", script)
	shell.WaitDelay = patience // for what the shell has started
	shell.Dir = root
	shell.Stdin = strings.NewReader(stdin)
	shell.Env = append(os.Environ(),
		"PATH="+filepath.Join(w.folder, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"),
		"KUBECONFIG="+filepath.Join(w.folder, "kubeconfig"), "HOME="+w.folder, "MAKEFLAGS=")
	output, err := shell.CombinedOutput()
	return string(output), err
}

// shows waits until a command shows the tables that the page shows.
func (w given) shows(t *testing.T, block markdown.Block, command string) {
	t.Helper()
	g := NewWithT(t)
	want := tables(block.Text)
	g.Expect(want).NotTo(BeEmpty())
	g.Eventually(func(g Gomega) {
		said, err := w.try(t, "", command)
		g.Expect(err).NotTo(HaveOccurred(), said)
		got := tables(said)
		for row, cells := range want {
			g.Expect(got).To(HaveKeyWithValue(row, cells), said)
		}
	}, patience).Should(Succeed())
}

// varying are the columns whose values are others each time.
var varying = map[string]bool{"CLUSTER-IP": true, "EXTERNAL-IP": true, "ADDRESS": true, "PORT(S)": true, "AGE": true}

// tables reads what kubectl prints: rows by their first cell, cells by column.
// Of the columns that vary only that they are there and filled counts.
func tables(text string) map[string]map[string]string {
	rows := map[string]map[string]string{}
	var columns []string
	for line := range strings.SplitSeq(text, "\n") {
		cells := strings.Fields(line)
		switch {
		case len(cells) == 0:
		case cells[0] == "NAME":
			columns = cells
		case len(cells) == len(columns):
			row := map[string]string{}
			for i, column := range columns[1:] {
				if row[column] = cells[i+1]; varying[column] && cells[i+1] != "<pending>" {
					row[column] = "some"
				}
			}
			rows[cells[0]] = row
		}
	}
	return rows
}
