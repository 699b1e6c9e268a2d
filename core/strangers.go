package socketio

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
)

// strangers are names of events that clients have chosen: those that have no
// handler of their own. Only hashes are kept. The zero value is ready.
type strangers struct {
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

func (s *strangers) hash(name string) uint64 {
	s.once.Do(func() { s.seed, s.began = maphash.MakeSeed(), time.Now() })
	return maphash.String(s.seed, name)
}

// second counts from 1.
func (s *strangers) second() uint64 { return uint64(time.Since(s.began)/time.Second) + 1 }

// note remembers a name.
func (s *strangers) note(name string) uint64 {
	h := s.hash(name)
	s.lately[h%uint64(len(s.lately))].Store(h>>32<<32 | s.second()&0xffffffff)
	return h
}

// enter remembers a name for as long as its handler runs, at least.
func (s *strangers) enter(name string) (leave func()) {
	h := s.note(name)
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

// has reports whether a name is a client's.
func (s *strangers) has(name string) bool {
	h := s.hash(name)
	if v := s.lately[h%uint64(len(s.lately))].Load(); v>>32 == h>>32 && v != 0 && s.second()-v&0xffffffff <= memory {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now[h] > 0
}
