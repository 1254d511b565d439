package service_test

import (
	"bytes"
	"context"
	"testing"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
	"github.com/exoscale-community/nlb-operator/controllers/service"
)

const usersID = "bbbbbbbb-0000-4000-8000-000000000002"

// atTheSameMoment lets a user set the id annotation of a Service just before the
// operator writes it back, and tells what came of the operator's first attempt.
type atTheSameMoment struct {
	client.Client
	first chan error
}

func (a atTheSameMoment) Patch(ctx context.Context, object client.Object, patch client.Patch, options ...client.PatchOption) error {
	data, err := patch.Data(object)
	if err != nil {
		return err
	}
	if cap(a.first) == len(a.first) || !bytes.Contains(data, []byte(v1alpha1.AnnotationID)) {
		return a.Client.Patch(ctx, object, patch, options...)
	}
	users := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":{"`+v1alpha1.AnnotationID+`":"`+usersID+`"}}}`))
	if err := a.Client.Patch(ctx, object.DeepCopyObject().(client.Object), users); err != nil {
		return err
	}
	err = a.Client.Patch(ctx, object, patch, options...)
	a.first <- err
	return err
}

// What the user asks for would be lost without a word.
func TestTheIDIsNotWrittenOverWhatAUserWritesAtTheSameMoment(t *testing.T) {
	first := make(chan error, 1)
	s := newScene(t, func(o *service.Options) { o.Client = atTheSameMoment{o.Client, first} })
	s.service("web", []int32{80}, nil)
	s.run("web", "80-tcp")
	var err error
	s.Eventually(first).Should(Receive(&err))
	s.Expect(apierrors.IsConflict(err)).To(BeTrue(), "it was written: %v", err)
	s.Expect(s.shows("web", v1alpha1.ServiceConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonInvalid)).To(ContainSubstring(usersID))
	s.Expect(s.read("web").Annotations).To(HaveKeyWithValue(v1alpha1.AnnotationID, usersID))
}
