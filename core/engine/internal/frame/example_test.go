package frame_test

import (
	"fmt"

	"github.com/gosio/gosio/core/engine/internal/frame"
)

// printer prints what arrives.
type printer struct{}

func (printer) Message(data []byte, binary bool) error {
	fmt.Printf("message %q, binary %v\n", data, binary)
	return nil
}

func (printer) Ping(data []byte) error {
	fmt.Printf("ping %q\n", data)
	return nil
}

func (printer) Pong([]byte) error { return nil }

func (printer) Close(code int, reason []byte) error {
	fmt.Printf("close %d %q\n", code, reason)
	return nil
}

func ExampleReader_Feed() {
	// The two examples of a masked text and a masked ping in RFC 6455 section 5.7.
	wire := []byte("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58" + "\x89\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58")
	lim := frame.Limits{Message: 1e6, Fragments: 1024}

	var r frame.Reader
	_ = r.Feed(wire[:15], lim, printer{}) // ends inside the ping
	open, _ := r.Partial()
	fmt.Println("open", open)
	_ = r.Feed(wire[15:], lim, printer{})
	open, _ = r.Partial()
	fmt.Println("open", open)

	err := r.Feed([]byte("\x81\x05Hello"), lim, printer{})
	fmt.Println(err)
	// Output:
	// message "Hello", binary false
	// open true
	// ping "Hello"
	// open false
	// websocket: frame from a client is not masked
}

func ExamplePutHeader() {
	buf := append(make([]byte, frame.MaxHeader), "Hello"...)
	start := frame.PutHeader(buf, frame.Text, len("Hello"))
	fmt.Printf("% x\n", buf[start:])
	// Output: 81 05 48 65 6c 6c 6f
}

func ExampleAppendClose() {
	fmt.Printf("% x\n", frame.AppendClose(nil, frame.CodeGoingAway, "bye"))
	// Output: 88 05 03 e9 62 79 65
}
