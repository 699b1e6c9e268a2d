package socketio_test

import (
	"context"
	"fmt"
	"regexp"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
)

func ExampleServer_OfRegexp() {
	t := &outside{}
	defer t.end()

	srv := socketio.NewServer(nil)
	defer srv.Close()
	rooms := srv.OfRegexp(regexp.MustCompile(`^/room-[0-9]+$`))
	rooms.On("where", func(s *socketio.Socket) string { return s.Namespace().Name() })

	one := siotest.Dial(t, srv, siotest.Options{Namespace: "/room-1"})
	two := siotest.Dial(t, srv, siotest.Options{Namespace: "/room-2"})
	fmt.Println(one.Call("where"), two.Call("where"))

	_ = rooms.Emit("news", "for all")
	_ = rooms.Child("/room-2").Emit("news", "for one")
	var text string
	one.Expect("news", &text)
	two.Expect("news", &text)
	two.Expect("news", &text)
	fmt.Println(text)
	fmt.Println(siotest.Refused(t, srv, siotest.Options{Namespace: "/room-x"}).Message)
	// Output:
	// ["/room-1"] ["/room-2"]
	// for one
	// Invalid namespace
}

func ExampleServer_OfFunc() {
	t := &outside{}
	defer t.end()

	srv := socketio.NewServer(nil)
	defer srv.Close()
	exists := map[string]bool{"/acme": true}
	tenants := srv.OfFunc(func(name string, _ *socketio.Handshake) bool { return exists[name] })
	tenants.UseFunc(func(context.Context, *socketio.Socket) error {
		return nil // who may join is decided here, from what a guard has verified
	})
	tenants.OnConnect(func(s *socketio.Socket) { _ = s.Emit("hello", s.Namespace().Name()) })

	c := siotest.Dial(t, srv, siotest.Options{Namespace: "/acme"})
	fmt.Println(c.Expect("hello"))
	fmt.Println(siotest.Refused(t, srv, siotest.Options{Namespace: "/other"}).Message)
	// Output:
	// ["hello","/acme"]
	// Invalid namespace
}
