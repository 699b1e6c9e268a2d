package engine

import (
	"net/http/httptest"
	"testing"

	"github.com/gosio/gosio/core/engine/internal/outbox"
	"github.com/gosio/gosio/core/engine/internal/query"
	"github.com/gosio/gosio/internal/assert"
)

// TestPollLeavesSample: the poll that an upgrade ends does not take the time of a
// message that goes by WebSocket.
func TestPollLeavesSample(t *testing.T) {
	t.Parallel()
	s := NewServer(nobody{}, nil).newSession(httptest.NewRequest("GET", "/", nil), query.Query{}, "")
	s.polling = &polling{s: s, queue: outbox.Queue{Budget: &s.budget}}
	c := newWebSocket(s, accepted{}, nil)
	c.writer.queue.Sample(1)
	s.ws.Store(c)
	answer := httptest.NewRecorder()
	s.mu.Lock()
	s.polling.answerPollLocked(answer, httptest.NewRequest("GET", "/", nil), new(poll))
	assert.Equal(t, "answer", answer.Body.String(), noopPacket)
	assert.Equal(t, "sample", int64(c.writer.queue.Sampled()), 1)
}
