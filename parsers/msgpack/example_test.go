package msgpack_test

import (
	"fmt"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/parser"
	"github.com/gosio/gosio/parsers/msgpack"
)

// All clients of the server need the same parser:
// io(url, { parser: require("socket.io-msgpack-parser") }).
func ExampleParser() {
	srv := socketio.NewServer(&socketio.Options{Parser: msgpack.Parser{}})
	defer srv.Close()

	event := &parser.Packet{Type: parser.Event, Namespace: "/", Data: []byte(`["price",{"EUR":3}]`)}
	decoder := msgpack.Parser{}.NewDecoder(&parser.Limits{})
	err := msgpack.Parser{}.Encode(event, func(message []byte, binary bool) {
		packet, done, err := decoder.Decode(message, binary)
		fmt.Println(len(message), binary, string(packet.Data), done, err)
	})
	fmt.Println(err)
	// Output:
	// 31 true ["price",{"EUR":3}] true <nil>
	// <nil>
}
