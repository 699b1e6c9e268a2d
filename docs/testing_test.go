package docs_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// newApp is the application whose tests the page shows.
func newApp() (*socketio.Server, http.Handler) {
	srv := socketio.NewServer(nil)
	srv.UseFunc(func(ctx context.Context, s *socketio.Socket) error {
		var auth struct{ Name string }
		if s.Handshake().DecodeAuth(&auth) != nil || auth.Name == "" {
			return &socketio.ConnectError{Message: "who are you?"}
		}
		s.SetIdentity(auth.Name)
		return s.Join("all")
	})
	srv.On("message", func(s *socketio.Socket, text string) (int, error) {
		return len(text), s.To("all").Emit("message", s.Identity(), text)
	})
	srv.OnDisconnect(func(s *socketio.Socket, reason socketio.Reason) {
		srv.To("all").Emit("left", s.Identity(), reason)
	})
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	mux.HandleFunc("POST /news", func(w http.ResponseWriter, r *http.Request) {
		srv.To("all").Emit("news", r.FormValue("text"))
		w.WriteHeader(http.StatusAccepted)
	})
	return srv, mux
}

// code: test
func TestChat(t *testing.T) {
	srv, router := newApp() // the app's own constructor
	defer srv.Close()
	as := func(name string) siotest.Options {
		return siotest.Options{Auth: map[string]string{"name": name}}
	}
	ada, bob := siotest.Dial(t, router, as("ada")), siotest.Dial(t, router, as("bob"))

	var size int
	ada.Call("message", "hello").Decode(&size) // sends, and waits for the acknowledgement
	if size != 5 {
		t.Errorf("size is %d", size)
	}
	var from, text string
	bob.Expect("message", &from, &text)
	if from != "ada" || text != "hello" {
		t.Errorf("bob heard %q from %q", text, from)
	}
}

// end

// code: routes
func TestNews(t *testing.T) {
	srv, router := newApp()
	defer srv.Close()
	ada := siotest.Dial(t, router, siotest.Options{Auth: map[string]string{"name": "ada"}})

	app := siotest.HTTP(t, router, siotest.Options{})
	res, err := app.PostForm("http://server.test/news", url.Values{"text": {"tea is ready"}})
	if err != nil || res.StatusCode != http.StatusAccepted {
		t.Fatal(res, err)
	}
	res.Body.Close()
	var text string
	ada.Expect("news", &text)
	if text != "tea is ready" {
		t.Errorf("heard %q", text)
	}
}

// end

// code: time
func TestLostClientIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, router := newApp()
		defer srv.Close()
		ada := siotest.Dial(t, router, siotest.Options{Auth: map[string]string{"name": "ada"}, Timeout: time.Minute})
		bob := siotest.Dial(t, router, siotest.Options{Auth: map[string]string{"name": "bob"}})

		begin := time.Now()
		bob.Conn().Mute(true) // answers no pings any more
		var who, reason string
		ada.Expect("left", &who, &reason)
		if reason != "ping timeout" || time.Since(begin) != 45*time.Second {
			t.Errorf("%s left after %v: %s", who, time.Since(begin), reason)
		}
	})
}

// end

func TestTesting(t *testing.T) {
	t.Parallel()
	srv, router := newApp()
	defer srv.Close()

	// code: refused
	refusal := siotest.Refused(t, router, siotest.Options{}) // without auth
	if refusal.Message != "who are you?" {
		t.Errorf("refused with %q", refusal.Message)
	}
	ada := siotest.Dial(t, router, siotest.Options{Auth: map[string]string{"name": "ada"}})
	if failure := ada.Call("message", 7).Failure(); failure.Code != socketio.CodeBadRequest {
		t.Errorf("a number as text: %v", failure)
	}
	// end

	// code: raw
	conn := siotest.Open(t, router, siotest.Options{})
	conn.Send(`40{"name":"eve"}`, `42["message"`) // not JSON
	conn.ExpectClosed()
	// end
	assert.Equal(t, "still there", ada.Call("message", "x").String(), "[1]")
}
