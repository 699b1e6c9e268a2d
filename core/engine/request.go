package engine

import (
	"net/http"

	"github.com/gosio/gosio/core/engine/internal/header"
	"github.com/gosio/gosio/core/engine/internal/query"
)

// IsHandshake reports whether the request opens a session: it has no session id. HTTP
// middleware, which runs for every poll, can use IsHandshake to do expensive work once
// per session. A preflight (OPTIONS) opens none.
func IsHandshake(r *http.Request) bool {
	return r.Method != http.MethodOptions && query.Parse(r.URL.RawQuery).SID == ""
}

// IsUpgrade reports whether the request asks for a WebSocket, for integrations that
// serve such requests in another way.
func IsUpgrade(r *http.Request) bool {
	return header.Has(r.Header, "Connection", "upgrade") && header.Has(r.Header, "Upgrade", "websocket")
}
