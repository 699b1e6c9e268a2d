package docs_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// TestSlowClients: of what waits for clients that do not read only the newest arrives.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := socketio.NewServer(nil)
		defer srv.Close()
		// code: cursors
		srv.OnConnect(func(s *socketio.Socket) { s.Join("board") })
		srv.On("cursor", func(s *socketio.Socket, x, y int) error {
			return s.To("board").Volatile().Latest(s.ID()).Emit("cursor", s.ID(), x, y)
		})
		srv.OnDisconnect(func(s *socketio.Socket, _ socketio.Reason) {
			s.To("board").Emit("left", s.ID()) // comes behind the last cursor
		})
		// end
		type quote struct {
			Symbol string
			Price  int
		}
		quotes, lines := make(chan quote), make(chan string)
		go func() {
			// code: prices
			for q := range quotes {
				srv.To("prices").Latest(q.Symbol).Emit("price", q.Symbol, q.Price)
			}
			// end
		}()
		go func() {
			// code: newest
			for line := range lines {
				srv.To("log").Newest("", 3).Emit("line", line) // the key may be empty: the name is enough
			}
			// end
		}()
		defer close(quotes)
		defer close(lines)

		slow, a, b := siotest.Dial(t, srv, siotest.Options{}), siotest.Dial(t, srv, siotest.Options{}), siotest.Dial(t, srv, siotest.Options{})
		s, _ := srv.Socket(slow.ID())
		s.Join("prices", "log")
		slow.Stall(true)
		s.Emit("much", strings.Repeat("x", 1<<20))
		synctest.Wait()
		for i := range 100 {
			a.Emit("cursor", i, i)
			synctest.Wait() // one after the other
			b.Emit("cursor", -i, -i)
			synctest.Wait()
			quotes <- quote{"tea", i}
			synctest.Wait()
			lines <- fmt.Sprint("line ", i)
			synctest.Wait()
		}
		left := b.ID()
		b.Disconnect()
		synctest.Wait()
		slow.Stall(false)
		slow.Expect("much")
		var got []string
		for range 7 {
			m := slow.Next()
			got = append(got, strings.NewReplacer(a.ID(), "a", left, "b").Replace(m.String()))
		}
		slow.ExpectIdle()
		assert.Equal(t, "what the slow client gets", strings.Join(got, " "),
			`["line","line 97"] ["line","line 98"] ["cursor","a",99,99] ["cursor","b",-99,-99] ["price","tea",99] ["line","line 99"] ["left","b"]`)

		room, board := "board", "the whole board"
		// code: callback
		for _, s := range srv.Sockets() {
			switch {
			case !s.InRoom(room):
			case s.Writable():
				s.Emit("board", board)
			default:
				s.Latest("").Emit("changed", room) // it asks for the board when it has come so far
			}
		}
		// end
		slow.Expect("board")
	})
}
