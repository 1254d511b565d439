package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// kubectl explain is the reference of the kinds: it has to be enough.
func TestEveryFieldIsDescribed(t *testing.T) {
	for _, crd := range definitions(t) {
		schema := crd.Spec.Versions[0].Schema.OpenAPIV3Schema
		if schema.Description == "" {
			t.Errorf("%s has no description", crd.Spec.Names.Kind)
		}
		for name, field := range fieldsOf(schema, crd.Spec.Names.Kind) {
			if strings.TrimSpace(field.Description) == "" && name != crd.Spec.Names.Kind+".metadata" { // the API server describes that
				t.Errorf("%s has no description", name)
			}
		}
	}
}

// Of what people write, the description also tells the limits and the default.
func TestTheDescriptionsOfSpecsTellLimitsAndDefaults(t *testing.T) {
	for _, crd := range definitions(t) {
		kind := crd.Spec.Names.Kind
		spec := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
		for name, field := range fieldsOf(&spec, kind+".spec") {
			if strings.Contains(name, "elector.") { // a selector's fields are Kubernetes' own
				continue
			}
			said := " " + strings.Join(strings.Fields(field.Description), " ") + " "
			for _, word := range promised(t, field) {
				if !regexp.MustCompile(`\W` + regexp.QuoteMeta(word) + `\W`).MatchString(said) {
					t.Errorf("the description of %s doesn't tell %q:\n%s", name, word, field.Description)
				}
			}
		}
	}
}

// promised are the words that a field's description must have.
func promised(t *testing.T, field apiextensionsv1.JSONSchemaProps) (words []string) {
	t.Helper()
	for _, limit := range []*float64{field.Minimum, field.Maximum} {
		if limit != nil {
			words = append(words, fmt.Sprint(*limit))
		}
	}
	judged := len(field.XValidations) > 0 // then its own sentence says what is allowed
	for _, limit := range []*int64{field.MaxLength, field.MaxProperties, field.MaxItems} {
		if limit != nil && !judged {
			words = append(words, fmt.Sprint(*limit))
		}
	}
	for _, value := range field.Enum {
		var word string
		if err := json.Unmarshal(value.Raw, &word); err != nil {
			t.Fatal(err)
		}
		words = append(words, word)
	}
	if field.Default != nil && field.Type != "object" {
		words = append(words, "Default: "+strings.Trim(string(field.Default.Raw), `"`))
	}
	return words
}

func TestWhatKubectlGetShows(t *testing.T) {
	want := map[string]string{
		"NetworkLoadBalancer": "Address State Services Ready Reason Age | Zone ID",
		"NLBService":          "LoadBalancer Port Protocol Pool Healthy Ready Reason Age | Target-Port Probed-At Address ID",
		"NodeIdentity":        "Instance Pool Zone Verified Reason Node Age | State Type SKS-Nodepool",
	}
	shortNames := map[string]string{"NetworkLoadBalancer": "nlb", "NLBService": "nlbsvc", "NodeIdentity": "nodeid"}
	for kind, crd := range definitions(t) {
		var always, wide []string
		for _, column := range crd.Spec.Versions[0].AdditionalPrinterColumns {
			if column.Priority == 0 {
				always = append(always, column.Name)
			} else {
				wide = append(wide, column.Name)
			}
		}
		if diff := cmp.Diff(want[kind], strings.Join(always, " ")+" | "+strings.Join(wide, " ")); diff != "" {
			t.Errorf("the columns of %s (-want +got)\n%s", kind, diff)
		}
		if diff := cmp.Diff([]string{shortNames[kind]}, crd.Spec.Names.ShortNames); diff != "" {
			t.Errorf("the short names of %s (-want +got)\n%s", kind, diff)
		}
		if diff := cmp.Diff([]string{"exoscale"}, crd.Spec.Names.Categories); diff != "" {
			t.Errorf("the categories of %s (-want +got)\n%s", kind, diff)
		}
	}
}

// fieldsOf are all fields below a schema, by their path.
func fieldsOf(schema *apiextensionsv1.JSONSchemaProps, path string) map[string]apiextensionsv1.JSONSchemaProps {
	fields := map[string]apiextensionsv1.JSONSchemaProps{}
	for name, field := range schema.Properties {
		fields[path+"."+name] = field
		maps.Copy(fields, fieldsOf(&field, path+"."+name))
	}
	if schema.Items != nil {
		maps.Copy(fields, fieldsOf(schema.Items.Schema, path+"[]"))
	}
	return fields
}

// definitions are the CRDs of the checkout, by their kind. They are read here,
// and not asked of the API server, so that go test knows on which files the
// results of this package depend.
func definitions(t *testing.T) map[string]*apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "..", "config", "crd", "bases", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	definitions := map[string]*apiextensionsv1.CustomResourceDefinition{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.UnmarshalStrict(data, crd); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		definitions[crd.Spec.Names.Kind] = crd
	}
	if kinds := slices.Sorted(maps.Keys(definitions)); !slices.Equal(kinds, []string{"NLBService", "NetworkLoadBalancer", "NodeIdentity"}) {
		t.Fatalf("the CRDs are those of %s", kinds)
	}
	return definitions
}
