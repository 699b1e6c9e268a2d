package eio3_test

import (
	"testing"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/internal/eio3"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestAuth(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"":                        `{}`,
		"token=x%2Cy&n=1&n=2":     `{"n":"2","token":"x,y"}`,
		"token=x&%zz=1&bad%zz&=e": `{"":"e","token":"x"}`,
	} {
		assert.Equal(t, query, string(eio3.Auth(query)), want)
	}
}

// TestRefusal: these clients take what package socket.io-client 2 does for data, and
// otherwise show what they get as the message.
func TestRefusal(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]string{
		`{"message":"no"}`:                   `"no"`,
		`{"message":"no","data":{"code":1}}`: `{"code":1}`,
		`{"message":"no","data":[1]}`:        `[1]`,
		`{"message":"no","data":"why"}`:      `"why"`,
		`{"message":"no","data":""}`:         `"no"`,
		`{"message":"no","data":7}`:          `"no"`,
		`{"message":"no","data":null}`:       `"no"`,
	} {
		assert.Equal(t, data, string(eio3.Refusal([]byte(data))), want)
	}
}

func TestAttachments(t *testing.T) {
	t.Parallel()
	var a eio3.Attachments
	binary := []engine.Message{engine.Binary([]byte("one")), engine.Binary([]byte("two"))}
	first := a.Of(binary)
	assert.Equal(t, "messages", len(first), 2)
	assert.True(t, "made once", &a.Of(binary)[0] == &first[0])
}
