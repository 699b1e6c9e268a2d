package engine

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"
)

// openPolling answers a handshake.
func (srv *Server) openPolling(w http.ResponseWriter, r *http.Request, q query) {
	id, e := srv.newID(r)
	if e != nil {
		srv.refuseAt(slog.LevelError, w, r, e)
		return
	}
	opened := false
	defer func() {
		if !opened { // or Connect has panicked
			srv.unreserve(id)
		}
	}()
	srv.strays.opened.Add(1)
	s := srv.newSession(r, q, id)
	if opened = s.open(r, nil, nil); !opened {
		srv.refuseAt(slog.LevelDebug, w, r, errShuttingDown())
		return
	}
	if c := srv.opts.Cookie; c != nil {
		cookie := *c
		cookie.Value = s.id
		http.SetCookie(w, &cookie)
	}
	s.mu.Lock()
	s.polling.answerPoll(w, r, nil)
}

// openWebSocket opens a session directly on WebSocket.
func (srv *Server) openWebSocket(w http.ResponseWriter, r *http.Request, q query) {
	id, e := srv.newID(r)
	if e != nil {
		srv.refuseAt(slog.LevelError, w, r, e)
		return
	}
	opened := false
	var conn accepted
	defer func() {
		if opened {
			return
		}
		srv.unreserve(id)
		if conn.Conn != nil { // shutting down, or Connect has panicked; the client finds out by itself
			_ = conn.SetDeadline(time.Now().Add(srv.opts.CloseTimeout))
			_, _ = conn.Write(conn.head)
			_ = conn.Close()
		}
	}()
	delay := srv.openDelay(r.Header)
	conn, err := srv.accept(w, r, delay == 0)
	if err != nil {
		return
	}
	s := srv.newSession(r, q, id)
	c := newWebSocket(s, conn, r.Header, nil)
	if opened = s.open(r, c, conn.head); opened {
		if delay > 0 {
			c.opening = time.AfterFunc(delay, c.writer.begin)
		}
		c.start(r, conn.early)
	}
}

// maxOffered and maxSubprotocol bound what Options.Subprotocol is shown, and what
// the 101 sends back.
const maxOffered, maxSubprotocol = 32, 256

// subprotocol chooses one that the client offers, "" for none.
// See RFC 6455 section 4.2.2.
func (srv *Server) subprotocol(r *http.Request) string {
	values := r.Header["Sec-Websocket-Protocol"]
	if len(values) == 0 {
		return ""
	}
	var offered []string
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			if name := strings.Trim(part, " \t"); isToken(name) && len(name) <= maxSubprotocol && len(offered) < maxOffered {
				offered = append(offered, name)
			}
		}
	}
	if len(offered) == 0 {
		return ""
	}
	chosen := offered[0]
	if f := srv.opts.Subprotocol; f != nil {
		if chosen = f(r, slices.Clone(offered)); !slices.Contains(offered, chosen) {
			return ""
		}
	}
	return strings.Clone(chosen) // a piece of the header would hold on to all of it
}

// isToken reports whether s is a token: RFC 9110 section 5.6.2.
func isToken(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c|0x20 && c|0x20 <= 'z', '0' <= c && c <= '9', strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}

// defaultOpenDelay is Options.OpenDelay where the request calls for one.
const defaultOpenDelay = 20 * time.Millisecond

// proxied are the headers that show a proxy.
var proxied = []string{
	"Via", "Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Real-Ip", "Cf-Ray",
	"Cf-Connecting-Ip",
}

// openDelay is the time between the 101 and the open packet: see Options.OpenDelay.
func (srv *Server) openDelay(h http.Header) time.Duration {
	if d := srv.opts.OpenDelay; d != 0 {
		return max(d, 0)
	}
	for _, name := range proxied {
		if len(h[name]) > 0 {
			return defaultOpenDelay
		}
	}
	agent := strings.ToLower(h.Get("User-Agent"))
	if strings.Contains(agent, "arduino") || strings.Contains(agent, "esp32") || strings.Contains(agent, "esp8266") {
		return defaultOpenDelay
	}
	return 0
}
