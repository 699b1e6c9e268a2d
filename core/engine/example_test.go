package engine_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/gosio/gosio/core/engine"
)

// echo is a protocol on Engine.IO: each message is answered with itself.
type echo struct{}

func (echo) Connect(s *engine.Session, _ *http.Request) engine.Receiver { return answers{s} }

type answers struct{ session *engine.Session }

func (a answers) Message(data []byte, _ bool) (engine.Worker, error) {
	message := append(engine.TextBuffer(len(data)), data...) // data is valid during the call only
	return nil, a.session.Send(engine.Text(message))
}

func (answers) Backlog() <-chan struct{}               { return nil } // takes all that comes
func (answers) Closed(reason engine.Reason, err error) {}

// A protocol of your own on Engine.IO. The requests are those of a client on polling.
func ExampleNewServer() {
	srv := engine.NewServer(echo{}, nil)
	defer srv.Close()
	ask := func(method, query, body string) string {
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, httptest.NewRequest(method, "/engine.io/?EIO=4&transport=polling"+query, strings.NewReader(body)))
		answer, _ := io.ReadAll(w.Result().Body)
		return string(answer)
	}

	_, rest, _ := strings.Cut(ask("GET", "", ""), `"sid":"`)
	sid, _, _ := strings.Cut(rest, `"`)
	fmt.Println(ask("POST", "&sid="+sid, "4hello"))
	fmt.Println(ask("GET", "&sid="+sid, ""))
	// Output:
	// ok
	// 4hello
}
