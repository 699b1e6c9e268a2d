package siofiber

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/log"

	socketio "github.com/gosio/gosio/core"
)

// The bridge between fasthttp and net/http. What fasthttp hands out lies in
// buffers that it reuses for the next request on the connection, strings too:
// everything is copied. fasthttp's own adaptor runs a goroutine and a pipe for
// each request.

// newRequest returns a copy of the request. Only the body is not copied: it is
// read before the handler returns.
func newRequest(c *fiber.Ctx) (*http.Request, error) {
	fctx := c.Context()
	uri := string(fctx.RequestURI())
	u, err := url.ParseRequestURI(uri)
	if err != nil {
		return nil, err
	}
	r := &http.Request{
		Method: string(fctx.Method()), URL: u, RequestURI: uri, Host: string(fctx.Host()),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: make(http.Header),
		RemoteAddr: fctx.RemoteAddr().String(), TLS: fctx.TLSConnectionState(),
	}
	c.Request().Header.VisitAll(func(key, value []byte) {
		if k := string(key); k != fiber.HeaderHost { // net/http has it in a field
			r.Header[k] = append(r.Header[k], string(value))
		}
	})
	if c.Request().IsBodyStream() { // StreamRequestBody, and it is long
		r.Body = io.NopCloser(fctx.RequestBodyStream())
		r.ContentLength = int64(c.Request().Header.ContentLength())
	} else {
		body := c.Request().Body()
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	return r.WithContext(c.UserContext()), nil
}

// values copies what must outlive the context. Contexts among the locals are
// Fiber's own or lead to it.
func values(c *fiber.Ctx) map[any]any {
	values := make(map[any]any)
	c.Context().VisitUserValuesAll(func(key, v any) {
		switch t := v.(type) {
		case context.Context:
			return
		case string:
			v = strings.Clone(t)
		case []byte:
			v = bytes.Clone(t)
		}
		if k, ok := key.(string); ok {
			key = strings.Clone(k)
		}
		values[key] = v
	})
	for _, name := range c.Route().Params {
		if name[0] != '*' && name[0] != '+' {
			values[param(strings.Clone(name))] = strings.Clone(c.Params(name))
		}
	}
	return values
}

// respond serves a request that is no upgrade, on fasthttp's goroutine.
func respond(c *fiber.Ctx, srv *socketio.Server, r *http.Request) {
	w := &response{c: c, header: make(http.Header)}
	if r.Method == http.MethodGet && !socketio.IsHandshake(r) {
		ctx, stop := watch(r.Context(), c.Context().Conn())
		defer stop()
		r = r.WithContext(ctx)
	}
	srv.ServeHTTP(w, r)
	w.WriteHeader(http.StatusOK) // if nothing was written
}

// response collects a response; fasthttp sends it when the handlers return.
type response struct {
	c       *fiber.Ctx
	header  http.Header
	written bool
}

// Header implements http.ResponseWriter.
func (w *response) Header() http.Header { return w.header }

// Write implements http.ResponseWriter.
func (w *response) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	w.c.Response().AppendBody(b)
	return len(b), nil
}

// WriteHeader implements http.ResponseWriter. Of what middleware has set it
// replaces what the server sets, too, but adds to cookies and Vary.
func (w *response) WriteHeader(code int) {
	if w.written {
		return
	}
	w.written = true
	w.c.Status(code)
	h := &w.c.Response().Header
	for key, values := range w.header {
		switch key {
		case fiber.HeaderVary:
			w.c.Append(key, values...)
			continue
		case fiber.HeaderSetCookie:
		default:
			h.Del(key)
		}
		for _, v := range values {
			h.Add(key, v)
		}
	}
}

// SetReadDeadline is for http.ResponseController: it bounds the time of a body
// that is streamed.
func (w *response) SetReadDeadline(t time.Time) error {
	return w.c.Context().Conn().SetReadDeadline(t)
}

// refusePolling answers a handshake under Prefork: each connection may reach
// another process, and only one of them would know the session.
func refusePolling(c *fiber.Ctx) error {
	log.Error("siofiber: polling was refused: it cannot work with fiber.Config.Prefork. Switch that off, or" +
		` use WebSockets alone: socketio.Options.Transports and, in clients, transports: ["websocket"]`)
	return c.Status(fiber.StatusBadRequest).JSON(struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}{0, "Transport unknown"}) // as the server answers without polling
}
