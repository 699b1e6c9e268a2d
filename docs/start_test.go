package docs_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
)

// start returns a server that ends with the test.
func start(t *testing.T, o *socketio.Options) *socketio.Server {
	t.Helper()
	srv := socketio.NewServer(o)
	t.Cleanup(srv.Close)
	return srv
}

func dial(t *testing.T, h http.Handler) *siotest.Client {
	t.Helper()
	return siotest.Dial(t, h, siotest.Options{})
}

// printer stands for package log in the code of a page: a channel of what is printed.
type printer chan string

func (p printer) Println(args ...any) { p <- strings.TrimSpace(fmt.Sprintln(args...)) }
