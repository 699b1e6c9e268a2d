// Suite-engine-client is the support server of the official engine.io-client
// suite. PORT is its TCP port, 3000 by default.
package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/gosio/gosio/core/engine"
)

func main() {
	h := &host{}
	srv := engine.NewServer(h, &engine.Options{
		PingInterval:      500 * time.Millisecond,
		MaxHTTPBufferSize: 100,
		AllowRequest: func(r *http.Request) error {
			if r.URL.Query().Has("deny") {
				return errors.New("the suite wants this one denied")
			}
			return nil
		},
		Headers: func(h http.Header, _ *http.Request, initial bool) {
			if initial {
				setCookies(h)
			}
		},
	})
	http.HandleFunc("/engine.io/", func(w http.ResponseWriter, r *http.Request) {
		if sid := r.URL.Query().Get("sid"); sid != "" && r.Method == http.MethodPost {
			h.headers.Store(sid, r.Header.Clone())
		}
		srv.ServeHTTP(w, r)
	})

	listener, err := net.Listen("tcp", ":"+cmp.Or(os.Getenv("PORT"), "3000")) // localhost, by IPv4 and IPv6
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening")
	log.Fatal(http.Serve(listener, nil))
}

// setCookies sets two that hold and two that have expired.
func setCookies(h http.Header) {
	for _, c := range []http.Cookie{
		{Name: "1", Value: "1", MaxAge: 86400},
		{Name: "2", Value: "2", SameSite: http.SameSiteStrictMode, Path: "/", HttpOnly: true, Secure: true},
		{Name: "3", Value: "3", MaxAge: -1},
		{Name: "4", Value: "4", Expires: time.Now()},
	} {
		h.Add("Set-Cookie", c.String())
	}
}

// host keeps the header of each session's last POST.
type host struct{ headers sync.Map }

func (h *host) Connect(s *engine.Session, _ *http.Request) engine.Receiver {
	c := &session{s, h}
	_ = c.text("hi") // or it has ended already
	return c
}

type session struct {
	*engine.Session
	host *host
}

func (s *session) text(m string) error {
	return s.Send(engine.Text(append(engine.TextBuffer(len(m)), m...)))
}

func (s *session) Message(data []byte, binary bool) (engine.Worker, error) {
	return nil, s.answer(data, binary)
}

func (s *session) answer(data []byte, binary bool) error {
	switch {
	case binary:
		return s.Send(engine.Binary(data))
	case string(data) == "give binary":
		return s.Send(engine.Binary([]byte{0, 1, 2, 3, 4}))
	case string(data) == "give utf8":
		return s.text("пойду спать всем спокойной ночи")
	case string(data) == "sendHeaders":
		return s.sendHeaders()
	}
	return s.text(string(data))
}

func (s *session) sendHeaders() error {
	lower := make(map[string]string)
	if h, ok := s.host.headers.Load(s.ID()); ok {
		for key, values := range h.(http.Header) {
			lower[strings.ToLower(key)] = strings.Join(values, ", ")
		}
	}
	b, err := json.Marshal(lower)
	if err != nil {
		return err
	}
	return s.text(string(b))
}

func (s *session) Backlog() <-chan struct{} { return nil }

func (s *session) Closed(engine.Reason, error) { s.host.headers.Delete(s.ID()) }
