package service

import (
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

func TestClaimOf(t *testing.T) {
	const (
		lb      = corev1.ServiceTypeLoadBalancer
		cluster = corev1.ServiceTypeClusterIP
	)
	ours, others := ptr.To(v1alpha1.LoadBalancerClass), ptr.To("example.com/lb")
	for name, c := range map[string]struct {
		kind           corev1.ServiceType
		class          *string
		held, deleting bool
		claimClassless bool
		retained       bool // by annotation
		taken          bool // by a CCM
		want           claim
	}{
		"our class":                                  {kind: lb, class: ours, want: serve},
		"our class, held":                            {kind: lb, class: ours, held: true, want: serve},
		"no class":                                   {kind: lb, want: notOurs},
		"no class, claimed":                          {kind: lb, claimClassless: true, want: serveUnlessCCM},
		"no class, claimed, held: whoever runs":      {kind: lb, claimClassless: true, held: true, want: serve},
		"no class, held, no longer claimed":          {kind: lb, held: true, want: keep},
		"another class":                              {kind: lb, class: others, claimClassless: true, want: notOurs},
		"another class, held":                        {kind: lb, class: others, claimClassless: true, held: true, want: keep},
		"left to whoever took it":                    {kind: lb, held: true, retained: true, taken: true, want: handOver},
		"to be left, and nobody has taken it":        {kind: lb, held: true, retained: true, want: keep},
		"taken, and not to be left":                  {kind: lb, held: true, taken: true, want: keep},
		"to be left, and claimed":                    {kind: lb, held: true, retained: true, taken: true, claimClassless: true, want: serve},
		"to be left, and our class":                  {kind: lb, class: ours, held: true, retained: true, taken: true, want: serve},
		"to be left, and never held":                 {kind: lb, retained: true, taken: true, want: notOurs},
		"no load balancer":                           {kind: cluster, want: notOurs},
		"no load balancer any more":                  {kind: cluster, held: true, want: release},
		"deleted, held":                              {kind: lb, class: ours, held: true, deleting: true, want: release},
		"deleted, held, no longer claimed":           {kind: lb, held: true, deleting: true, want: release},
		"deleted before it was held: nothing begins": {kind: lb, class: ours, deleting: true, want: notOurs},
	} {
		t.Run(name, func(t *testing.T) {
			service := &corev1.Service{Spec: corev1.ServiceSpec{Type: c.kind, LoadBalancerClass: c.class}}
			if c.held {
				service.Finalizers = []string{v1alpha1.ServiceFinalizer}
			}
			if c.taken {
				service.Finalizers = append(service.Finalizers, ccmFinalizer)
			}
			if c.retained {
				service.Annotations = map[string]string{v1alpha1.AnnotationDeletionPolicy: "Retain"}
			}
			if c.deleting {
				service.DeletionTimestamp = ptr.To(metav1.Now())
			}
			if got := claimOf(service, c.claimClassless); got != c.want {
				t.Errorf("want %s, got %s", c.want, got)
			}
			if c.want != notOurs && !concerns(service) {
				t.Error("it would not be looked at")
			}
		})
	}
}

func TestRenewed(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		holder  *string
		seconds *int32
		age     time.Duration
		want    bool
	}{
		"just renewed":           {ptr.To("ccm"), ptr.To(int32(15)), time.Second, true},
		"one renewal missed":     {ptr.To("ccm"), ptr.To(int32(15)), 20 * time.Second, true},
		"twice its duration ago": {ptr.To("ccm"), ptr.To(int32(15)), 30 * time.Second, false},
		"a clock ahead of ours":  {ptr.To("ccm"), ptr.To(int32(15)), -time.Minute, true},
		"a long lease":           {ptr.To("ccm"), ptr.To(int32(60)), time.Minute, true},
		"no duration":            {ptr.To("ccm"), nil, 20 * time.Second, true},
		"released by its holder": {ptr.To(""), ptr.To(int32(15)), time.Second, false},
		"without a holder":       {nil, ptr.To(int32(15)), time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			lease := &coordinationv1.Lease{Spec: coordinationv1.LeaseSpec{
				HolderIdentity: c.holder, LeaseDurationSeconds: c.seconds, RenewTime: &metav1.MicroTime{Time: now.Add(-c.age)},
			}}
			if got := renewed(lease, now); got != c.want {
				t.Errorf("want %v, got %v", c.want, got)
			}
		})
	}
	if renewed(&coordinationv1.Lease{}, now) {
		t.Error("an empty lease is nobody's")
	}
}
