package app

import (
	"bytes"
	"errors"
	"regexp"
	"testing"
	"time"
)

func TestLogFormats(t *testing.T) {
	for name, tc := range map[string]struct {
		format, level string
		want          string
	}{
		"for machines": {LogFormatJSON, "info",
			`^\{"level":"info","ts":"[^"]+Z?[^"]*","logger":"cloud","msg":"creating","nlb":"web","after":"1.5s"\}\n\{"level":"error".*"msg":"reading","error":"refused"\}\n$`},
		"for people": {LogFormatConsole, "info",
			`^\d\d:\d\d:\d\d\.\d{3}\tINFO\tcloud\tcreating\t\{"nlb": "web", "after": "1.5s"\}\n.*\tERROR\tcloud\treading\t\{"error": "refused"\}\n$`},
		"with what is for debugging": {LogFormatConsole, "debug", `DEBUG\tcloud\tasking`},
		"only what is grave":         {LogFormatConsole, "error", `^[^\n]*ERROR[^\n]*\n$`},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			log, err := newLogger(&out, tc.format, tc.level)
			if err != nil {
				t.Fatal(err)
			}
			log = log.WithName("cloud")
			log.V(1).Info("asking")
			log.Info("creating", "nlb", "web", "after", 1500*time.Millisecond)
			log.Error(errors.New("refused"), "reading")
			if !regexp.MustCompile(tc.want).Match(out.Bytes()) {
				t.Errorf("logged:\n%s", &out)
			}
		})
	}
}

func TestEveryLevelIsKnownToTheLogger(t *testing.T) {
	for _, level := range logLevels() {
		if _, err := newLogger(&bytes.Buffer{}, LogFormatJSON, level); err != nil {
			t.Error(err)
		}
	}
}
