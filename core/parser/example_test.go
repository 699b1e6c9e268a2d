package parser_test

import (
	"fmt"

	"github.com/gosio/gosio/core/parser"
)

func ExampleDecoder() {
	var d parser.Decoder
	_, done, err := d.Text([]byte(`52-/chat,7["upload",{"name":"a.txt","data":{"_placeholder":true,"num":0}},{"_placeholder":true,"num":1}]`))
	fmt.Println(done, err) // two attachments are to come
	d.Binary([]byte("first"))
	p, done, err := d.Binary([]byte("second"))
	fmt.Println(done, err)

	fmt.Println(p.Type, p.Namespace, p.ID, p.Event())
	var file struct {
		Name string `json:"name"`
		Data []byte `json:"data"`
	}
	var second []byte
	args := p.AppendArgs(nil)
	if err := parser.Unmarshal(args[0], p.Attachments, &file); err != nil {
		fmt.Println(err)
	}
	if err := parser.Unmarshal(args[1], p.Attachments, &second); err != nil {
		fmt.Println(err)
	}
	fmt.Printf("%s: %s, then %s\n", file.Name, file.Data, second)
	// Output:
	// false <nil>
	// true <nil>
	// binary_event /chat 7 upload
	// a.txt: first, then second
}

func ExampleAppendEvent() {
	text, attachments, err := parser.AppendEvent(nil, "/chat", 0, false, "news", []any{"<b>", 1.5, []byte("bytes")})
	fmt.Printf("%s\n%q %v\n", text, attachments, err)
	// Output:
	// 51-/chat,["news","<b>",1.5,{"_placeholder":true,"num":0}]
	// ["bytes"] <nil>
}

func ExampleAppendAck() {
	text, _, err := parser.AppendAck(nil, "/", 12, []any{"ok", map[string]int{"id": 3}})
	fmt.Println(string(text), err)
	// Output: 312["ok",{"id":3}] <nil>
}

func ExamplePacket_Append() {
	p := parser.Packet{Type: parser.ConnectError, Namespace: "/admin", Data: []byte(`{"message":"forbidden"}`)}
	fmt.Println(string(p.Append(nil)))
	// Output: 4/admin,{"message":"forbidden"}
}
