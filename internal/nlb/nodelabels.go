package nlb

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// RestrictedLabelPrefix begins the keys of labels that a kubelet can't set on its
// own Node, nor take off, if the API server has the admission plugin NodeRestriction.
// It guards subdomains of it, too.
const RestrictedLabelPrefix = corev1.LabelNamespaceNodeRestriction + "/"

// UnrestrictedKeys are the keys of a selector that a kubelet may set, sorted.
func UnrestrictedKeys(selector *metav1.LabelSelector) []string {
	var keys []string
	for key := range selector.MatchLabels {
		keys = append(keys, key)
	}
	for _, expression := range selector.MatchExpressions {
		keys = append(keys, expression.Key)
	}
	slices.Sort(keys)
	return slices.DeleteFunc(slices.Compact(keys), func(key string) bool {
		domain, _, _ := strings.Cut(key, "/")
		return strings.Contains(key, "/") && (domain == corev1.LabelNamespaceNodeRestriction || strings.HasSuffix(domain, "."+corev1.LabelNamespaceNodeRestriction))
	})
}
