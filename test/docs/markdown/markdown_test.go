package markdown

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const page = "# A `title`: its own\n" +
	"Run `make demo`, see [the file](there.md), [no file](gone.md) and [a site](https://example.com).\n" +
	"```sh\n" +
	"echo `hostname` # [not](a-link)\n" +
	"```\n" +
	"Then `--flag`, [here](#a-title-its-own), [there](there.md#title), [not](#title) and [neither](there.md#other).\n" +
	"```\n" +
	"plain\n" +
	"```\n"

func TestAPageIsTakenApart(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"page.md": page, "there.md": "## Title\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d, err := Read(filepath.Join(dir, "page.md"))
	if err != nil {
		t.Fatal(err)
	}
	for what, pair := range map[string][2]any{
		"blocks": {[]Block{{"sh", "echo `hostname` # [not](a-link)\n", 4}, {"", "plain\n", 8}}, d.Blocks},
		"in sh":  {[]string{"echo `hostname` # [not](a-link)\n"}, d.In("sh")},
		"code":   {[]string{"title", "make demo", "--flag"}, d.Code()},
		"dead":   {[]string{"gone.md", "#title", "there.md#other"}, d.DeadLinks()},
	} {
		if diff := cmp.Diff(pair[0], pair[1]); diff != "" {
			t.Errorf("%s: -want +got\n%s", what, diff)
		}
	}
}

func TestAPageThatIsNotThereIsAnError(t *testing.T) {
	if _, err := Read(filepath.Join(t.TempDir(), "page.md")); err == nil {
		t.Error("there is none")
	}
}
