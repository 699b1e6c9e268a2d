package frame_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gosio/gosio/core/engine/internal/frame"
)

// TestHeader compares both writers with the bytes of RFC 6455 section 5.2.
func TestHeader(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		op     frame.Opcode
		length int
		want   string
	}{
		{frame.Text, 0, "\x81\x00"},
		{frame.Binary, 125, "\x82\x7d"},
		{frame.Text, 126, "\x81\x7e\x00\x7e"},
		{frame.Text, 65535, "\x81\x7e\xff\xff"},
		{frame.Binary, 65536, "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"},
		{frame.Pong, 5, "\x8a\x05"},
	} {
		if got := frame.AppendHeader([]byte("-"), tt.op, tt.length); string(got) != "-"+tt.want {
			t.Errorf("AppendHeader(%d, %d) = % x", tt.op, tt.length, got)
		}
		buf := bytes.Repeat([]byte{'-'}, frame.MaxHeader+1)
		start := frame.PutHeader(buf, tt.op, tt.length)
		want := strings.Repeat("-", frame.MaxHeader-len(tt.want)) + tt.want + "-"
		if start != frame.MaxHeader-len(tt.want) || string(buf) != want {
			t.Errorf("PutHeader(%d, %d) = %d, % x", tt.op, tt.length, start, buf)
		}
	}
}

// TestAppendClose checks the codes and how reasons are made to fit.
func TestAppendClose(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		code         int
		reason, want string
	}{
		{1000, "", "\x88\x02\x03\xe8"},
		{1001, "bye", "\x88\x05\x03\xe9bye"},
		{1005, "not sent", "\x88\x00"},
		{1002, "a\xffb", "\x88\x07\x03\xeaa\uFFFDb"},
		{1002, strings.Repeat("x", 200), "\x88\x7d\x03\xea" + strings.Repeat("x", 123)},
		{1002, strings.Repeat("x", 122) + "é", "\x88\x7c\x03\xea" + strings.Repeat("x", 122)},
	} {
		got := string(frame.AppendClose([]byte("-"), tt.code, tt.reason))
		if got != "-"+tt.want || !utf8.ValidString(got[min(5, len(got)):]) {
			t.Errorf("AppendClose(%d, %q) = %q, want %q", tt.code, tt.reason, got, tt.want)
		}
	}
}
