package engine

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gosio/gosio/internal/assert"
)

// labourer leaves work with each message, and says who has done it.
type labourer struct {
	silent
	done chan string
}

type job struct {
	name string
	done chan string
}

func (l *labourer) Connect(*Session, *http.Request) Receiver { return l }

func (l *labourer) Message(data []byte, _ bool) (w Worker, err error) {
	if string(data) == "x" {
		err = errors.New("refused")
	}
	return &job{string(data), l.done}, err
}

func (j *job) Work(inline bool) {
	if inline {
		j.name += " inline"
	}
	j.done <- j.name
}

// TestWorkOfEachMessage: of messages that arrive together each one's work is
// done, the last one's inline, and also that of a message which ends the session.
func TestWorkOfEachMessage(t *testing.T) {
	t.Parallel()
	for messages, want := range map[string]string{
		"a": "a inline", "ab": "a, b inline", "abc": "a, b, c inline", "abx": "a, b, x",
	} {
		t.Run(messages, func(t *testing.T) {
			t.Parallel()
			l := &labourer{done: make(chan string, 9)}
			_, dial := leanFor(t, l)
			conn := dial()
			var frames strings.Builder
			for _, m := range messages {
				frames.WriteString("\x81\x82\x00\x00\x00\x004" + string(m))
			}
			_, err := io.WriteString(conn, frames.String())
			assert.NoError(t, err)
			var got []string
			for range messages {
				select {
				case name := <-l.done:
					got = append(got, name)
				case <-time.After(10 * time.Second):
					t.Fatal("work is left undone: ", got)
				}
			}
			assert.Equal(t, "work", strings.Join(got, ", "), want)
		})
	}
}
