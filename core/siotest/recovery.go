package siotest

import (
	"encoding/json"
	"net/http"

	"github.com/gosio/gosio/core/parser"
)

// session is what a stock client remembers of a session that can be recovered.
type session struct{ pid, offset string }

// PID is the private id that the server has given the session, empty if
// Options.Recovery is not set.
func (c *Client) PID() string { return c.session.pid }

// Offset is what the client says that it has when it comes back: the last argument of
// the last event without acknowledgement, if it is a string.
func (c *Client) Offset() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session.offset
}

// Recovered reports whether the session is the one that the client had before
// [Client.Reconnect], or the one that Options.Auth asked for by its pid.
func (c *Client) Recovered() bool { return c.recovered }

// Resume connects anew like Reconnect, without cutting the old connection: as
// a client whose network has changed before the server could know.
func (c *Client) Resume() *Client {
	c.t.Helper()
	return c.resume(c.opts.Auth)
}

// ResumeAt is Resume at another server of a cluster.
func (c *Client) ResumeAt(h http.Handler) *Client {
	c.t.Helper()
	return c.resumeAt(h, c.opts.Auth)
}

// ResumeAtWith is ResumeAt with another auth payload.
func (c *Client) ResumeAtWith(h http.Handler, auth any) *Client {
	c.t.Helper()
	return c.resumeAt(h, auth)
}

func (c *Client) resume(auth any) *Client {
	c.t.Helper()
	return c.resumeAt(c.handler, auth)
}

func (c *Client) resumeAt(h http.Handler, auth any) *Client {
	c.t.Helper()
	o := c.opts
	o.Auth, o.resume = auth, session{c.PID(), c.Offset()}
	return Dial(c.t, h, o)
}

// auth is the payload of the CONNECT packet: pid and offset, and Auth, whose
// own fields win.
func (o Options) auth() (json.RawMessage, error) {
	if o.Auth == nil && o.resume.pid == "" {
		return nil, nil
	}
	own, err := json.Marshal(o.Auth)
	if err != nil || o.resume.pid == "" {
		return own, err
	}
	ask := map[string]any{"pid": o.resume.pid}
	if o.resume.offset != "" {
		ask["offset"] = o.resume.offset
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(own, &fields); err != nil {
		return nil, err
	}
	for key, v := range fields {
		ask[key] = v
	}
	return json.Marshal(ask)
}

// welcome takes the payload of the CONNECT packet.
func (c *Client) welcome(asked, payload json.RawMessage) {
	var answer struct{ SID, PID string }
	_ = json.Unmarshal(payload, &answer) // the decoder has checked it
	var before struct{ PID string }
	_ = json.Unmarshal(asked, &before) // nil if there was none
	c.id = answer.SID
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session.pid, c.recovered = answer.PID, answer.PID != "" && answer.PID == before.PID
}

// note keeps an event's offset. Called with mu held, on the reader.
func (c *Client) note(p *parser.Packet, args [][]byte) {
	var offset string
	if p.Type.IsEvent() && !p.HasID && len(args) > 0 && json.Unmarshal(args[len(args)-1], &offset) == nil && offset != "" {
		c.session.offset = offset
	}
}

// Arrived returns the events that have arrived and that nobody has looked at.
func (c *Client) Arrived() []*Message {
	var all []*Message
	for {
		m, ok, _ := c.inbox.next(0)
		if !ok {
			return all
		}
		if m.reason == "" {
			all = append(all, m)
		}
	}
}
