package docs_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/graceful"
	"github.com/gosio/gosio/internal/assert"
)

func TestLimits(t *testing.T) {
	t.Parallel()
	// code: limits
	srv := socketio.NewServer(&socketio.Options{Limits: socketio.Limits{
		MaxHTTPBufferSize: 100 << 10, // small messages only
		Rooms:             20,
		PendingAcks:       -1, // as many as you like
	}})
	// end
	defer srv.Close()
}

// TestPace: the line for an app without package graceful's Serve.
func TestPace(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	// code: pace
	app := &http.Server{Addr: ":3000", Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	graceful.Pace(app)
	// end
	assert.True(t, "set", app.ConnState != nil)
}

// TestStream: a file that is many times Limits.SendBuffer reaches a client that is slow.
func TestStream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := socketio.NewServer(&socketio.Options{Limits: socketio.Limits{SendBuffer: 100_000, MaxHTTPBufferSize: 50_000}})
		defer srv.Close()
		file := bytes.Repeat([]byte("0123456789abcdef"), 100_000)
		open := func(string) io.Reader { return bytes.NewReader(file) }
		// code: stream
		srv.On("download", func(ctx context.Context, s *socketio.Socket, name string) error {
			part, r := make([]byte, 16<<10), open(name)
			for {
				n, err := io.ReadFull(r, part)
				if n > 0 {
					if err := s.WaitWritable(ctx); err != nil {
						return err
					}
					if err := s.Emit("part", part[:n]); err != nil {
						return err
					}
				}
				if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
					return nil
				}
				if err != nil {
					return err
				}
			}
		})
		// end
		c := siotest.Dial(t, srv, siotest.Options{Timeout: time.Hour})
		done := c.EmitWithAck("download", "a")
		var got []byte
		for len(got) < len(file) {
			if len(got)%(50*16<<10) == 0 { // it stops to read now and then
				c.Stall(true)
				time.Sleep(time.Second)
				c.Stall(false)
			}
			var part []byte
			c.Expect("part", &part)
			got = append(got, part...)
		}
		assert.True(t, "the file", bytes.Equal(got, file))
		assert.True(t, "the handler returns", c.ExpectAck(done).Failure() == nil)
	})
}

// TestLatest: a client that does not read gets what is new when it reads again, and nothing
// of what was in between.
func TestLatest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := socketio.NewServer(nil)
		defer srv.Close()
		var tick atomic.Int32
		price := func() []byte { return append(make([]byte, 50_000), byte(tick.Load())) }
		// code: latest
		srv.OnConnect(func(s *socketio.Socket) {
			go func() { // ends with the socket
				ticker := time.NewTicker(100 * time.Millisecond)
				defer ticker.Stop()
				for s.WaitWritable(s.Context()) == nil {
					_ = s.Emit("price", price()) // the newest, however long it had to wait
					select {
					case <-ticker.C:
					case <-s.Context().Done():
						return
					}
				}
			}()
		})
		// end
		c := siotest.Dial(t, srv, siotest.Options{Timeout: time.Hour})
		next := func() int {
			var b []byte
			c.Expect("price", &b)
			return int(b[len(b)-1])
		}
		assert.Equal(t, "the first", next(), 0)
		c.Stall(true)
		for range 100 {
			tick.Add(1)
			time.Sleep(50 * time.Millisecond)
		}
		tick.Store(200)
		c.Stall(false)
		events := 1
		for next() != 200 {
			events++
		}
		assert.True(t, "few in between", events < 10)
	})
}
