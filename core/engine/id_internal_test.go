package engine

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"

	"github.com/gosio/gosio/core/engine/internal/hijack"
	"github.com/gosio/gosio/internal/assert"
)

// nobody is an application that does nothing.
type nobody struct{}

func (nobody) Connect(*Session, *http.Request) Receiver { return nobody{} }
func (nobody) Message([]byte, bool) (Worker, error)     { return nil, nil }
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
		s := srv.table.get("same")
		if w.Code != http.StatusOK || s == nil {
			t.Fatalf("no session: %d %s", w.Code, w.Body)
		}
		return s
	}
	for name, late := range map[string]func(s *Session){
		"poll":  func(s *Session) { s.release(nil) },
		"timer": (*Session).cut,
		"sender": func(s *Session) {
			s.mu.Lock()
			s.refs++
			s.mu.Unlock()
			s.unref()
		},
	} {
		old := open()
		(*Layer)(old).Overflow()
		young := open()
		late(old)
		if srv.table.get("same") != young {
			t.Errorf("%s: the new session is gone from the table", name)
		}
		(*Layer)(young).Overflow()
	}
}

// TestReleaseAfterUpgrade: a poll that has been answered for good does not
// release a session which has upgraded meanwhile: its WebSocket would have no
// timer any more.
func TestReleaseAfterUpgrade(t *testing.T) {
	t.Parallel()
	srv := NewServer(nobody{}, nil)
	defer srv.Close()
	srv.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/?EIO=4&transport=polling", nil))
	var s *Session
	for _, s = range srv.table.sessions {
	}
	s.Close()
	client, conn := net.Pipe()
	defer func() { _ = client.Close() }()
	c := newWebSocket(s, accepted{Taken: hijack.Taken{Conn: conn}}, nil)
	s.mu.Lock()
	s.ws.Store(c)
	s.mu.Unlock()
	if s.release(nil) || s.state.Load() != stateClosing || s.deadline == 0 {
		t.Error("the WebSocket is released, or has no timer")
	}
	s.cut()
	if _, err := client.Read(make([]byte, 1)); err == nil {
		t.Error("the WebSocket is not cut")
	}
	if !s.release(c) || srv.Count() != 0 {
		t.Error("the WebSocket's end does not release the session")
	}
}

// exiting is an application that ends the goroutine that tells it of a message.
type exiting struct{ nobody }

func (exiting) Connect(*Session, *http.Request) Receiver { return exiting{} }
func (exiting) Message([]byte, bool) (Worker, error)     { runtime.Goexit(); return nil, nil }

// TestGoexitReader: the reader that the application has ended is not at work
// for ever, and its session ends.
func TestGoexitReader(t *testing.T) {
	t.Parallel()
	srv, dial := leanFor(t, exiting{})
	conn := dial()
	_, err := conn.Write([]byte("\x81\x82\x00\x00\x00\x004x"))
	assert.NoError(t, err)
	_, err = io.ReadAll(conn)
	assert.NoError(t, err)
	_ = conn.Close()
	assert.NoError(t, srv.Shutdown(t.Context()))
	assert.Equal(t, "at work", srv.flush.reading(), false)
}
