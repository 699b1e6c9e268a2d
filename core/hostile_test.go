package socketio_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// TestHostile: what breaks the protocol closes the connection it came by, is
// logged once without a byte of it, and costs nobody else anything.
func TestHostile(t *testing.T) {
	const ph = `{"_placeholder":true,"num":0}`
	const secret = "sesame"
	tests := map[string][]string{
		"type 7":                       {"47"},
		"type :":                       {"4:"},
		"no type":                      {"4"},
		"a letter":                     {"4x" + secret},
		"attachments -1":               {`45-1-["e"]`},
		"attachments 1.5":              {`451.5-["e"]`},
		"attachments 1e1":              {`451e1-["e"]`},
		"attachments with a space":     {`45 1-["e"]`},
		"attachments in hex":           {`450x1-["e"]`},
		"attachments empty":            {`45-["e"]`},
		"attachments zero":             {`450-["e"]`},
		"attachments without a dash":   {`451["e"]`},
		"attachments of 30 digits":     {"45" + strings.Repeat("1", 30) + `-["e"]`},
		"attachments 11":               {`4511-["e"]`},
		"attachments 2^32":             {`454294967296-["e"]`},
		"placeholder out of range":     {`451-["e",{"_placeholder":true,"num":1}]`},
		"placeholder negative":         {`451-["e",{"_placeholder":true,"num":-1}]`},
		"placeholder with a fraction":  {`451-["e",{"_placeholder":true,"num":0.5}]`},
		"placeholder with a name":      {`451-["e",{"_placeholder":true,"num":"splice"}]`},
		"placeholder with an exponent": {`451-["e",{"_placeholder":true,"num":1e0}]`},
		"placeholder without a number": {`451-["e",{"_placeholder":true}]`},
		"placeholder for a name":       {`451-[` + ph + `]`, "bAQID"},
		"binary for nothing":           {"bAQID"},
		"binary too many":              {`451-["e",` + ph + `]`, "bAQID", "bAQID"},
		"text before the attachment":   {`451-["e",` + ph + `]`, `42["e","` + secret + `"]`},
		"id 2^53":                      {`429007199254740992["e"]`},
		"id 2^64":                      {`4218446744073709551616["e"]`},
		"id of 400 digits":             {"42" + strings.Repeat("9", 400) + `["e"]`},
		"id of a letter":               {`42x["e"]`},
		"event without payload":        {"42"},
		"event that is an object":      {`42{"e":1}`},
		"event []":                     {"42[]"},
		"event [null]":                 {"42[null]"},
		"event [{}]":                   {"42[{}]"},
		"event [true]":                 {"42[true]"},
		"event [[]]":                   {`42[["` + secret + `"]]`},
		"event not closed":             {`42["` + secret + `"`},
		"event and more":               {`42["e"]x`},
		"event with a bad escape":      {`42["\x"]`},
		"event with a control char":    {"42[\"a\x00b\"]"},
		"reserved connect":             {`42["connect"]`},
		"reserved connect_error":       {`42["connect_error"]`},
		"reserved disconnect":          {`42["disconnect"]`},
		"reserved disconnecting":       {`42["disconnecting"]`},
		"reserved newListener":         {`42["newListener"]`},
		"reserved by escapes":          {`42["remove\u004cistener"]`},
		"a name of 1 MB":               {`42["` + strings.Repeat("n", 900_000) + `"]`},
		"deep arrays":                  {`42["e",` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + "]"},
		"deep objects":                 {`42["e",` + strings.Repeat(`{"a":`, 50_000) + "1" + strings.Repeat("}", 50_000) + "]"},
		"auth that is a string":        {`40/other,"` + secret + `"`},
		"auth that is null":            {`40/other,null`},
		"auth that is an array":        {`40/other,[]`},
		"auth that is no JSON":         {`40/other,{`},
		"connect as somebody else":     {`40{"a":1}`},
		"connect_error from a client":  {`44{"message":"` + secret + `"}`},
		"disconnect with a payload":    {`41["` + secret + `"]`},
		"ack that is an object":        {`430{"a":1}`},
		"event to a namespace":         {`42/other,["e"]`},
		"ack to a namespace":           {`43/other,0[]`},
		"disconnect of a namespace":    {"41/other"},
		"event to an unknown one":      {`42/` + secret + `,["e"]`},
		"a namespace of 100 KB":        {"40/" + strings.Repeat("n", 100_000) + ","},
	}
	t.Parallel()
	for name, send := range tests {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, o siotest.Options) {
				a := newApp(t, socketio.Options{})
				handled := 0
				a.On("e", func(...any) { handled++ })
				a.On("ping", func() string { return "pong" })
				a.Of("/other").On("e", func() { handled++ })
				reasons := make(chan socketio.Reason, 4)
				a.OnDisconnect(func(_ *socketio.Socket, r socketio.Reason) { reasons <- r })
				bystander, attacker := siotest.Dial(t, a, o), siotest.Dial(t, a, o)
				for _, p := range send {
					_ = attacker.Conn().Send(p)
				}
				assert.Equal(t, "reason", <-reasons, socketio.ReasonForcedClose)
				attacker.ExpectDisconnect(siotest.TransportClose)
				assert.Equal(t, "bystander", bystander.Call("ping").String(), `["pong"]`)
				synctest.Wait()
				assert.Equal(t, "connections", a.Connections(), 1)
				assert.Equal(t, "disconnects", len(reasons), 0)
				assert.True(t, "handled", handled == 0 || name == "binary too many" && handled == 1)
				lines := a.log.take()
				assert.Equal(t, "log lines", len(lines), 1)
				assert.True(t, lines[0], !strings.Contains(lines[0], secret) && len(lines[0]) < 256)
			})
		})
	}
}

