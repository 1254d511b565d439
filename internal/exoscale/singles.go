package exoscale

import "sync"

// singles are the reads of single objects that are under way, shared by id.
type singles struct {
	mu   sync.Mutex
	byID map[string]*flight
}

// read begins to read an object, unless that is under way. left is called after a
// read for which somebody stopped waiting.
func (s *singles) read(id string, fetch func() error, left func()) *flight {
	s.mu.Lock()
	defer s.mu.Unlock()
	if one := s.byID[id]; one != nil {
		return one
	}
	if s.byID == nil {
		s.byID = map[string]*flight{}
	}
	one := newFlight()
	s.byID[id] = one
	go func() {
		err := fetch()
		s.mu.Lock()
		delete(s.byID, id)
		s.mu.Unlock()
		if one.end(err) {
			left()
		}
	}()
	return one
}
