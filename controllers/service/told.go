package service

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/internal/persist"
)

// telling: the status of a Service decides nothing, so all of it may wait.
var telling = persist.Telling[*corev1.Service]{
	Shows:     shows,
	Leave:     func(to, from *corev1.Service) { from.Status.DeepCopyInto(&to.Status) },
	Parts:     []persist.Part{{Field: "loadBalancer"}, {Field: "conditions", Types: v1alpha1.Prefix}},
	Address:   addressOf,
	Addresses: []persist.Part{{Field: "loadBalancer"}},
}

// shows is what the operator tells in the status of a Service.
func shows(service *corev1.Service) *corev1.Service {
	var conditions []metav1.Condition
	for _, condition := range service.Status.Conditions {
		if strings.HasPrefix(condition.Type, v1alpha1.Prefix) {
			conditions = append(conditions, condition)
		}
	}
	return &corev1.Service{Status: corev1.ServiceStatus{LoadBalancer: service.Status.LoadBalancer, Conditions: conditions}}
}

// tellOverwritten names the program that has written into the status of a Service. A type
// that was changed to and fro clears the address, too.
func tellOverwritten(round *round) {
	writer := round.foreign.Writer
	if writer == "" || writer == persist.Unnamed && addressOf(round.Before) == "" {
		return
	}
	round.notices.Overwritten("Publish", writer, addressOf(round.Now))
}
