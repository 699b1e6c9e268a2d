// Package strangers recognises names that others have chosen, by their hashes, while
// they are in use and for a minute after.
package strangers

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
)

// Names are names that somebody else has chosen: of events that have no handler, for
// example. Only hashes are kept. The zero value is ready. Methods may be called
// concurrently.
type Names struct {
	once sync.Once
	seed maphash.Seed

	mu  sync.Mutex
	now map[uint64]int // those that are handled at the moment

	// lately has those that came last, for handlers that pass events on after they
	// have returned: half of a hash, and the second in which it came. A newer name
	// takes an older one's place.
	lately [1024]atomic.Uint64
	began  time.Time
}

// memory is how long a name is a stranger's: the application may begin to emit
// an event of that name.
const memory = 60 // seconds

func (s *Names) hash(name string) uint64 {
	s.once.Do(func() { s.seed, s.began = maphash.MakeSeed(), time.Now() })
	return maphash.String(s.seed, name)
}

// second counts from 1.
func (s *Names) second() uint64 { return uint64(time.Since(s.began)/time.Second) + 1 }

// Note remembers a name.
func (s *Names) Note(name string) uint64 {
	h := s.hash(name)
	s.lately[h%uint64(len(s.lately))].Store(h>>32<<32 | s.second()&0xffffffff)
	return h
}

// Enter remembers a name for as long as its handler runs, at least.
func (s *Names) Enter(name string) (leave func()) {
	h := s.Note(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now == nil {
		s.now = make(map[uint64]int)
	}
	s.now[h]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.now[h]--; s.now[h] == 0 {
			delete(s.now, h)
		}
	}
}

// Has reports whether a name is a client's.
func (s *Names) Has(name string) bool {
	h := s.hash(name)
	if v := s.lately[h%uint64(len(s.lately))].Load(); v>>32 == h>>32 && v != 0 && s.second()-v&0xffffffff <= memory {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now[h] > 0
}
