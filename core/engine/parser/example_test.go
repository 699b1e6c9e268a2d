package parser_test

import (
	"fmt"
	"time"

	"github.com/gosio/gosio/core/engine/parser"
)

func ExamplePackets() {
	for p, err := range parser.Packets([]byte("4hello\x1ebAQID\x1e3")) {
		fmt.Printf("%s %q %v %v\n", p.Type, p.Data, p.Binary, err)
	}
	// Output:
	// message "hello" false <nil>
	// message "\x01\x02\x03" true <nil>
	// pong "" false <nil>
}

func ExamplePacket_Append() {
	payload := parser.Packet{Type: parser.TypePing}.Append(nil)
	payload = append(payload, parser.Separator)
	payload = parser.Packet{Type: parser.TypeMessage, Data: []byte{1, 2, 3}, Binary: true}.Append(payload)
	fmt.Printf("%q\n", payload)
	// Output: "2\x1ebAQID"
}

func ExampleHandshake_Append() {
	h := parser.Handshake{SID: "Q0mXYGZx", PingInterval: 25 * time.Second, PingTimeout: 20 * time.Second, MaxPayload: 1e6}
	fmt.Println(string(parser.Packet{Type: parser.TypeOpen, Data: h.Append(nil)}.Append(nil)))
	// Output: 0{"sid":"Q0mXYGZx","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}
}
