package docs_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/emitter"
	"github.com/gosio/gosio/emitter/goredis"
	"github.com/gosio/gosio/internal/assert"
)

// channels keeps the channels that were published to.
type channels []string

func (c *channels) Publish(_ context.Context, channel string, _ []byte) error {
	*c = append(*c, channel)
	return nil
}

func TestEmitter(t *testing.T) {
	t.Parallel()
	// code: make
	client := redis.NewClient(&redis.Options{
		Addr:                  "redis:6379",
		ContextTimeoutEnabled: true, // a call ends when it should
		MaxRetries:            -1,   // and is made once
	})
	e := emitter.NewClassic(goredis.New(client), nil)
	// end
	defer client.Close()
	assert.Equal(t, "namespace", e.Name(), "/")
	var published channels
	e = emitter.NewClassic(&published, nil)
	ctx := t.Context()
	check := func(err error) { assert.NoError(t, err) }
	// code: use
	check(e.Emit("maintenance", time.Now().Add(time.Hour)))                   // to everybody; check is yours
	check(e.To("news", "sport").Except("muted").Emit("headline", "It works")) // each socket once
	check(e.Of("/admin").To("user:7").Emit("report", []byte{0x25, 0x50}))     // bytes are bytes
	check(e.To("game:3").Volatile().Emit("position", 3, 4))                   // or not at all

	check(e.In("user:7").SocketsJoin("vip"))
	check(e.In("vip").SocketsLeave("trial"))
	check(e.In("user:7").DisconnectSockets(true))
	check(e.ServerSideEmit("drop", "user:7")) // to the servers, not to clients
	// end
	assert.Equal(t, "channels", strings.Join(published, " "),
		"socket.io#/# socket.io#/# socket.io#/admin#user:7# socket.io#/#game:3# socket.io-request#/# socket.io-request#/# socket.io-request#/# socket.io-request#/#")

	type Headline struct{ Text string }
	// code: typed
	headline := socketio.NewEvent[Headline, socketio.None]("headline")

	err := headline.Emit(e.To("news"), Headline{Text: "It works"})
	// end
	assert.NoError(t, err)

	// code: wait
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if err := e.WithContext(ctx).To("news").Emit("headline", "It works"); err != nil {
		return // not done: Redis may not have it
	}
	// end
}

func TestEmitterForms(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{})
	defer client.Close()
	r := goredis.New(client)
	// code: forms
	classic := emitter.NewClassic(r, &emitter.ClassicOptions{Prefix: "my-app"})          // key: "my-app"
	sharded := emitter.NewSharded(r, &emitter.ShardedOptions{Prefix: "my-app"})          // channelPrefix: "my-app"
	streams := emitter.NewStreams(r, &emitter.StreamsOptions{Stream: "s", MaxLen: 5000}) // streamName: "s", maxLen: 5000
	// end
	for _, e := range []*emitter.Emitter{classic, sharded, streams} {
		assert.Equal(t, "namespace", e.Name(), "/")
	}
}

func TestEmitterPipeline(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1, DialerRetries: 1})
	defer client.Close()
	ctx := t.Context()
	list := []string{"a", "b"}
	// code: pipeline
	pipe := client.TxPipeline()
	queued := emitter.NewStreams(goredis.New(pipe), nil)
	for _, id := range list {
		if err := queued.To("user:" + id).Emit("paid"); err != nil {
			return // the event cannot be encoded
		}
	}
	pipe.Incr(ctx, "payments")
	_, err := pipe.Exec(ctx) // now, in one transaction, or not at all
	// end
	assert.True(t, fmt.Sprint(err), err != nil)
	assert.Equal(t, "queued", pipe.Len(), 0)
}

// TestEmitterOptions: the page names all options.
func TestEmitterOptions(t *testing.T) {
	t.Parallel()
	text := read(t, "emitter.md")
	for _, options := range []any{emitter.ClassicOptions{}, emitter.ShardedOptions{}, emitter.StreamsOptions{}} {
		typ := reflect.TypeOf(options)
		for _, field := range reflect.VisibleFields(typ) {
			if !strings.Contains(text, "`"+typ.Name()+"."+field.Name+"`") && !strings.Contains(text, "`"+field.Name+"` of all") {
				t.Errorf("emitter.md does not name %s.%s", typ.Name(), field.Name)
			}
		}
	}
}
