package helm

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"sigs.k8s.io/yaml"
)

// schema is as much of one as the chart's has.
type schema struct {
	Ref                  string             `json:"$ref"`
	Type                 string             `json:"type"`
	Enum                 []any              `json:"enum"`
	Description          string             `json:"description"`
	Properties           map[string]*schema `json:"properties"`
	AdditionalProperties json.RawMessage    `json:"additionalProperties"`
	Items                *schema            `json:"items"`
	Definitions          map[string]*schema `json:"definitions"`
}

func readSchema(t *testing.T) *schema {
	t.Helper()
	root := &schema{}
	if err := json.Unmarshal([]byte(read(t, "values.schema.json")), root); err != nil {
		t.Fatal(err)
	}
	root.resolve(root.Definitions)
	return root
}

// resolve puts what is referred to in the place of the reference.
func (s *schema) resolve(definitions map[string]*schema) {
	if s == nil {
		return
	}
	if name, is := regexpCut(`^#/definitions/(.*)$`, s.Ref); is {
		*s = *definitions[name]
	}
	s.Items.resolve(definitions)
	for _, property := range s.Properties {
		property.resolve(definitions)
	}
}

func TestTheSchemaSaysWhatTheValuesSay(t *testing.T) {
	var defaults map[string]any
	if err := yaml.Unmarshal([]byte(read(t, "values.yaml")), &defaults); err != nil {
		t.Fatal(err)
	}
	root := readSchema(t)
	delete(root.Properties, "global") // is helm's, and has no default
	compare(t, "", defaults, root)
}

func compare(t *testing.T, path string, defaults map[string]any, s *schema) {
	t.Helper()
	names := slices.Sorted(maps.Keys(s.Properties))
	if got := slices.Sorted(maps.Keys(defaults)); !slices.Equal(got, names) {
		t.Errorf("%s: values.yaml has %v, its schema %v", path, got, names)
	}
	for name, property := range s.Properties {
		value, is := defaults[name].(map[string]any)
		if is && property.Properties != nil {
			compare(t, path+"/"+name, value, property)
		}
	}
}

// Whatever may hold anything says why; all else refuses what it doesn't know.
func TestTheSchemaRefusesWhatItDoesntKnow(t *testing.T) {
	var look func(path string, s *schema)
	look = func(path string, s *schema) {
		if s == nil {
			return
		}
		closed := string(s.AdditionalProperties) == "false"
		switch {
		case s.Type == "" && s.Enum == nil:
			t.Errorf("%s: may be of any type", path)
		case s.Type == "object" && s.Properties != nil && !closed:
			t.Errorf("%s: takes properties that it doesn't know", path)
		case s.Type == "object" && s.Properties == nil && s.Description == "" && len(s.AdditionalProperties) == 0 && filepath.Base(path) != "[]":
			t.Errorf("%s: takes anything, and doesn't say why", path)
		case s.Type == "array" && s.Items == nil:
			t.Errorf("%s: takes a list of anything", path)
		}
		look(path+"/[]", s.Items)
		for name, property := range s.Properties {
			look(path+"/"+name, property)
		}
	}
	look("", readSchema(t))
}

func TestTheREADMETellsEveryValue(t *testing.T) {
	told := map[string]bool{}
	for _, row := range regexp.MustCompile(`(?m)^\| (\S+) \| \w+ \| .* \| \S.* \|$`).FindAllStringSubmatch(read(t, "README.md"), -1) {
		told[row[1]] = true
	}
	var look func(path string, s *schema)
	look = func(path string, s *schema) {
		for name, property := range s.Properties {
			if property.Properties != nil {
				look(path+name+".", property)
			} else if !told[path+name] {
				t.Errorf("the README doesn't tell what %s is", path+name)
			}
		}
	}
	root := readSchema(t)
	delete(root.Properties, "global")
	look("", root)
}

func read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(chart, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func regexpCut(pattern, text string) (string, bool) {
	found := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if found == nil {
		return "", false
	}
	return found[1], true
}
