package annotation

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/udpprobe"
)

// maxText is the longest name, description or path at Exoscale, in characters.
const maxText = 255

// The longest values that are read, in bytes: nobody's annotations may take much of
// the operator's time. Exoscale's texts end before the first.
const (
	longestValue    = maxText * utf8.UTFMax
	longestSelector = 16 << 10
	longestProbe    = udpprobe.MaxText
)

func (k Key) longest() int { return cmp.Or(k.most, longestValue) }

var uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

var strategies = map[string]v1alpha1.Strategy{
	"round-robin": v1alpha1.StrategyRoundRobin,
	"source-hash": v1alpha1.StrategySourceHash,
	"maglev-hash": v1alpha1.StrategyMaglevHash,
}

var modes = map[string]v1alpha1.HealthCheckMode{
	"tcp":   v1alpha1.HealthCheckTCP,
	"http":  v1alpha1.HealthCheckHTTP,
	"https": v1alpha1.HealthCheckHTTPS,
}

var deletionPolicies = map[string]v1alpha1.DeletionPolicy{
	string(v1alpha1.DeletionDelete): v1alpha1.DeletionDelete,
	string(v1alpha1.DeletionRetain): v1alpha1.DeletionRetain,
}

func setID(field *string, value string) bool {
	*field = strings.ToLower(value)
	return uuid.MatchString(*field)
}

func setText(field *string, value string, shortest int) bool {
	*field = value
	length := utf8.RuneCountInString(value)
	return utf8.ValidString(value) && shortest <= length && length <= maxText
}

func setBool(field *bool, value string) bool {
	*field = strings.EqualFold(value, "true")
	return *field || strings.EqualFold(value, "false")
}

func setOneOf[T any](field *T, value string, of map[string]T) (allowed bool) {
	*field, allowed = of[value]
	return allowed
}

// setNumber refuses what is out of range instead of cutting it: with the CCM
// port 70000 wraps around to 4464.
func setNumber(field *int32, value string, from, to int32) bool {
	number, err := strconv.ParseInt(value, 10, 32)
	*field = int32(number)
	return err == nil && *field >= from && *field <= to
}

func setSeconds(field *time.Duration, value string, from, to int) bool {
	duration, err := time.ParseDuration(value)
	*field = duration
	return err == nil && duration%time.Second == 0 &&
		duration >= time.Duration(from)*time.Second && duration <= time.Duration(to)*time.Second
}

// setPath adds the slash that Exoscale wants at the beginning. A whole URL is
// refused, since its host could not be honoured.
func setPath(field *string, value string) bool {
	if value == "" {
		return true
	}
	if !strings.HasPrefix(value, "/") {
		value = "/" + value
	}
	*field = value
	return len(value) <= maxText && !strings.Contains(value, "://") &&
		strings.IndexFunc(value, func(r rune) bool { return r <= ' ' || r > unicode.MaxASCII || r == 0x7f }) < 0
}

func setSelector(field **metav1.LabelSelector, value string) bool {
	parsed, err := labels.Parse(value)
	if err != nil {
		return false
	}
	requirements, _ := parsed.Requirements()
	equal := map[string]string{}
	*field = &metav1.LabelSelector{}
	for _, requirement := range requirements {
		key, values := requirement.Key(), requirement.Values().List()
		operator, known := selectorOperators[requirement.Operator()]
		if !known {
			return false
		}
		if _, twice := equal[key]; operator == metav1.LabelSelectorOpIn && len(values) == 1 && !twice {
			equal[key] = values[0]
			(*field).MatchLabels = equal
			continue
		}
		(*field).MatchExpressions = append((*field).MatchExpressions, metav1.LabelSelectorRequirement{
			Key: key, Operator: operator, Values: values,
		})
	}
	return len(requirements) > 0
}

// selectorOperators are those that a LabelSelector knows, too: not > and <.
var selectorOperators = map[selection.Operator]metav1.LabelSelectorOperator{
	selection.Equals:       metav1.LabelSelectorOpIn,
	selection.DoubleEquals: metav1.LabelSelectorOpIn,
	selection.In:           metav1.LabelSelectorOpIn,
	selection.NotEquals:    metav1.LabelSelectorOpNotIn,
	selection.NotIn:        metav1.LabelSelectorOpNotIn,
	selection.Exists:       metav1.LabelSelectorOpExists,
	selection.DoesNotExist: metav1.LabelSelectorOpDoesNotExist,
}

func setReference(field **v1alpha1.LoadBalancerReference, value string) bool {
	namespace, name, found := strings.Cut(value, "/")
	if !found {
		namespace, name = "", value
	}
	*field = &v1alpha1.LoadBalancerReference{Namespace: namespace, Name: name}
	return len(validation.IsDNS1123Subdomain(name)) == 0 && (!found || len(validation.IsDNS1123Label(namespace)) == 0)
}
