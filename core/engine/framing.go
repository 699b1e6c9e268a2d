package engine

import (
	"github.com/gosio/gosio/core/engine/internal/frame"
	"github.com/gosio/gosio/core/engine/internal/outbox"
)

// framing is how packets are laid out on a connection: in WebSocket frames, or
// in those of a stream, see streamConn.
type framing interface {
	// transport is the name of the transport.
	transport() string
	// feed gives h the packets that data completes. partial reports that one has
	// begun and not ended. It is used by the reader alone.
	feed(data []byte, h frame.Handler) (partial bool, err error)
	// outgoing returns a batch, which holds WebSocket frames, as it is written,
	// and by how many bytes that is shorter.
	outgoing(batch []outbox.Message) (_ []outbox.Message, saved int)
	// end tells the peer that nothing more comes, once everything is written.
	end()
	// release lets go of what it holds. The connection has ended.
	release()
}

// webSocketFraming is the framing of RFC 6455.
type webSocketFraming struct {
	opts     *Options
	inflater *frame.Inflater // nil: messages are not compressed
	frames   frame.Reader
}

func (f *webSocketFraming) transport() string { return WebSocket }

func (f *webSocketFraming) feed(data []byte, h frame.Handler) (partial bool, err error) {
	err = f.frames.Feed(data, frame.Limits{
		Message: f.opts.MaxHTTPBufferSize, Fragments: f.opts.MaxFragments, Inflater: f.inflater,
	}, h)
	partial, _ = f.frames.Partial()
	return partial, err
}

func (f *webSocketFraming) outgoing(batch []outbox.Message) ([]outbox.Message, int) { return batch, 0 }

// end does nothing: a close frame has said so.
func (f *webSocketFraming) end() {}

func (f *webSocketFraming) release() { f.inflater = nil }
