package siotest_test

import (
	"fmt"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
)

// outside stands in for the *testing.T that a test has and an example has not.
type outside struct {
	testing.TB
	cleanup []func()
}

func (o *outside) Helper()                      {}
func (o *outside) Cleanup(f func())             { o.cleanup = append(o.cleanup, f) }
func (o *outside) Fatalf(f string, args ...any) { fmt.Printf("FAIL "+f+"\n", args...) }
func (o *outside) Errorf(f string, args ...any) { fmt.Printf("FAIL "+f+"\n", args...) }
func (o *outside) Fatal(args ...any)            { fmt.Println(args...) }
func (o *outside) end() {
	for _, f := range o.cleanup {
		f()
	}
}

func ExampleDial() {
	t := &outside{} // in a test, its *testing.T
	defer t.end()

	srv := socketio.NewServer(nil)
	defer srv.Close()
	srv.OnConnect(func(s *socketio.Socket) { _ = s.Join("lobby") })
	srv.On("message", func(s *socketio.Socket, text string) error {
		return s.To("lobby").Emit("message", text)
	})
	srv.On("add", func(a, b int) int { return a + b })

	alice := siotest.Dial(t, srv, siotest.Options{})
	bob := siotest.Dial(t, srv, siotest.Options{Transport: "polling"})

	alice.Emit("message", "hello")
	var text string
	bob.Expect("message", &text)
	fmt.Println(text)

	var sum int
	alice.Call("add", 2, 3).Decode(&sum)
	fmt.Println(sum)
	// Output:
	// hello
	// 5
}

func ExampleMessage_Ack() {
	t := &outside{}
	defer t.end()

	srv := socketio.NewServer(nil)
	defer srv.Close()
	srv.OnConnect(func(s *socketio.Socket) {
		go func() {
			name, err := socketio.Call[string](s.Context(), s, "who are you")
			_ = s.Emit("welcome", name, err == nil)
		}()
	})

	c := siotest.Dial(t, srv, siotest.Options{})
	c.Expect("who are you").Ack("alice")
	fmt.Println(c.Expect("welcome"))
	// Output: ["welcome","alice",true]
}

func ExampleRefused() {
	t := &outside{}
	defer t.end()

	srv := socketio.NewServer(nil)
	defer srv.Close()

	e := siotest.Refused(t, srv, siotest.Options{Namespace: "/unknown"})
	fmt.Println(e.Message)
	// Output: Invalid namespace
}
