package load_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/gosio/gosio/bench/load"
)

func TestPackets(t *testing.T) {
	t.Parallel()
	const data = `"000000001234abcdefghijklmnopqrst"`
	for _, test := range []struct{ name, got, want string }{
		{"event", string(load.AppendEvent(nil, "echo", 1234)), `42["echo",` + data + `]`},
		{"event with ack", string(load.AppendAckEvent(nil, "ack", 1234)), `421234["ack",` + data + `]`},
		{"ack", string(load.AppendAck(nil, 1234)), `431234[` + data + `]`},
		{"command", string(load.AppendCommand(nil, "flood", "1000", 1234)), `42["flood",1000,` + data + `]`},
		{"join", string(load.AppendJoin(nil, 7, "bench")), `427["join","bench"]`},
		{"joined", string(load.AppendJoined(nil, 7)), `437["ok"]`},
	} {
		if test.got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, test.got, test.want)
		}
		if start := strings.IndexByte(test.got, '['); !json.Valid([]byte(test.got[start:])) {
			t.Errorf("%s: no JSON: %s", test.name, test.got)
		}
	}
}

func TestSplitPayload(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		body string
		want []string
		err  error
	}{
		{"4a", []string{"4a"}, nil},
		{"4a\x1e2\x1e4b", []string{"4a", "2", "4b"}, nil},
		{"", nil, load.ErrPayload},
		{"4a\x1e", []string{"4a"}, load.ErrPayload},
	} {
		var got []string
		err := load.SplitPayload([]byte(test.body), func(p []byte) error {
			got = append(got, string(p))
			return nil
		})
		if !errors.Is(err, test.err) || !slices.Equal(got, test.want) {
			t.Errorf("%q: %q, %v", test.body, got, err)
		}
	}
}

func TestParseResponse(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, text, body string }{
		{"length", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nX: y\r\n\r\nok", "ok"},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde"},
	} {
		for cut := range len(test.text) {
			if _, n, err := load.ParseResponse([]byte(test.text[:cut])); n != 0 || err != nil {
				t.Fatalf("%s cut at %d: %d, %v", test.name, cut, n, err)
			}
		}
		response, n, err := load.ParseResponse([]byte(test.text + "HTTP/1.1"))
		if err != nil || n != len(test.text) || response.Status != 200 || string(response.Body) != test.body {
			t.Errorf("%s: %d, %q, %v", test.name, n, response.Body, err)
		}
	}
}

func TestParseResponseRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"HTTP/1.0 200 OK\r\n\r\n",
		"HTTP/1.1 2x0 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc",
	} {
		if _, _, err := load.ParseResponse([]byte(text)); !errors.Is(err, load.ErrResponse) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
