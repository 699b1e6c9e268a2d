package engine_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/engine/internal/frame/autobahn"
)

// FuzzSession makes what clients may and may not do out of bytes: an input is
// a list of steps, one a line, of which the first byte says what to do. Its
// oracles: nothing panics (receiver also watches that messages come one at a
// time and that a session ends once), and when the server closes nothing is
// left, no session and no goroutine.
func FuzzSession(f *testing.F) {
	for _, seed := range []string{
		"o\ng\np4hello\x1ebAQID\ng\np1\ng",
		"o\ng\nu\nw2probe\ng\np4x\nw5\nw4y\np4z\nc",
		"o\ng\ng\no\np2\np9",
		"o\nu\nu\nw2probe\nw2probe\nw4x\nu\nw5",
		"W\nw4x\nw3\nb\x01\x02\nr\xf1\x80\nw4y",
		"W\nw2\nW\nwb!\nW\nw\nW\nr\x81\xfe\xff\nt9",
		"o\ng\nu\nw2probe\nt1\ns\nt9\ns\nw5\ns\nx",
		"o\ng\na\ng\no\nd\nW\nd\nS",
		"o\nu\nw2probe\nd\nw5\nc\nT",
		"qtransport=polling&sid=x&EIO=4\nqEIO=4&transport=websocket\nq%&&=;",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		if len(input) > 1000 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			p := &player{h: serveIn(t, setup{opts: engine.Options{MaxHTTPBufferSize: 100, SendBuffer: 300, MaxFragments: 3, ControlFrames: 3}})}
			p.ctx, p.cancel = context.WithCancel(t.Context())
			for step := range strings.SplitSeq(string(input), "\n") {
				if step != "" {
					p.step(step[0], step[1:])
					synctest.Wait()
				}
			}
			p.cancel()
		})
	})
}

// player takes the steps of FuzzSession.
type player struct {
	h      *host
	sid    string
	ws     *client
	last   *engine.Session
	ctx    context.Context
	cancel context.CancelFunc
}

func (p *player) step(what byte, arg string) {
	query := "&transport=polling&sid=" + p.sid
	switch what {
	case 'o': // open
		p.sid = sidOf(p.h.try(request{query: "&transport=polling"}).body)
	case 'g': // GET
		ctx := p.ctx
		go p.h.try(request{ctx: ctx, query: query})
	case 'a': // abort the GETs
		p.cancel()
		p.ctx, p.cancel = context.WithCancel(context.Background())
	case 'p': // POST
		go p.h.try(request{method: "POST", query: query, body: strings.NewReader(arg)})
	case 'q': // any request
		go p.h.try(request{method: "GET", query: "&" + arg})
	case 'W', 'u': // WebSocket, upgrade
		c := p.h.dial()
		go func() {
			_, _ = io.WriteString(c.conn, upgradeRequest("&transport=websocket"+map[bool]string{true: "&sid=" + p.sid}[what == 'u'], keyHeaders))
		}()
		synctest.Wait()
		if res, err := http.ReadResponse(c.br, nil); err == nil && res.StatusCode == http.StatusSwitchingProtocols {
			p.ws = c
			go func() { _, _ = io.Copy(io.Discard, c.br) }()
		}
	case 't': // let time pass
		<-time.After(time.Duration(len(arg)+1) * 7 * time.Second)
	case 'T':
		<-time.After(50 * time.Millisecond)
	case 'S':
		p.h.srv.Close()
	default:
		p.more(what, arg)
	}
}

func (p *player) more(what byte, arg string) {
	select {
	case p.last = <-p.h.app.sessions:
	default:
	}
	switch {
	case what == 's' && p.last != nil: // the server sends
		_ = p.last.Send(text(arg), engine.Binary([]byte(arg)))
	case what == 'v' && p.last != nil:
		p.last.SendVolatile(text(arg))
	case what == 'd' && p.last != nil: // the server closes
		p.last.Close()
	case p.ws == nil:
	case what == 'w': // text
		go p.ws.conn.Write(frames(textFrame(arg)))
	case what == 'b': // binary
		go p.ws.conn.Write(frames(autobahn.Frame{Op: autobahn.Binary, Payload: []byte(arg)}))
	case what == 'r': // raw bytes
		go p.ws.conn.Write([]byte(arg))
	case what == 'c':
		go p.ws.conn.Write(frames(closeFrame(1000)))
	case what == 'x':
		_ = p.ws.conn.Close()
	case what == 'X':
		p.ws.reset()
	}
}
