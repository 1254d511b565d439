// Package markdown finds in a page of documentation what a test can hold to be
// true: code blocks, links, and the names in the text. It knows the Markdown of
// this repository, not all of it.
package markdown

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Document is a page.
type Document struct {
	// Path is where it was read from.
	Path string
	// Text is the whole of it.
	Text string
	// Blocks are its fenced code blocks, in order.
	Blocks []Block
	// Prose is the text without its code blocks.
	Prose string
}

// Block is a fenced code block.
type Block struct {
	// Language is what stands behind the fence; may be empty.
	Language string
	// Text is what is between the fences; it ends with a newline.
	Text string
	// Line is the number of the line behind the opening fence.
	Line int
}

var (
	fenced = regexp.MustCompile("(?ms)^```([^\n]*)\n(.*?)^```$")
	code   = regexp.MustCompile("`([^`\n]+)`")
	link   = regexp.MustCompile(`\]\(([^)\s]+)\)`)

	heading      = regexp.MustCompile(`(?m)^#+ +(.+?) *$`)
	notInAnchors = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// Read a page from a file.
func Read(path string) (Document, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Document{}, err
	}
	return parse(path, string(data)), nil
}

func parse(path, text string) Document {
	d := Document{Path: path, Text: text}
	for _, at := range fenced.FindAllStringSubmatchIndex(text, -1) {
		d.Blocks = append(d.Blocks, Block{
			Language: text[at[2]:at[3]],
			Text:     text[at[4]:at[5]],
			Line:     1 + strings.Count(text[:at[4]], "\n"),
		})
	}
	d.Prose = fenced.ReplaceAllString(text, "")
	return d
}

// In gives the texts of the blocks in a language, in order.
func (d Document) In(language string) []string {
	var texts []string
	for _, block := range d.Blocks {
		if block.Language == language {
			texts = append(texts, block.Text)
		}
	}
	return texts
}

// Code gives what stands between backquotes in the text, in order.
func (d Document) Code() []string { return first(code, d.Prose) }

// DeadLinks gives the links to files, and to headings of pages, that don't exist.
// Those to other sites aren't looked at, since that would take a network.
func (d Document) DeadLinks() []string {
	var dead []string
	for _, target := range first(link, d.Prose) {
		if !strings.Contains(target, "://") && !d.leads(target) {
			dead = append(dead, target)
		}
	}
	return dead
}

func (d Document) leads(target string) bool {
	path, anchor, anchored := strings.Cut(target, "#")
	to := d
	if path != "" {
		to = Document{Path: filepath.Join(filepath.Dir(d.Path), path)}
	}
	if !anchored {
		_, err := os.Stat(to.Path)
		return err == nil
	}
	if path != "" {
		var err error
		if to, err = Read(to.Path); err != nil {
			return false
		}
	}
	return slices.Contains(to.anchors(), anchor)
}

// anchors are what GitHub makes of the headings.
func (d Document) anchors() []string {
	var all []string
	for _, text := range first(heading, d.Prose) {
		all = append(all, strings.ReplaceAll(notInAnchors.ReplaceAllString(strings.ToLower(text), ""), " ", "-"))
	}
	return all
}

func first(pattern *regexp.Regexp, text string) []string {
	var found []string
	for _, match := range pattern.FindAllStringSubmatch(text, -1) {
		found = append(found, match[1])
	}
	return found
}
