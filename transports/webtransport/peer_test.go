package webtransport

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	wt "github.com/quic-go/webtransport-go"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// patience is how long a test waits for what has to come.
const patience = 20 * time.Second

var certificate = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
})

// setup is what a test may change of a host.
type setup struct {
	io   socketio.Options
	opts Options
	idle time.Duration // of HTTP/3
}

// host is a running server, over UDP, and over TCP for polling.
type host struct {
	t      *testing.T
	io     *socketio.Server
	h3     *Server
	url    string // of WebTransport
	http   *httptest.Server
	ended  chan socketio.Reason
	served chan error
}

func serve(t *testing.T, su setup) *host {
	t.Helper()
	if su.io.Transports == nil {
		su.io.Transports = []string{"polling", "websocket", "webtransport"}
	}
	h := &host{t: t, io: socketio.NewServer(&su.io), ended: make(chan socketio.Reason, 100), served: make(chan error, 1)}
	h.io.OnDisconnect(func(_ *socketio.Socket, reason socketio.Reason) { h.ended <- reason })
	h.io.On("echo", func(s *socketio.Socket, text string, data []byte) error { return s.Emit("echo", text, data) })
	h.io.On("double", func(n int) int { return 2 * n })
	h.io.On("about", func(s *socketio.Socket) []string {
		hs := s.Handshake()
		return []string{s.Transport(), hs.Address, hs.Header().Get("X-Test"), hs.Query().Get("from")}
	})
	h.http = httptest.NewServer(h.io)
	su.opts.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate()}}
	h.h3 = New(h.io, su.opts)
	if su.idle > 0 {
		h.h3.h3.H3.IdleTimeout = su.idle
	}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	assert.NoError(t, err)
	h.url = "https://" + conn.LocalAddr().String() + "/socket.io/?EIO=4&transport=webtransport"
	go func() { h.served <- h.h3.Serve(conn) }()
	t.Cleanup(func() {
		h.io.Close()
		h.h3.Close()
		h.http.Close()
		assert.Equal(t, "connections left", h.io.Connections(), 0)
		assert.ErrorIs(t, await(t, "Serve", h.served), http.ErrServerClosed)
		_ = conn.Close()
	})
	return h
}

// await receives from a channel, but not for ever.
func await[T any](t *testing.T, label string, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatalf("waited too long for %s", label)
	}
	panic("unreachable")
}

// dial asks for WebTransport.
func (h *host) dial(query string, header http.Header) (*http.Response, *wt.Session, error) {
	ctx, cancel := context.WithTimeout(h.t.Context(), patience)
	defer cancel()
	d := &wt.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{http3.NextProtoH3}}, //nolint:gosec // a test's certificate
		QUICConfig:      &quic.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true, MaxStreamReceiveWindow: 1 << 20},
	}
	res, session, err := d.Dial(ctx, h.url+query, header)
	if session != nil {
		h.t.Cleanup(func() { _ = session.CloseWithError(0, "") })
	}
	return res, session, err
}

// session opens a WebTransport session.
func (h *host) session(query string, header http.Header) *wt.Session {
	h.t.Helper()
	_, session, err := h.dial(query, header)
	assert.NoError(h.t, err)
	return session
}

// peer is a client that does only what it is told.
type peer struct {
	t       *testing.T
	session *wt.Session
	st      *wt.Stream
	br      *bufio.Reader
}

// stream opens the session's stream.
func (h *host) stream(query string, header http.Header) *peer {
	h.t.Helper()
	session := h.session(query, header)
	st, err := session.OpenStream()
	assert.NoError(h.t, err)
	assert.NoError(h.t, st.SetDeadline(time.Now().Add(patience)))
	return &peer{h.t, session, st, bufio.NewReader(st)}
}

// connect opens a session and joins the default namespace.
func (h *host) connect() *peer {
	h.t.Helper()
	p := h.stream("&from=query", http.Header{"X-Test": {"header"}})
	p.send("0")
	packet := p.next()
	assert.True(h.t, "open packet "+packet, strings.HasPrefix(packet, `0{"sid":"`) && strings.Contains(packet, `"upgrades":[]`))
	p.send("40")
	assert.True(h.t, "connected", strings.HasPrefix(p.next(), `40{"sid":"`))
	return p
}

