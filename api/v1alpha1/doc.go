// Package v1alpha1 is the contract of the operator: the three kinds that people
// write and read (NetworkLoadBalancer, NLBService, NodeIdentity), and every
// label, annotation, condition and reason that stands in them.
//
// It imports nothing of this project, so that other programs can use it alone.
//
// +kubebuilder:object:generate=true
// +groupName=nlb.exoscale.com
package v1alpha1
