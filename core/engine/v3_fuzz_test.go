package engine_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gosio/gosio/core/engine"
)

// FuzzSessionV3 is FuzzSession for clients of protocol 3.
func FuzzSessionV3(f *testing.F) {
	for _, seed := range []string{
		"o\ng\np6:4hello6:b4AQID\ng\np1:1\ng",
		"o\ng\nB\x00\x06\xff4hello\x01\x04\xff\x04\x01\x02\x03\ng\nt9999",
		"o\ng\nu\nw2probe\ng\np2:4x\nw5\nw4y\np2:4z\nw2\nc",
		"W\nw4x\nw2\nb\x04\x01\x02\nr\xf1\x80\nw4y",
		"W\nwb4AQID\nw3\nW\nb\x02\nW\nb\nW\nwb2",
		"o\ng\ns\ng\ns9\nd\ng",
		"o\np1:21:21:2\np99:4a\no\nB\x01\x09\x09\x09\xff",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		if len(input) > 1000 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			opts := engine.Options{MaxHTTPBufferSize: 100, SendBuffer: 300, MaxFragments: 3, ControlFrames: 3}
			p := &player{h: old(serveIn)(t, setup{opts: opts})}
			p.ctx, p.cancel = context.WithCancel(t.Context())
			for step := range strings.SplitSeq(string(input), "\n") {
				switch {
				case step == "":
				case step[0] == 'B': // POST of a binary payload
					go p.h.try(request{
						method: "POST", query: "&transport=polling&sid=" + p.sid, body: strings.NewReader(step[1:]),
						header: []string{"Content-Type", "application/octet-stream"},
					})
				case step[0] == 'W' || step[0] == 'u':
					p.oldWS(step[0] == 'u')
				default:
					p.step(step[0], step[1:])
				}
				synctest.Wait()
			}
			p.cancel()
		})
	})
}

func (p *player) oldWS(upgrade bool) {
	query := "&transport=websocket"
	if upgrade {
		query += "&sid=" + p.sid
	}
	c := p.h.dial()
	go func() { _, _ = io.WriteString(c.conn, oldUpgrade(query)) }()
	synctest.Wait()
	if res, err := http.ReadResponse(c.br, nil); err == nil && res.StatusCode == http.StatusSwitchingProtocols {
		p.ws = c
		go func() { _, _ = io.Copy(io.Discard, c.br) }()
	}
}
