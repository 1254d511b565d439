package sidecar_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// reviewOf is the review of a Pod, as somebody who reaches the port may write it.
func reviewOf(pod string) []byte {
	return fmt.Appendf(nil, `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"1","operation":"CREATE","namespace":"names",
		"kind":{"version":"v1","kind":"Pod"},"resource":{"version":"v1","resource":"pods"},"object":%s}}`, pod)
}

// listing is a list of so many times the same.
func listing(element string, times int) string {
	return "[" + strings.TrimSuffix(strings.Repeat(element+",", times), ",") + "]"
}

func probedPod(probe string) string {
	return fmt.Sprintf(`{"metadata":{"labels":{%q:"true"},"annotations":{%q:%q}},"spec":{"containers":[{"ports":[{"containerPort":53,"protocol":"UDP"}]}]}}`,
		v1alpha1.LabelUDPHealthCheck, v1alpha1.AnnotationUDPHealthCheckProbe, probe)
}

// forged are reviews that nobody who has an API server would send.
var forged = map[string][]byte{
	"a regular expression that repeats":     reviewOf(probedPod("probe;payload=text:a;expect=re2:(?:" + strings.Repeat("ab", 100) + "){1000}")),
	"a million containers":                  reviewOf(`{"spec":{"containers":` + listing("{}", 1_000_000) + `}}`),
	"a million volumes of several kinds":    reviewOf(`{"spec":{"volumes":` + listing(`{"csi":{}}`, 300_000) + `}}`),
	"hundreds of thousands of labels":       reviewOf(`{"metadata":{"labels":` + labels(300_000) + `}}`),
	"a list as YAML":                        bytes.Repeat([]byte("- a\n"), 1_000_000),
	"a million groups of who asks":          bytes.Replace(reviewOf(`{}`), []byte(`"uid":"1"`), []byte(`"uid":"1","userInfo":{"groups":`+listing(`""`, 1_000_000)+`}`), 1),
	"as many containers as are looked at":   reviewOf(`{"spec":{"containers":` + listing("{}", 9_900) + `}}`),
	"a few megabytes in one string":         reviewOf(probedPod(strings.Repeat("a", 4_000_000))),
	"a few megabytes of white space":        append(reviewOf(`{}`), bytes.Repeat([]byte(" "), 4_000_000)...),
	"a few megabytes of opening brackets":   bytes.Repeat([]byte("["), 4_000_000),
	"a few megabytes that are no JSON":      bytes.Repeat([]byte(","), 4_000_000),
	"more than is read":                     append(reviewOf(`{}`), bytes.Repeat([]byte(" "), 40_000_000)...),
	"a string of escapes, never closed":     []byte(`{"a":"` + strings.Repeat(`\"`, 2_000_000)),
	"thousands of ports, one after another": reviewOf(`{"spec":{"containers":[{"ports":` + portsInARow(9_000) + `}]}}`),
}

func portsInARow(count int) string {
	var all []string
	for i := range count {
		all = append(all, fmt.Sprintf(`{"containerPort":%d}`, 18053+i))
	}
	return "[" + strings.Join(all, ",") + "]"
}

func labels(count int) string {
	var all []string
	for i := range count {
		all = append(all, fmt.Sprintf(`"%x":""`, i))
	}
	return "{" + strings.Join(all, ",") + "}"
}

// mostOfARequest is how many bytes one may have allocated, in all, whoever sends it.
const mostOfARequest = 48 << 20

func TestARequestTakesLittleMemory(t *testing.T) {
	url := served(t).URL
	for name, body := range forged {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			status, answer := post(t, url, bytes.NewReader(body))
			runtime.ReadMemStats(&after)
			t.Logf("%d bytes were answered by %d and took %d KiB", len(body), status, (after.TotalAlloc-before.TotalAlloc)>>10)
			if took := after.TotalAlloc - before.TotalAlloc; took > mostOfARequest {
				t.Errorf("it took %d KiB", took>>10)
			}
			if strings.Contains(answer, `"allowed":false`) {
				t.Errorf("it is denied: %.300s", answer)
			}
		})
	}
}

// A Pod as large as an API server takes it gets its sidecar.
func TestALargePodIsAnswered(t *testing.T) {
	pod := asking()
	pod.Annotations = map[string]string{"config": strings.Repeat(`{"key":["value"]},`, 100_000)}
	request := creates(t, pod)
	body, err := json.Marshal(admissionv1.AdmissionReview{TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"}, Request: &request.AdmissionRequest})
	if err != nil {
		t.Fatal(err)
	}
	status, answer := post(t, served(t).URL, bytes.NewReader(body))
	if status != http.StatusOK || !strings.Contains(answer, `"patchType":"JSONPatch"`) {
		t.Errorf("%d %.300s", status, answer)
	}
}
