package engine

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// nobody is an application that does nothing.
type nobody struct{}

func (nobody) Connect(*Session, *http.Request) Receiver { return nobody{} }
func (nobody) Message([]byte, bool) error               { return nil }
func (nobody) Pending() Worker                          { return nil }
func (nobody) Backlog() <-chan struct{}                 { return nil }
func (nobody) Closed(Reason, error)                     {}

// TestIDAgain: an id that a session of before has had is the new one's alone.
// What is still to be done for the old one, a poll that it has woken say, does
// not end that.
func TestIDAgain(t *testing.T) {
	t.Parallel()
	srv := NewServer(nobody{}, &Options{GenerateID: func(*http.Request) (string, error) { return "same", nil }})
	defer srv.Close()
	open := func() *Session {
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/?EIO=4&transport=polling", nil))
		s := srv.session("same")
		if w.Code != http.StatusOK || s == nil {
			t.Fatalf("no session: %d %s", w.Code, w.Body)
		}
		return s
	}
	for name, late := range map[string]func(s *Session){
		"poll":  (*Session).release,
		"timer": (*Session).cut,
		"sender": func(s *Session) {
			s.mu.Lock()
			s.refs++
			s.mu.Unlock()
			s.unref()
		},
	} {
		old := open()
		old.Overflow()
		young := open()
		late(old)
		if srv.session("same") != young {
			t.Errorf("%s: the new session is gone from the table", name)
		}
		young.Overflow()
	}
}