func framed(kind byte, packet string) string {
	switch n := len(packet); {
	case n < 126:
		return string([]byte{kind | byte(n)}) + packet
	case n <= 0xffff:
		return string(binary.BigEndian.AppendUint16([]byte{kind | 126}, uint16(n))) + packet
	default:
		return string(binary.BigEndian.AppendUint64([]byte{kind | 127}, uint64(n))) + packet
	}
}

func (p *peer) raw(s string) {
	p.t.Helper()
	_, err := io.WriteString(p.st, s)
	assert.NoError(p.t, err)
}

// send sends texts, and what begins with "bin:" as binary data.
func (p *peer) send(packets ...string) {
	p.t.Helper()
	var wire strings.Builder
	for _, packet := range packets {
		if data, ok := strings.CutPrefix(packet, "bin:"); ok {
			wire.WriteString(framed(0x80, data))
		} else {
			wire.WriteString(framed(0, packet))
		}
	}
	p.raw(wire.String())
}

// read reads one packet, in send's notation.
func (p *peer) read() (string, error) {
	head, err := p.br.ReadByte()
	if err != nil {
		return "", err
	}
	n := uint64(head &^ 0x80)
	if n >= 126 {
		ext := make([]byte, 8)
		if _, err := io.ReadFull(p.br, ext[6*(127-n):]); err != nil {
			return "", err
		}
		n = binary.BigEndian.Uint64(ext)
	}
	data := make([]byte, n)
	_, err = io.ReadFull(p.br, data)
	if head&0x80 != 0 {
		return "bin:" + string(data), err
	}
	return string(data), err
}

// next reads one packet that is no ping.
func (p *peer) next() string {
	p.t.Helper()
	for {
		packet, err := p.read()
		assert.NoError(p.t, err)
		if packet != "2" {
			return packet
		}
		p.send("3")
	}
}

func (p *peer) expect(packets ...string) {
	p.t.Helper()
	for _, want := range packets {
		assert.Equal(p.t, "packet", p.next(), want)
	}
}

// expectEnd waits for the end of the session, and of the stream before it.
func (p *peer) expectEnd() {
	p.t.Helper()
	for {
		packet, err := p.read()
		var timeout net.Error
		switch {
		case errors.As(err, &timeout) && timeout.Timeout():
			p.t.Fatal("the stream is not closed")
		case err == nil && packet == "2":
			continue
		case err == nil:
			p.t.Fatalf("the stream goes on: %.100q", packet)
		}
		await(p.t, "the end of the WebTransport session", p.session.Context().Done())
		return
	}
}

// poll makes a polling request and returns the body.
func (h *host) poll(method, sid, body string) string {
	h.t.Helper()
	url := h.http.URL + "/socket.io/?EIO=4&transport=polling"
	if sid != "" {
		url += "&sid=" + sid
	}
	r, err := http.NewRequestWithContext(h.t.Context(), method, url, strings.NewReader(body))
	assert.NoError(h.t, err)
	res, err := h.http.Client().Do(r)
	assert.NoError(h.t, err)
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	assert.NoError(h.t, err)
	return string(got)
}

func sidOf(packet string) string {
	_, rest, _ := strings.Cut(packet, `"sid":"`)
	sid, _, _ := strings.Cut(rest, `"`)
	return sid
}

type wtStreamError = wt.StreamError

// quic opens a connection without a request.
func (h *host) quic() *quic.Conn {
	h.t.Helper()
	addr, _, _ := strings.Cut(strings.TrimPrefix(h.url, "https://"), "/")
	conn, err := quic.DialAddr(h.t.Context(), addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{http3.NextProtoH3}}, //nolint:gosec // a test's certificate
		&quic.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true, KeepAlivePeriod: 50 * time.Millisecond})
	assert.NoError(h.t, err)
	h.t.Cleanup(func() { _ = conn.CloseWithError(0, "") })
	return conn
}
