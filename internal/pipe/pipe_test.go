package pipe_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
	"github.com/gosio/gosio/internal/pipe"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestReadWhatWasWritten(t *testing.T) {
	t.Parallel()
	a, b := pipe.New()
	n, err := a.Write([]byte("hello"))
	assert.NoError(t, err)
	assert.Equal(t, "written", n, 5)
	assert.NoError(t, a.Close())

	got, err := io.ReadAll(b) // what was written before Close arrives, then the end
	assert.NoError(t, err)
	assert.Equal(t, "read", string(got), "hello")
	_, err = b.Write([]byte("x"))
	assert.ErrorIs(t, err, syscall.EPIPE)
	_, err = a.Read(make([]byte, 1))
	assert.ErrorIs(t, err, net.ErrClosed)
	_, err = a.Write([]byte("x"))
	assert.ErrorIs(t, err, net.ErrClosed)
	assert.ErrorIs(t, a.Close(), net.ErrClosed)
}

func TestWriteBlocksWhenFull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := pipe.New()
		assert.NoError(t, b.SetReadBuffer(10))
		text := bytes.Repeat([]byte("0123456789"), 3)
		written := make(chan error, 1)
		go func() {
			_, err := a.Write(text)
			written <- err
		}()
		synctest.Wait()
		assert.Equal(t, "writes done", len(written), 0)
		got := make([]byte, len(text))
		_, err := io.ReadFull(b, got)
		assert.NoError(t, err)
		assert.Equal(t, "read", string(got), string(text))
		assert.NoError(t, <-written)
	})
}

// TestEnds walks what ends a blocked read and a blocked write, and with what.
func TestEnds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		end         func(a, b *pipe.Conn) error
		read, write error
	}{
		{"deadline", func(a, _ *pipe.Conn) error { return a.SetDeadline(time.Now().Add(time.Minute)) }, os.ErrDeadlineExceeded, os.ErrDeadlineExceeded},
		{"past deadline", func(a, _ *pipe.Conn) error { return a.SetDeadline(time.Unix(1, 0)) }, os.ErrDeadlineExceeded, os.ErrDeadlineExceeded},
		{"own close", func(a, _ *pipe.Conn) error { return a.Close() }, net.ErrClosed, net.ErrClosed},
		{"peer's close", func(_, b *pipe.Conn) error { return b.Close() }, io.EOF, syscall.EPIPE},
		{"own cut", func(a, _ *pipe.Conn) error { a.Cut(); return nil }, syscall.ECONNRESET, syscall.ECONNRESET},
		{"peer's cut", func(_, b *pipe.Conn) error { b.Cut(); return nil }, syscall.ECONNRESET, syscall.ECONNRESET},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, b := pipe.New()
				assert.NoError(t, b.SetReadBuffer(4))
				read, write := make(chan error, 1), make(chan error, 1)
				go func() {
					_, err := a.Read(make([]byte, 1))
					read <- err
				}()
				go func() {
					_, err := a.Write([]byte("longer than the buffer"))
					write <- err
				}()
				synctest.Wait()
				assert.Equal(t, "ended too early", len(read)+len(write), 0)
				assert.NoError(t, tt.end(a, b))
				assert.ErrorIs(t, <-read, tt.read)
				assert.ErrorIs(t, <-write, tt.write)
			})
		})
	}
}

func TestDeadlineIsATimeoutAndCanBeMoved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := pipe.New()
		assert.NoError(t, a.SetReadDeadline(time.Now().Add(time.Second)))
		start := time.Now()
		_, err := a.Read(make([]byte, 1))
		var timeout net.Error
		assert.True(t, "a timeout", errors.As(err, &timeout) && timeout.Timeout())
		assert.Equal(t, "waited", time.Since(start), time.Second)

		assert.NoError(t, a.SetReadDeadline(time.Time{}))
		_, err = b.Write([]byte("x"))
		assert.NoError(t, err)
		_, err = a.Read(make([]byte, 1))
		assert.NoError(t, err)
	})
}

func TestStallReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := pipe.New()
		a.StallReads(true)
		_, err := b.Write([]byte("x"))
		assert.NoError(t, err)
		assert.NoError(t, b.Close()) // a pulled cable hides the close, too
		read := make(chan string, 1)
		go func() {
			all, _ := io.ReadAll(a)
			read <- string(all)
		}()
		time.Sleep(time.Hour) // virtual
		assert.Equal(t, "reads done", len(read), 0)
		a.StallReads(false)
		assert.Equal(t, "read", <-read, "x")
	})
}

func TestListenerEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := pipe.Listen()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := l.DialContext(ctx, "", "") // nobody accepts
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.NoError(t, l.Close())
		assert.NoError(t, l.Close())
		_, err = l.Dial(t.Context())
		assert.ErrorIs(t, err, net.ErrClosed)
		_, err = l.Accept()
		assert.ErrorIs(t, err, net.ErrClosed)
	})
}

// TestHTTPServer is what the package is for: a real server and client, a long
// poll, keep-alive and a hijacked connection, in virtual time.
func TestHTTPServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := pipe.Listen()
		mux := http.NewServeMux()
		mux.HandleFunc("GET /poll", func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(25 * time.Second) // virtual
			_, _ = io.WriteString(w, r.RemoteAddr)
		})
		mux.HandleFunc("GET /echo", func(w http.ResponseWriter, _ *http.Request) {
			conn, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
			_, _ = io.Copy(conn, rw)
		})
		server := &http.Server{Handler: mux}
		go func() { _ = server.Serve(l) }()
		transport := &http.Transport{DialContext: l.DialContext}
		client := &http.Client{Transport: transport}

		start := time.Now()
		var addresses [2]string
		for i := range addresses {
			addresses[i] = get(t, client, "http://pipe/poll")
		}
		assert.Equal(t, "virtual time", time.Since(start), 50*time.Second)
		assert.Equal(t, "kept alive", addresses[1], addresses[0])
		assert.Equal(t, "address", addresses[0], "192.0.2.2:49153")

		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://pipe/echo", nil)
		assert.NoError(t, err)
		req.Header.Set("Connection", "Upgrade")
		req.Header.Set("Upgrade", "echo")
		resp, err := client.Do(req)
		assert.NoError(t, err)
		body := resp.Body.(io.ReadWriteCloser)
		_, err = body.Write([]byte("ping"))
		assert.NoError(t, err)
		got := make([]byte, 4)
		_, err = io.ReadFull(body, got)
		assert.NoError(t, err)
		assert.Equal(t, "echoed", string(got), "ping")
		assert.NoError(t, body.Close())

		transport.CloseIdleConnections()
		assert.NoError(t, server.Shutdown(t.Context()))
	})
}

func get(t *testing.T, client *http.Client, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	assert.NoError(t, err)
	resp, err := client.Do(req)
	assert.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	assert.NoError(t, err)
	return string(body)
}
