package metadata

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var blue = Instance{ID: "6d2a…", Name: "pool-blue", PublicIPv4: "194.182.0.10", Zone: "ch-gva-2", UserData: "#cloud-config\n"}

func TestAnInstanceIsToldWhatItIs(t *testing.T) {
	server := httptest.NewServer(Of(blue))
	t.Cleanup(server.Close)
	for path, want := range map[string]string{
		"/latest/meta-data/local-hostname":    "200 pool-blue",
		"/1.0/meta-data/local-hostname":       "200 pool-blue",
		"/latest/meta-data/instance-id":       "200 6d2a…",
		"/latest/meta-data/public-ipv4":       "200 194.182.0.10",
		"/latest/meta-data/availability-zone": "200 ch-gva-2",
		"/latest/meta-data/":                  "200 availability-zone\ninstance-id\nlocal-hostname\npublic-ipv4",
		"/latest/meta-data":                   "200 availability-zone\ninstance-id\nlocal-hostname\npublic-ipv4",
		"/latest/user-data":                   "200 #cloud-config\n",
		"/latest/meta-data/colour":            "404 404 page not found\n",
		"/latest/":                            "404 404 page not found\n",
		"/2.0/meta-data/local-hostname":       "404 404 page not found\n",
	} {
		if got := get(t, http.DefaultClient, server.URL+path); got != want {
			t.Errorf("%s: %q, not %q", path, got, want)
		}
	}
}

func TestInstancesAreToldApartByTheirAddress(t *testing.T) {
	server := httptest.NewServer(ByAddress(func(from netip.Addr) (Instance, bool) {
		return Instance{Name: "at-" + from.String()}, from != netip.MustParseAddr("127.0.0.9")
	}))
	t.Cleanup(server.Close)
	for from, want := range map[string]string{
		"127.0.0.2": "200 at-127.0.0.2", "127.0.0.3": "200 at-127.0.0.3", "127.0.0.9": "404 404 page not found\n",
	} {
		if got := get(t, clientAt(from), server.URL+"/latest/meta-data/local-hostname"); got != want {
			t.Errorf("from %s: %q, not %q", from, got, want)
		}
	}
}

func TestTheServiceHasBadDays(t *testing.T) {
	service := Of(blue)
	server := httptest.NewServer(service)
	t.Cleanup(server.Close)
	// A connection of its own each time: the client repeats a request by itself
	// only where an earlier one of the connection was answered.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	service.Next(Silence(), Answer(http.StatusInternalServerError, "later"), Answer(http.StatusOK, ""), Torn("pool-"))
	var got []string
	for range 5 {
		got = append(got, get(t, client, server.URL+"/latest/meta-data/local-hostname"))
	}
	if diff := cmp.Diff([]string{"EOF", "500 later", "200 ", "200 pool- EOF", "200 pool-blue"}, got); diff != "" {
		t.Error("-want +got\n" + diff)
	}
	if service.Asked() != 5 {
		t.Errorf("%d requests counted", service.Asked())
	}
}

func TestTheServiceIsOnlyRead(t *testing.T) {
	answer := httptest.NewRecorder()
	Of(blue).ServeHTTP(answer, httptest.NewRequest(http.MethodPut, "/latest/meta-data/local-hostname", http.NoBody))
	if answer.Code != http.StatusMethodNotAllowed {
		t.Error(answer.Code)
	}
}

// get is status and body; EOF is where the answer breaks off.
func get(t *testing.T, client *http.Client, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if errors.Is(err, io.EOF) {
		return "EOF"
	}
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	text := response.Status[:3] + " " + string(body)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return text + " EOF"
	}
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// clientAt asks from an address of loopback.
func clientAt(from string) *http.Client {
	dialer := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(from), 0))}
	return &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}}
}