// TestBeforeJoining: nothing but CONNECT may come first.
func TestBeforeJoining(t *testing.T) {
	t.Parallel()
	for _, packet := range []string{`42["e"]`, "430[]", "41", "bAQID", `451-["e",{"_placeholder":true,"num":0}]`} {
		t.Run(packet[:2], func(t *testing.T) {
			onBoth(t, func(t *testing.T, o siotest.Options) {
				a := newApp(t, socketio.Options{})
				c := siotest.Open(t, a, o)
				_ = c.Send(packet, "bAQID")
				c.ExpectClosed()
				synctest.Wait() // the close frame may leave before the line is written
				a.log.one(t, "broke the protocol")
			})
		})
	}
}

// TestChurn: namespaces that come and go leave nothing behind.
func TestChurn(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		ns := a.Of("/n")
		var left atomic.Int64 // each socket has a dispatcher of its own
		ns.OnDisconnect(func(*socketio.Socket, socketio.Reason) { left.Add(1) })
		c := siotest.Dial(t, a, o)
		for range 100 {
			c.Of("/n", nil).Disconnect()
			assert.NoError(t, c.Conn().Send("40/unknown,"))
		}
		s := c.Of("/n", nil)
		assert.Equal(t, "sockets", len(ns.Sockets()), 1)
		s.Disconnect()
		synctest.Wait()
		assert.Equal(t, "left", left.Load(), 101)
	})
}

// TestHammer has many goroutines at the same few sockets, while these come and
// go: for the race detector, and for what must hold in the end.
func TestHammer(t *testing.T) {
	t.Parallel()
	a := newApp(t, socketio.Options{})
	key := socketio.NewKey[int]("n")
	a.OnConnect(func(s *socketio.Socket) { key.Set(s, 1); _ = s.Join("all") })
	a.On("echo", func(s *socketio.Socket, v any) any { _ = s.To("all").Volatile().Emit("noise"); return v })
	opened, closed := make(map[string]int), make(map[string]int)
	var mu sync.Mutex
	count := func(m map[string]int, s *socketio.Socket) { mu.Lock(); m[s.ID()]++; mu.Unlock() }
	a.OnConnect(func(s *socketio.Socket) { count(opened, s) })
	a.OnDisconnect(func(s *socketio.Socket, _ socketio.Reason) { count(closed, s) })
	deadline := time.Now().Add(time.Second)
	var wg sync.WaitGroup
	for i := range 4 { // clients that come and go
		wg.Go(func() {
			o := siotest.Options{Transport: []string{"websocket", "polling"}[i%2]}
			for time.Now().Before(deadline) {
				c := siotest.Open(t, a, o)
				_ = c.Send("40", `421["echo",1]`, `42["echo",{"a":[]}]`)
				if i < 2 {
					_ = c.Send("41")
				}
				c.Cut()
			}
		})
	}
	for i := range 64 {
		wg.Go(func() { hammer(a, key, rand.New(rand.NewPCG(uint64(i), 1)), deadline) })
	}
	wg.Wait()
	a.Close()
	assert.NoError(t, a.Shutdown(t.Context()))
	mu.Lock()
	defer mu.Unlock()
	assert.True(t, "sockets came", len(opened) > 0)
	assert.Equal(t, "each ended once", closed, opened)
	assert.Equal(t, "sockets left", len(a.Sockets()), 0)
	assert.Equal(t, "rooms left", len(a.Rooms()), 0)
}

