package metadata

import (
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
)

// Instance is what the service knows of an instance.
type Instance struct {
	// ID is the id at Exoscale, which is the systemUUID of the machine, too.
	ID string
	// Name is told as local-hostname.
	Name       string
	PublicIPv4 string
	Zone       string
	// UserData is that of the instance pool, for all its members the same.
	UserData string
}

// Keys are the names under meta-data/, in the order of its list.
func Keys() []string {
	return []string{"availability-zone", "instance-id", "local-hostname", "public-ipv4"}
}

// value of a key of an instance; false if there is no such key.
func (i Instance) value(key string) (string, bool) {
	value, found := map[string]string{
		"availability-zone": i.Zone,
		"instance-id":       i.ID,
		"local-hostname":    i.Name,
		"public-ipv4":       i.PublicIPv4,
	}[key]
	return value, found
}

// Service answers as Exoscale's metadata service does. It may be used by many at
// a time.
type Service struct {
	find func(from netip.Addr) (Instance, bool)

	mu    sync.Mutex
	next  []http.Handler
	asked int
}

// ByAddress serves each instance its own metadata. It finds the one that asks by
// its address; others get 404.
func ByAddress(find func(from netip.Addr) (Instance, bool)) *Service { return &Service{find: find} }

// Of serves the metadata of one instance to whoever asks.
func Of(instance Instance) *Service {
	return ByAddress(func(netip.Addr) (Instance, bool) { return instance, true })
}

// Next has the next requests answered otherwise, one by each handler.
func (s *Service) Next(answers ...http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = append(s.next, answers...)
}

// Asked is the number of requests so far.
func (s *Service) Asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// ServeHTTP answers one request.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if otherwise := s.count(); otherwise != nil {
		otherwise.ServeHTTP(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "the metadata service is only read", http.StatusMethodNotAllowed)
		return
	}
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	instance, known := s.find(from.Addr().Unmap())
	text, found := instance.at(r.URL.Path)
	if !known || !found {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, text) // who asked may have gone
}

// count a request, and take what is to answer it instead, if anything.
func (s *Service) count() http.Handler {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if len(s.next) == 0 {
		return nil
	}
	first := s.next[0]
	s.next = s.next[1:]
	return first
}

// at is what stands at a path, without a newline at its end.
func (i Instance) at(path string) (string, bool) {
	version, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if !slices.Contains([]string{"latest", "1.0"}, version) {
		return "", false
	}
	switch room, key, _ := strings.Cut(rest, "/"); {
	case room == "user-data" && key == "":
		return i.UserData, true
	case room != "meta-data":
		return "", false
	case key == "":
		return strings.Join(Keys(), "\n"), true
	default:
		return i.value(key)
	}
}
