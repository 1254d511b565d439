package exosim_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	v3 "github.com/exoscale/egoscale/v3"

	"github.com/exoscale-community/nlb-operator/test/exosim"
)

func TestARequestThatIsntSignedRightIsRefused(t *testing.T) {
	t.Parallel()
	w := given(t)
	soon := time.Now().Add(time.Minute)
	sign := func(method, path, body, key, secret string, expires time.Time) string {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, w.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		return signed(request, body, key, secret, expires)
	}
	const list = "/v2/load-balancer"
	right := sign("GET", list, "", w.Key, w.Secret, soon)
	for name, c := range map[string]struct{ authorization, want string }{
		"no header":                {"none", "a signature of the form"},
		"another scheme":           {"Bearer abc", "a signature of the form"},
		"a word too many":          {right + ",foo=bar", "a signature of the form"},
		"no signature":             {"EXO2-HMAC-SHA256 credential=" + w.Key + ",expires=1", "a signature of the form"},
		"an unknown key":           {sign("GET", list, "", "EXOnobody", w.Secret, soon), "API key EXOnobody is unknown or revoked"},
		"another secret":           {sign("GET", list, "", w.Key, "guess", soon), "is wrong"},
		"another method":           {sign("POST", list, "", w.Key, w.Secret, soon), "is wrong"},
		"another path":             {sign("GET", list+"/x", "", w.Key, w.Secret, soon), "is wrong"},
		"another body":             {sign("GET", list, "{}", w.Key, w.Secret, soon), "is wrong"},
		"no base64":                {right + "!", "is wrong"},
		"a signature of yesterday": {sign("GET", list, "", w.Key, w.Secret, time.Now().Add(-time.Minute)), "has expired"},
	} {
		t.Run(name, func(t *testing.T) {
			status, message := w.do(call{method: "GET", path: list, authorization: c.authorization})
			refused(t, status, message, http.StatusUnauthorized, c.want)
		})
	}
	if status, message := w.do(call{method: "GET", path: list, authorization: right}); status != http.StatusOK {
		t.Errorf("signed right it is answered with %d: %s", status, message)
	}
	query := list + "?labels=a%3Db"
	if status, message := w.do(call{method: "GET", path: query, authorization: sign("GET", query, "", w.Key, w.Secret, soon)}); status != http.StatusOK {
		t.Errorf("with a query signed it is answered with %d: %s", status, message)
	}
	if status, _ := w.do(call{method: "GET", path: list + "?labels=c", authorization: sign("GET", query, "", w.Key, w.Secret, soon)}); status != http.StatusUnauthorized {
		t.Errorf("with another query than the one signed it is answered with %d", status)
	}
	if status, _ := w.do(call{method: "GET", path: "/v2/zone", authorization: "none"}); status != http.StatusOK {
		t.Errorf("listing the zones needs a signature: %d", status)
	}
}

func TestAKeyMayDoWhatItsRoleAllows(t *testing.T) {
	t.Parallel()
	w := given(t)
	ctx := context.Background()
	w.AddKey(exosim.Key{Key: "EXOreader", Secret: "s", Operations: []string{"list-load-balancers"}})
	reader := w.client("EXOreader", "s")
	_, err := reader.ListLoadBalancers(ctx)
	must(t, "", err)
	_, err = reader.CreateLoadBalancer(ctx, v3.CreateLoadBalancerRequest{Name: "web"})
	refusedAs(t, err, v3.ErrForbidden, "operation create-load-balancer is not allowed by the IAM role of API key EXOreader")
	if got := w.LoadBalancers(""); len(got) != 0 {
		t.Errorf("what was refused made %v", got)
	}

	w.AddKey(exosim.Key{Key: "EXOreader", Secret: "s"})
	_, err = reader.CreateLoadBalancer(ctx, v3.CreateLoadBalancerRequest{Name: "web"})
	must(t, "", err)

	w.RevokeKey("EXOreader")
	_, err = reader.ListLoadBalancers(ctx)
	refusedAs(t, err, v3.ErrUnauthorized, "API key EXOreader is unknown or revoked")
	_, err = w.sdk.ListLoadBalancers(ctx)
	must(t, "", err)
}
