package main

import (
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
)

// enter connects a user, who joins the lobby.
func enter(t *testing.T, srv *socketio.Server, name string) *siotest.Client {
	t.Helper()
	token, err := sign(name)
	if err != nil {
		t.Fatal(err)
	}
	c := siotest.Dial(t, srv, siotest.Options{Auth: map[string]string{"token": token}})
	c.Call("join", "lobby") // waits for the acknowledgement
	return c
}

func TestSay(t *testing.T) {
	srv := newChat()
	defer srv.Close()
	ada := enter(t, srv, "ada")
	grace := enter(t, srv, "grace")
	ada.Expect("joined")

	siotest.CallEvent(ada, say, message{Room: "lobby", Text: "hello"})
	var got said
	grace.Expect("said", &got)
	if want := (said{"lobby", "ada", "hello"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if err := ada.Call("say", message{Room: "coffee", Text: "hello"}).Failure(); err == nil || err.Code != socketio.CodeForbidden {
		t.Errorf("in a room that Ada has not joined: %v", err)
	}
}

func TestStranger(t *testing.T) {
	srv := newChat()
	defer srv.Close()
	siotest.Refused(t, srv, siotest.Options{Auth: map[string]string{"token": "made up"}})
}

func TestLostConnection(t *testing.T) {
	srv := newChat()
	defer srv.Close()
	ada := enter(t, srv, "ada")
	grace := enter(t, srv, "grace")
	ada.Expect("joined")

	siotest.CallEvent(ada, say, message{Room: "lobby", Text: "one"})
	grace.Expect("said")
	grace.Cut()
	siotest.CallEvent(ada, say, message{Room: "lobby", Text: "two"})
	grace = grace.Reconnect()
	if !grace.Recovered() {
		t.Error("Grace has a new session")
	}
	var got said
	grace.Expect("said", &got)
	if got.Text != "two" {
		t.Errorf("Grace got %q", got.Text)
	}
}
