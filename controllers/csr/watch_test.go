package csr

import (
	"testing"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestUndecided(t *testing.T) {
	decided := func(kind certificatesv1.RequestConditionType) func(*certificatesv1.CertificateSigningRequest) {
		return func(csr *certificatesv1.CertificateSigningRequest) {
			csr.Status.Conditions = []certificatesv1.CertificateSigningRequestCondition{{Type: "Other"}, {Type: kind}}
		}
	}
	for name, test := range map[string]struct {
		change func(*certificatesv1.CertificateSigningRequest)
		want   bool
	}{
		"as it was made":                        {func(*certificatesv1.CertificateSigningRequest) {}, true},
		"with a condition that decides nothing": {decided("Other"), true},
		"approved":                              {decided(certificatesv1.CertificateApproved), false},
		"denied":                                {decided(certificatesv1.CertificateDenied), false},
		"failed":                                {decided(certificatesv1.CertificateFailed), false},
		"signed":                                {func(csr *certificatesv1.CertificateSigningRequest) { csr.Status.Certificate = []byte("x") }, false},
		"for another signer": {func(csr *certificatesv1.CertificateSigningRequest) {
			csr.Spec.SignerName = certificatesv1.KubeAPIServerClientKubeletSignerName
		}, false},
		"being deleted": {func(csr *certificatesv1.CertificateSigningRequest) {
			csr.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			csr := &certificatesv1.CertificateSigningRequest{}
			csr.Spec.SignerName = certificatesv1.KubeletServingSignerName
			test.change(csr)
			if got := undecided(csr); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}
