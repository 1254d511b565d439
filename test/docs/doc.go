// Package docs holds the pages of this repository to what they say: commands
// run, YAML is taken by a real API server, tables are complete, and what a page
// names is there. docs/exosim.md has its tests beside the program, in cmd/exosim.
//
//	pages_test.go        what holds for every page: links, names, kinds of code blocks
//	commands_test.go     the commands and objects of the guide, in the order of a reader
//	runbooks_test.go     the commands of the runbooks
//	iam_test.go          the IAM policy allows enough, and no more
//	annotations_test.go  the table of annotations, which go test -update writes
//	troubleshooting_test.go  what users meet is made, and the page says what they see
//	markdown/            finds code blocks, links and names in a page
package docs
