package app

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"
)

const about = `The operator for Exoscale Network Load Balancers: it gives Services of type
LoadBalancer, and the objects NetworkLoadBalancer and NLBService, their NLBs.

Usage: manager [flags]
       manager check [flags]     tells whether all is well: see check --help
       manager release [flags]   lets go of all that it holds: see release --help

The API key is read from EXOSCALE_API_KEY and EXOSCALE_API_SECRET, unless
--exoscale-credentials-file is given. Every flag can be set in the environment
too, under the name beside it; the command line comes first.
`

// helpWidth is how wide the text beside the flags gets.
const helpWidth = 72

// help describes every flag: what it takes, its default, its variables.
func help(out io.Writer, about string, groups []group) {
	fmt.Fprint(out, about)
	for _, g := range groups {
		fmt.Fprintf(out, "\n%s\n", g.title)
		g.flags.VisitAll(func(flag *pflag.Flag) { describe(out, flag, g.typed) })
	}
	fmt.Fprint(out, "\nBesides\n  --help\n  --version\n")
}

func describe(out io.Writer, flag *pflag.Flag, typed bool) {
	placeholder, usage := pflag.UnquoteUsage(flag)
	line := "  --" + flag.Name
	switch {
	case flag.Value.Type() == "bool" && flag.DefValue == "true":
		line += "[=false]"
	case flag.Value.Type() != "bool":
		line += " " + placeholder
	}
	if value := shownDefault(flag); value != "" {
		line += " (default " + value + ")"
	}
	fmt.Fprintln(out, line)
	if !typed {
		fmt.Fprintf(out, "      [%s]\n", strings.Join(variables(flag.Name), ", "))
	}
	for _, text := range wrapped(usage, helpWidth) {
		fmt.Fprintf(out, "      %s\n", text)
	}
}

func shownDefault(flag *pflag.Flag) string {
	if flag.Value.Type() == "bool" && flag.DefValue == "false" {
		return ""
	}
	return strings.Trim(flag.DefValue, "[]")
}

func wrapped(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
