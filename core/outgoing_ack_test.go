package socketio_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter/adaptertest"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// hearAcks has a listener to outgoing events note what clients acknowledge them with.
func hearAcks(srv *socketio.Server, j *journal) {
	srv.OnAnyOutgoing(func(s *socketio.Socket, out *socketio.Outgoing) {
		who := s.Handshake().Query().Get("who")
		j.note("%s gets %s, asked %v", who, out.Event, out.WantsAck())
		for range 2 {
			out.OnAck(func(a *socketio.Acknowledgement) { j.note("%s says %s %v", who, a.Data, a.Attachments) })
		}
	})
}

// TestOutgoingOnAck: a listener hears what clients acknowledge, before who has asked does.
func TestOutgoingOnAck(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		heard := new(journal)
		hearAcks(a.Server, heard)
		ann, bob := siotest.Dial(t, a, named(o, "ann")), siotest.Dial(t, a, named(o, "bob"))
		ann.On("ask", func(m *siotest.Message) { m.Ack("I", []byte{1}) })
		bob.On("ask", func(m *siotest.Message) { time.Sleep(time.Second); m.Ack() })
		s, _ := a.Socket(ann.ID())
		_, err := s.EmitWithAck(t.Context(), "ask")
		assert.NoError(t, err)
		says := `ann says ["I",{"_placeholder":true,"num":0}] [[1]]`
		assert.Equal(t, "of one", strings.Join(heard.lines, "; "), "ann gets ask, asked true; "+says+"; "+says)
		heard.take()
		_, err = a.To(bob.ID()).EmitWithAck(t.Context(), "ask")
		assert.NoError(t, err)
		assert.Equal(t, "of all", heard.take(), "bob gets ask, asked true; bob says [] []; bob says [] []")
		assert.NoError(t, s.Emit("hi"))
		assert.Equal(t, "nothing is asked", heard.take(), "ann gets hi, asked false")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = s.EmitWithAck(ctx, "never")
		assert.True(t, "late", err != nil)
		ann.Await("never").Ack("too late")
		assert.Equal(t, "too late", heard.take(), "ann gets never, asked true")

		a.OnAnyOutgoing(func(_ *socketio.Socket, out *socketio.Outgoing) {
			out.OnAck(func(*socketio.Acknowledgement) { panic("heard") })
		})
		_, err = s.EmitWithAck(t.Context(), "ask")
		assert.NoError(t, err)
		a.log.one(t, "in=OnAck ")
	})
}

// TestOutgoingOnAckElsewhere: what a client of this server acknowledges to another one.
func TestOutgoingOnAckElsewhere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		servers := adaptertest.Cluster(t, 2, socketio.Options{})
		heard := new(journal)
		hearAcks(servers[1], heard)
		siotest.Dial(t, servers[1], named(siotest.Options{}, "ann")).On("ask", func(m *siotest.Message) { m.Ack(1) })
		synctest.Wait()
		replies, err := servers[0].EmitWithAck(t.Context(), "ask")
		assert.NoError(t, err)
		assert.Equal(t, "replies", len(replies), 1)
		assert.Equal(t, "heard", heard.take(), "ann gets ask, asked true; ann says [1] []; ann says [1] []")
	})
}

// TestOutgoingOnAckRecovered: a listener hears the acknowledgement of an event that middleware
// has sent before the socket got its former id back.
func TestOutgoingOnAckRecovered(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := recovering(t, socketio.Recovery{}, socketio.Options{})
		heard := new(journal)
		hearAcks(a.Server, heard)
		c := siotest.Dial(t, a, named(siotest.Options{}, "ann"))
		c.Cut()
		synctest.Wait()
		answered := make(chan error, 1)
		a.UseFunc(func(_ context.Context, s *socketio.Socket) error {
			go func() {
				_, err := s.EmitWithAck(t.Context(), "ask")
				answered <- err
			}()
			time.Sleep(time.Millisecond) // it is sent
			return nil
		})
		c = back(t, c, true)
		c.Await("ask").Ack(1)
		assert.NoError(t, <-answered)
		assert.Equal(t, "heard", heard.take(), "ann gets ask, asked true; ann says [1] []; ann says [1] []")
	})
}
