package service

import (
	"strings"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// inAnnotations says of a Service in its own words what its objects say of their fields,
// which its owner may never have seen. The first that fits is taken.
var inAnnotations = strings.NewReplacer(
	"check spec.id and spec.zone", "set annotation "+v1alpha1.AnnotationID+" to the id of one that exists",
	"create it, or check spec.name and spec.zone", "create it, or set annotation "+v1alpha1.AnnotationName+" to the name of one that exists",
	"delete this object, or create the NetworkLoadBalancer again", "name another in annotation "+v1alpha1.AnnotationLoadBalancer+", or remove it to get an NLB of its own",
	"(spec.zone)", "(a Service can't)",
	"service name (spec.name)", "name in annotation "+v1alpha1.AnnotationServiceName,
	"spec.id", "annotation "+v1alpha1.AnnotationID,
	"spec.name", "annotation "+v1alpha1.AnnotationName,
	"check spec.target.sksNodepool", "check annotations "+v1alpha1.AnnotationSKSClusterName+" and "+v1alpha1.AnnotationSKSNodepoolName,
	"spec.target.nodeSelector", "annotation "+v1alpha1.AnnotationNodeSelector,
	"check spec.target", "check annotation "+v1alpha1.AnnotationInstancePoolID,
	"spec.targetPort", "the nodePort",
	"set deletionPolicy: Retain", "set annotation "+v1alpha1.AnnotationDeletionPolicy+": Retain",
	"with deletionPolicy Retain", "with Retain as its deletion policy",
	"use managementPolicy External", "set annotation "+v1alpha1.AnnotationExternal+`: "true"`,
	"managementPolicy External", "annotation "+v1alpha1.AnnotationExternal+`: "true"`,
)
