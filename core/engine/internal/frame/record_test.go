package frame_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/gosio/gosio/core/engine/internal/frame"
)

// event is one call of the handler.
type event struct {
	op   frame.Opcode
	data string
	code int
}

// record is a handler that keeps what it is told. The call with number failAt,
// from 1, returns fail.
type record struct {
	events []event
	failAt int
	fail   error
}

func (r *record) add(e event) error {
	r.events = append(r.events, e)
	if len(r.events) == r.failAt {
		return r.fail
	}
	return nil
}

func (r *record) Message(data []byte, binary bool) error {
	op := frame.Text
	if binary {
		op = frame.Binary
	}
	return r.add(event{op: op, data: string(data)})
}

func (r *record) Ping(data []byte) error { return r.add(event{op: frame.Ping, data: string(data)}) }

func (r *record) Pong(data []byte) error { return r.add(event{op: frame.Pong, data: string(data)}) }

func (r *record) Close(code int, reason []byte) error {
	return r.add(event{op: frame.Close, data: string(reason), code: code})
}

// feed gives copies of the pieces to a new Reader until one fails, and returns
// what came of it.
func feed(lim frame.Limits, pieces ...[]byte) ([]event, error) {
	copies := make([][]byte, len(pieces))
	for i, p := range pieces {
		copies[i] = bytes.Clone(p)
	}
	return feedInPlace(lim, copies...)
}

// feedInPlace is feed without the copies: the pieces are unmasked.
func feedInPlace(lim frame.Limits, pieces ...[]byte) ([]event, error) {
	var r frame.Reader
	var h record
	for _, p := range pieces {
		if err := r.Feed(p, lim, &h); err != nil {
			return h.events, err
		}
	}
	return h.events, nil
}

// pieces cuts b into pieces of n bytes.
func pieces(b []byte, n int) [][]byte { return slices.Collect(slices.Chunk(b, n)) }

// code returns the close code of err, 0 if it is nil.
func code(t *testing.T, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	var e *frame.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v is not a *frame.Error", err)
	}
	return e.Code
}
