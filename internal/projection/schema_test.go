package projection_test

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/runtime"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// schemas judge objects by the installed CRDs, rules included, as the API server
// does.
type schemas struct{ loadBalancers, services crdSchema }

type crdSchema struct {
	structural *schema.Structural
	fields     validation.SchemaValidator
	rules      *cel.Validator
}

func newSchemas(tb testing.TB) *schemas {
	tb.Helper()
	return &schemas{loadBalancers: schemaOf(tb, "networkloadbalancers"), services: schemaOf(tb, "nlbservices")}
}

func schemaOf(tb testing.TB, plural string) crdSchema {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "config", "crd", "bases", v1alpha1.Group+"_"+plural+".yaml"))
	if err != nil {
		tb.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(text, &crd); err != nil {
		tb.Fatal(err)
	}
	var props apiextensions.JSONSchemaProps
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(crd.Spec.Versions[0].Schema.OpenAPIV3Schema, &props, nil); err != nil {
		tb.Fatal(err)
	}
	structural, err := schema.NewStructural(&props)
	if err != nil {
		tb.Fatal(err)
	}
	fields, _, err := validation.NewSchemaValidator(&props)
	if err != nil {
		tb.Fatal(err)
	}
	return crdSchema{structural, fields, cel.NewValidator(structural, true, celconfig.PerCallLimit)}
}

func (s *schemas) loadBalancer(t *testing.T, object *v1alpha1.NetworkLoadBalancer) {
	t.Helper()
	if refused := s.loadBalancers.refuses(t, object); refused != nil {
		t.Errorf("the API server would refuse NetworkLoadBalancer %s: %s", object.Name, refused)
	}
}

func (s *schemas) service(t *testing.T, object *v1alpha1.NLBService) {
	t.Helper()
	if refused := s.services.refuses(t, object); refused != nil {
		t.Errorf("the API server would refuse NLBService %s: %s", object.Name, refused)
	}
}

// refuses tells what is wrong with the spec of an object; the rest isn't planned.
func (s *crdSchema) refuses(t *testing.T, object any) error {
	t.Helper()
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(fields, func(key string, _ any) bool { return key != "spec" })
	defaulting.Default(fields, s.structural)
	wrong := validation.ValidateCustomResource(nil, fields, s.fields)
	broken, _ := s.rules.Validate(t.Context(), nil, s.structural, fields, nil, celconfig.RuntimeCELCostBudget)
	return append(wrong, broken...).ToAggregate()
}

func TestTheSchemasOfFuzzingRefuseWhatTheAPIServerDoes(t *testing.T) {
	check := newSchemas(t)
	object := &v1alpha1.NLBService{}
	object.Spec = v1alpha1.NLBServiceSpec{
		LoadBalancerRef: v1alpha1.LoadBalancerReference{Name: "edge"}, Port: 80, TargetPort: 30080,
		Target: v1alpha1.Target{InstancePoolID: pool},
	}
	if refused := check.services.refuses(t, object); refused != nil {
		t.Errorf("a valid NLBService is refused: %s", refused)
	}
	byRange, byRule := object.DeepCopy(), object.DeepCopy()
	byRange.Spec.Port = 70000
	byRule.Spec.HealthCheck.Path = "/with-tcp"
	for _, wrong := range []*v1alpha1.NLBService{byRange, byRule} {
		if check.services.refuses(t, wrong) == nil {
			t.Errorf("this is accepted: %+v", wrong.Spec)
		}
	}
}
