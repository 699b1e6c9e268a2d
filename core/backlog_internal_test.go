package socketio

import (
	"testing"

	"github.com/gosio/gosio/internal/assert"
)

// TestMissedLast: a socket that leaves before its turn holds nobody up when the
// last turn has been given back meanwhile: it is off the list already, but has not
// missed its turn yet.
func TestMissedLast(t *testing.T) {
	t.Parallel()
	c := &conn{srv: &Server{host: host{opts: Options{Limits: Limits{Namespaces: 1, ReceiveBuffer: 1}}}}}
	first, second := &Socket{conn: c}, &Socket{conn: c}
	assert.True(t, "has a turn", c.takeTurnLocked(first))
	assert.True(t, "waits", !c.takeTurnLocked(second))
	c.giveTurn()
	assert.True(t, "missed", c.missTurn(second))
	assert.True(t, "is read on", !c.backlog.Full(c.bounds()))
	assert.True(t, "has a turn", c.takeTurnLocked(first))
	assert.True(t, "waits", !c.takeTurnLocked(second))
	assert.True(t, "missed", c.missTurn(second))
	assert.True(t, "is held up", c.backlog.Full(c.bounds()))
	c.giveTurn()
	assert.True(t, "is read on", !c.backlog.Full(c.bounds()))
}

// TestForgetOwn: a session that has been forgotten takes none away that has its
// pid by now.
func TestForgetOwn(t *testing.T) {
	t.Parallel()
	srv := NewServer(&Options{Recovery: &Recovery{}})
	defer srv.Close()
	r := srv.Of("/r").recovery
	keep := func() *session {
		sess := &session{pid: "pid", of: r}
		r.stored[sess.pid], sess.place = r.oldest.PushBack(sess), r.crowd.Add("", sess, 1)
		r.kept.Add(1)
		return sess
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	old := keep()
	r.forgetLocked(old)
	next := keep()
	r.forgetLocked(old)
	assert.Equal(t, "kept", r.kept.Load(), 1)
	r.forgetLocked(next)
	assert.Equal(t, "kept", r.kept.Load(), 0)
}