// hammer does everything to random sockets.
func hammer(a *app, key *socketio.Key[int], random *rand.Rand, deadline time.Time) {
	room := func() string { return fmt.Sprint("room", random.IntN(4)) }
	for time.Now().Before(deadline) {
		all := a.Sockets()
		if len(all) == 0 {
			time.Sleep(time.Millisecond)
			continue
		}
		s := all[random.IntN(len(all))]
		switch random.IntN(10) {
		case 0, 1:
			_ = s.Emit("e", []byte{1}, room())
		case 2, 3:
			_ = s.Join(room(), room())
		case 4:
			s.Leave(room())
		case 5:
			_ = a.To(room(), "all").Except(s.ID()).Emit("e")
		case 6:
			_ = a.To(room()).SocketsJoin(room())
		case 7:
			n, _ := key.Get(s)
			key.Set(s, n+1)
			s.SetIdentity(room() + s.Identity()[:0])
			_, _, _ = s.Rooms(), s.InRoom(room()), s.Context()
			off := s.On("once"+fmt.Sprint(random.Uint64()), func() {})
			off()
		case 8:
			ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			_, _ = s.EmitWithAck(ctx, "e")
			cancel()
		case 9:
			s.Disconnect(random.IntN(2) == 0)
		}
	}
}

// FuzzScript sends arbitrary packets over one connection. Whatever they are,
// the server answers another client, and forgets the first.
func FuzzScript(f *testing.F) {
	for _, script := range []string{
		"40", "40\n42[\"e\",1]", "40\n421[\"e\",{\"a\":[1,2]}]\n41\n40", "40/n,{\"a\":1}\n42/n,7[\"e\"]",
		"40\n451-[\"e\",{\"_placeholder\":true,\"num\":0}]\nbAQID", "40\n420[\"ask\"]\n430[1]", "40\n42[\"panic\"]\n42[\"leave\"]\n42[\"e\"]",
		"44{}", "40\n40", "4", "b", "40\n42[\"close\"]",
	} {
		f.Add(script, true)
		f.Add(script, false)
	}
	f.Fuzz(func(t *testing.T, script string, polling bool) {
		synctest.Test(t, func(t *testing.T) {
			a := newApp(t, socketio.Options{AckTimeout: time.Second})
			for _, ns := range []*socketio.Namespace{a.Namespace, a.Of("/n")} {
				ns.On("e", func(s *socketio.Socket, args ...any) (int, error) { return len(args), s.Broadcast().Emit("e", args...) })
				ns.On("ask", func(s *socketio.Socket) (any, error) { return socketio.Call[any](s.Context(), s, "q") })
				ns.On("panic", func() { panic("as asked") })
				ns.On("leave", func(s *socketio.Socket) { s.Disconnect(false) })
				ns.On("close", func(s *socketio.Socket) error { s.Disconnect(true); return errors.New("closed") })
			}
			o := siotest.Options{}
			if polling {
				o.Transport = "polling"
			}
			c := siotest.Open(t, a, o)
			for p := range strings.SplitSeq(script, "\n") {
				if p == "" || p[0] != '4' && p[0] != 'b' || strings.Contains(p, "\x1e") {
					continue
				}
				if data, binary := strings.CutPrefix(p, "b"); binary {
					p = "b" + base64.StdEncoding.EncodeToString([]byte(data))
				}
				_ = c.Send(p)
			}
			synctest.Wait()
			c.Cut()
			time.Sleep(2 * time.Minute)
			other := a.dial(t)
			assert.Equal(t, "reply", other.Call("e").String(), "[0]")
			assert.Equal(t, "connections", a.Connections(), 1)
			assert.Equal(t, "sockets", len(a.Sockets()), 1)
		})
	})
}
