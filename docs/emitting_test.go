package docs_test

import (
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
)

func TestEmitting(t *testing.T) {
	t.Parallel()
	srv := start(t, nil)
	png := []byte{137, 80, 78, 71}

	srv.OnConnect(func(s *socketio.Socket) {
		// code: emit
		s.Emit("hello")
		s.Emit("hello", 1, "two", []int{3}, map[string]any{"four": 5})

		err := s.Emit("order", Order{Item: "tea", Count: 2}) // {"item":"tea","count":2}
		// end
		assert.NoError(t, err)

		// code: binary
		type Picture struct {
			Name string `json:"name"`
			Data []byte `json:"data"` // an attachment, not base64
		}
		s.Emit("picture", Picture{"cat.png", png}, []byte("raw"))
		// end
	})
	// code: volatile
	srv.On("cursor", func(s *socketio.Socket, x, y int) {
		s.Volatile().Emit("seen", x, y)
		s.Broadcast().Volatile().Emit("cursor", s.ID(), x, y)
	})
	// end

	// code: compress
	srv.On("photos", func(s *socketio.Socket) {
		s.Compress(false).Emit("photo", png) // it is compressed already
		s.Broadcast().Compress(false).Emit("photo", png)
	})
	// end

	c := dial(t, srv)
	c.Emit("photos")
	assert.Equal(t, "first", c.Next().String(), `["hello"]`)
	assert.Equal(t, "second", c.Next().String(), `["hello",1,"two",[3],{"four":5}]`)
	assert.Equal(t, "third", c.Next().String(), `["order",{"item":"tea","count":2}]`)
	var picture struct{ Data []byte }
	var raw []byte
	c.Expect("picture", &picture, &raw)
	assert.Equal(t, "attachment", picture.Data, png)
	assert.Equal(t, "second attachment", string(raw), "raw")
	c.Expect("photo")
	for seen := ""; seen != `["seen",1,2]`; { // one may be dropped: the connection has just been written to
		c.Call("cursor", 1, 2)
		for _, m := range c.Arrived() {
			seen = m.String()
		}
	}
}
