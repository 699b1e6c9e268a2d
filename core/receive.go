package socketio

import (
	"errors"
	"slices"
	"strings"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/internal/apperror"
	"github.com/gosio/gosio/core/internal/eio3"
	"github.com/gosio/gosio/core/parser"
)

// Message implements engine.Receiver: it decodes and routes, on the reader. The
// work that it returns is the dispatcher of a socket that had none.
func (c *conn) Message(data []byte, binary bool) (engine.Worker, error) {
	if c.custom != nil {
		return c.decode(data, binary)
	}
	var p parser.Packet
	var whole bool
	var err error
	if binary {
		p, whole, err = c.decoder.Binary(data)
	} else {
		p, whole, err = c.decoder.Text(data)
	}
	if err != nil {
		return nil, err
	}
	if !whole || binary {
		c.awaitAttachments(!whole)
	}
	if !whole {
		return nil, nil
	}
	return c.route(&p)
}

// decode is like Message, for a server with Options.Parser.
func (c *conn) decode(message []byte, binary bool) (engine.Worker, error) {
	p, whole, err := c.decodeOne(message, binary)
	if err != nil {
		return nil, err
	}
	c.awaitAttachments(!whole)
	if !whole {
		return nil, nil
	}
	if err := p.Check(&c.srv.limits); err != nil {
		return nil, err
	}
	return c.route(&p)
}

// decodeOne calls the application's decoder.
func (c *conn) decodeOne(message []byte, binary bool) (p parser.Packet, whole bool, err error) {
	defer func() {
		if v := recover(); v != nil {
			c.srv.notePanic("Decoder", v)
			err = errDecoder
		}
	}()
	p, whole, err = c.custom.Decode(message, binary)
	return p, whole, opaque(err)
}

var (
	errDecoder = errors.New("socketio: the parser's decoder has panicked")
)

// opaque returns an error with the text of err, nil for nil. The engine calls methods
// of errors on goroutines where a panic would end the process.
func opaque(err error) error {
	if err == nil {
		return nil
	}
	text, _ := apperror.Text(err)
	return errors.New(apperror.Clip(text))
}

// route is the one switch on packet types.
func (c *conn) route(p *parser.Packet) (engine.Worker, error) {
	if c.old() {
		if err := c.translate(p); err != nil {
			return nil, err
		}
	}
	switch p.Type {
	case parser.Connect:
		return nil, c.connect(p)
	case parser.ConnectError:
		return nil, errDirection
	}
	s, left := c.socket(p.Namespace)
	switch {
	case s != nil:
	case left:
		c.srv.log.Debug("socketio: packet for a namespace that was left", "type", p.Type.String(), "namespace", apperror.Clip(p.Namespace))
		return nil, nil
	default:
		return nil, errNotJoined
	}
	switch p.Type {
	case parser.Disconnect:
		c.forget(s)
		s.close(ReasonClientNamespaceDisconnect)
	case parser.Event, parser.BinaryEvent:
		return receive(s, p), nil
	case parser.Ack, parser.BinaryAck:
		resolveAck(s, p)
	}
	return nil, nil
}

// begin joins "/" for an old client, which sends no CONNECT packet for it.
func (c *conn) begin() {
	c.decoder.Limits = &c.srv.limits3
	_ = c.connect(&parser.Packet{Namespace: parser.DefaultNamespace}) // a first one cannot break a rule
}

// translate converts a packet of an old client: the query behind the namespace of a
// CONNECT packet becomes the auth payload.
func (c *conn) translate(p *parser.Packet) error {
	name, query, _ := strings.Cut(p.Namespace, "?")
	if len(name) > c.srv.opts.Limits.NamespaceName {
		return parser.ErrNamespaceTooLong
	}
	if len(name) < len(p.Namespace) { // nothing is to keep the query because of the name: the decoder would, too
		name, c.decoder = strings.Clone(name), parser.Decoder{Limits: c.decoder.Limits}
	}
	p.Namespace = name
	if p.Type != parser.Connect {
		return nil
	}
	p.Data = nil
	if query == "" {
		return nil
	}
	if len(query) > c.srv.opts.Limits.Auth {
		return errAuthTooLarge
	}
	p.Data = eio3.Auth(query)
	return nil
}

// Backlog implements engine.Receiver. The reader waits for the channel that Backlog
// returns: while too much waits for the sockets' dispatchers, and for a moment when the
// client asks for too many namespaces that do not exist. Meanwhile no acknowledgement is
// read, so calls that wait for one fail with ErrBacklog.
func (c *conn) Backlog() <-chan struct{} {
	c.mu.Lock()
	if !c.backlog.Full(c.bounds()) {
		defer c.mu.Unlock()
		return c.past.Pause(c.srv.opts.Limits.Refusals)
	}
	room := c.backlog.Wait()
	sockets := slices.Clone(c.sockets)
	c.mu.Unlock()
	for _, s := range sockets {
		failAcks(s, ErrBacklog)
	}
	return room
}

// Closed implements engine.Receiver.
func (c *conn) Closed(reason engine.Reason, _ error) {
	c.mu.Lock()
	c.closed = true
	sockets := c.sockets
	c.sockets = nil
	if c.timer != nil {
		c.timer.Stop()
	}
	if c.attached != nil {
		c.attached.Stop()
	}
	c.past.Stop()
	c.mu.Unlock()
	c.closeAll(sockets, Reason(reason))
}

// closeAll closes the sockets, one after another, and then tells the Observer that the
// connection has ended. It goes on if a listener ends the goroutine.
func (c *conn) closeAll(sockets []*Socket, reason Reason) {
	if len(sockets) == 0 {
		observeEnded(c, reason)
		return
	}
	defer c.closeAll(sockets[1:], reason)
	sockets[0].close(reason)
}
