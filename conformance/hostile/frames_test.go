//go:build e2e

package hostile

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

var onWS = []string{webSocket, upgraded}

// fails sends bytes behind the handshake: the server closes with one of the codes, or
// has just closed the connection where codes is empty.
func fails(codes string, bytes ...[]byte) func(p *peer) error {
	return func(p *peer) error {
		for _, b := range bytes {
			_, _ = p.ws.Write(b) // the server may have closed before the last
		}
		how, err := p.ends()
		if err == nil && !strings.Contains(codes, strings.TrimPrefix(how, "close ")) {
			err = fmt.Errorf("%s, want one of %s", how, codes)
		}
		return err
	}
}

// failsEach is fails for each of the inputs, in sessions of their own.
func failsEach(codes string, inputs ...[]byte) func(p *peer) error {
	return anew(inputs, func(p *peer, input []byte) error { return fails(codes, input)(p) })
}

func unmasked(first byte, payload string) []byte {
	return append([]byte{first, byte(len(payload))}, payload...)
}

func closing(code int, reason string) []byte {
	return frame(0x88, append([]byte{byte(code >> 8), byte(code)}, reason...))
}

// frames are rows of the framing of WebSockets (2.4), of which package
// core/engine/internal/frame has every case of the Autobahn suite.
var frames = []row{
	{id: "A-W01 no mask", via: onWS, run: fails("1002", unmasked(0x81, "3"))},
	{id: "A-W01 reserved bits", via: onWS, run: failsEach("1002", frame(0xc1, []byte("3")), frame(0xa1, []byte("3")), frame(0x91, []byte("3")), frame(0xf1, nil))},
	{id: "A-W01 reserved opcodes", via: onWS, run: failsEach("1002", frame(0x83, nil), frame(0x84, nil), frame(0x85, nil), frame(0x86, nil), frame(0x87, nil),
		frame(0x8b, nil), frame(0x8c, nil), frame(0x8d, nil), frame(0x8e, nil), frame(0x8f, nil))},
	{id: "A-W02 control frames in parts, and too long", via: onWS, run: failsEach("1002", frame(0x09, []byte("x")), frame(0x08, nil), frame(0x0a, nil),
		frame(0x89, make([]byte, 126)), frame(0x8a, make([]byte, 126)), frame(0x88, make([]byte, 126)))},
	{id: "A-W03 lengths", via: onWS, run: failsEach("1002 1009", frameOf(0x81, 1<<63, 8, nil), frameOf(0x81, 1<<64-1, 8, nil), frameOf(0x81, 1<<63-1, 8, nil),
		frameOf(0x81, 1<<62, 8, nil), frameOf(0x81, 1<<40, 8, nil), frameOf(0x82, 1_000_001, 8, nil), frameOf(0x81, 3, 2, []byte("3xx")), frameOf(0x81, 3, 8, []byte("3xx")))},
	{id: "A-W05 parts of nothing", via: onWS, run: failsEach("1002", frame(0x80, []byte("x")), frame(0x00, []byte("x")), append(frame(0x01, []byte("3")), frame(0x81, []byte("3"))...))},
	{id: "A-W06 text that is no UTF-8", via: onWS, run: failsEach("1007", frame(0x81, []byte("42[\"\xff\"]")), frame(0x81, []byte("42[\"\xed\xa0\x80\"]")),
		frame(0x81, []byte("42[\"\xc0\x80\"]")), frame(0x81, []byte("42[\"\xf4\x90\x80\x80\"]")), append(frame(0x01, []byte("42[\"\xce")), frame(0x80, []byte("\xff\"]"))...),
		frame(0x01, []byte("42[\"\xff")))},
	{id: "A-W07 20,000 parts of one byte", via: onWS, run: fails("1008", append(frame(0x01, []byte("4")), bytes.Repeat(frame(0x00, []byte("x")), 20_000)...))},
	{id: "A-W07 20,000 empty parts", via: onWS, run: fails("1008", append(frame(0x01, []byte("4")), bytes.Repeat(frame(0x00, nil), 20_000)...))},
	// If the server is so late that it pings first, the peer's pong breaks the frame.
	{id: "A-W07 a part, and silence", via: onWS, run: fails("1008 1002", frame(0x01, []byte("42")))},
	{id: "A-W07 half a frame, and silence", via: onWS, run: fails("1008 1007 1002", frameOf(0x81, 100, 0, []byte("42")))},
	{id: "A-W08 close frames that are none", via: onWS, run: failsEach("1002 1007", frame(0x88, []byte{3}), closing(0, ""), closing(999, ""), closing(1004, ""), closing(1005, ""),
		closing(1006, ""), closing(1015, ""), closing(1100, ""), closing(2999, ""), closing(5000, ""), closing(65535, ""), closing(1000, "\xff"))},
	{id: "A-W09 10,000 pings", via: onWS, run: fails("1008", bytes.Repeat(frame(0x89, []byte("x")), 10_000))},
	{id: "A-W09 10,000 pongs that nobody asked for", via: onWS, run: func(p *peer) error {
		if _, err := p.ws.Write(bytes.Repeat(frame(0x8a, make([]byte, 125)), 10_000)); err != nil {
			return err
		}
		return p.lives()
	}},
	{id: "A-W10 data behind the close frame", via: onWS, run: fails("1000 1005", append(closing(1000, ""), bytes.Repeat(message(`42["say","late"]`), 100)...))},
	{id: "A-W10 the close frame is never answered", via: onWS, run: breaks("9")},
	{id: "A-W11 compression that was not agreed on", via: onWS, run: fails("1002", frame(0xc1, []byte{0x4a, 0x4c, 0x04, 0x00}))},
	{id: "A-W12 RST", via: onWS, run: func(p *peer) error { p.ws.reset(); return nil }},
	{id: "A-W12 FIN, then RST", via: onWS, run: func(p *peer) error { p.ws.halfClose(); pause(5 * time.Millisecond); p.ws.reset(); return nil }},
	{id: "A-W12 FIN, and the other half stays open", via: onWS, run: func(p *peer) error { p.ws.halfClose(); _, err := p.ends(); return err }},
	{id: "A-W12 a reader that stops", via: []string{webSocket}, run: zeroWindow},
	{id: "A-W15 a message one byte at a time", via: onWS, run: func(p *peer) error {
		for _, b := range message(`42["echo",1]`) {
			if _, err := p.ws.Write([]byte{b}); err != nil {
				return err
			}
		}
		return p.lives()
	}},
}

// zeroWindow asks for more than it ever reads: the server has to give up.
func zeroWindow(p *peer) error {
	big := message(`42["say","` + strings.Repeat("x", 500_000) + `"]`)
	for range 40 {
		_ = p.ws.SetWriteDeadline(time.Now().Add(5 * time.Second))
		if _, err := p.ws.Write(big); err != nil {
			return nil // it has
		}
	}
	_, err := p.ends() // reads on, and finds the end
	return err
}
