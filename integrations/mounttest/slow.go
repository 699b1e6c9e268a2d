package mounttest

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
)

// slowReaders: a client that takes nothing of the answer to its poll for
// Limits.WriteTimeout loses its connection, and all that the server holds for it is free;
// one that takes its time gets the whole answer, and the connection goes on.
func slowReaders(t *testing.T, mount Mount) {
	t.Helper()
	o := socketio.Options{Limits: socketio.Limits{WriteTimeout: ShortTimeout}}
	const size = 3 << 20 // more than any buffer on the way
	poll := func(t *testing.T, app *App, c *Client) (rawAnswer, *bufio.Reader, io.Writer) {
		s := c.Open()
		assert.NoError(t, Wait(t, "the socket", app.Connected).Emit("long", strings.Repeat("x", size)))
		conn, u := c.connect()
		request := "GET " + u.Path + s.suffix() + " HTTP/1.1\r\nHost: " + u.Host + "\r\n\r\n"
		_, err := io.WriteString(conn, request)
		assert.NoError(t, err)
		br := bufio.NewReader(conn)
		resp, err := http.ReadResponse(br, nil) //nolint:bodyclose,nolintlint // the connection ends with the test
		assert.NoError(t, err)
		assert.Equal(t, "status", resp.StatusCode, http.StatusOK)
		return rawAnswer{resp.StatusCode, resp.Header, resp.Body}, br, conn
	}
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		mount.virtual(t, o, func(t *testing.T, app *App, c *Client) {
			resp, _, _ := poll(t, app, c)
			<-time.After(3 * ShortTimeout)
			n, err := io.Copy(io.Discard, resp.Body)
			assert.True(t, "the answer was cut", ended(err) && n < size)
		})
	})
	t.Run("slow", func(t *testing.T) {
		t.Parallel()
		mount.virtual(t, o, func(t *testing.T, app *App, c *Client) {
			resp, br, conn := poll(t, app, c)
			n := int64(0)
			for err := error(nil); err == nil; {
				<-time.After(ShortTimeout * 3 / 4)
				var more int64
				more, err = io.CopyN(io.Discard, resp.Body, size/8)
				n += more
			}
			assert.True(t, "the answer is whole", n > size)
			<-time.After(3 * ShortTimeout)
			_, err := io.WriteString(conn, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
			assert.NoError(t, err)
			resp2, err := http.ReadResponse(br, nil)
			assert.NoError(t, err)
			assert.NoError(t, resp2.Body.Close())
			assert.Equal(t, "a later request on the same connection", resp2.StatusCode, http.StatusNotFound)
		})
	})
}
