package engine

import (
	"net/http"

	"github.com/gosio/gosio/core/engine/internal/header"
	"github.com/gosio/gosio/core/engine/internal/query"
)

// IsHandshake reports whether the request opens a session: it names none.
// Middleware in front of the server, which sees every poll, can use it to do
// expensive work once.
func IsHandshake(r *http.Request) bool { return query.Parse(r.URL.RawQuery).SID == "" }

// IsUpgrade reports whether the request asks for a WebSocket. It is for
// integrations that have to serve those another way.
func IsUpgrade(r *http.Request) bool {
	return header.Has(r.Header, "Connection", "upgrade") && header.Has(r.Header, "Upgrade", "websocket")
}
