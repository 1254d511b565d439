package service

import (
	"errors"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// apierrors looks at the first of several errors.
func TestWhatPassesByItselfHidesNoFault(t *testing.T) {
	t.Parallel()
	services := schema.GroupResource{Resource: "services"}
	fault := apierrors.NewInternalError(errors.New("no space left"))
	for name, behind := range map[string]error{
		"a conflict":        apierrors.NewConflict(services, "web", errors.New("the object has been modified")),
		"one that was gone": apierrors.NewNotFound(services, "web"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := together([]error{nil, behind, fault}); !apierrors.IsInternalError(err) || !errors.Is(err, behind) {
				t.Errorf("got %v", err)
			}
			if err := together([]error{nil, behind}); !errors.Is(err, behind) {
				t.Errorf("alone: %v", err)
			}
		})
	}
	if err := together([]error{nil, nil}); err != nil {
		t.Error(err)
	}
}
