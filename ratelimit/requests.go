package ratelimit

import (
	"net/http"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/subnet"
)

// Requests bounds the connections that each address opens, for Options.AllowRequest:
//
//	srv := socketio.NewServer(&socketio.Options{AllowRequest: ratelimit.Requests(ratelimit.PerMinute(60, 20))})
//
// Over the limit the answer is 429 with Retry-After, before anything is allocated for the
// connection. The stock client tries again by itself, with growing pauses. Each server
// counts alone. What an address is, is said at [Address].
func Requests(l Limit) func(r *http.Request) error {
	l = l.check("requests")
	m := NewMemory(0)
	return func(r *http.Request) error {
		wait, ok := m.take(subnet.Of(socketio.AddressOf(r)), l, 1, 0)
		if ok {
			return nil
		}
		return &socketio.RequestError{
			Code: 4, Message: "Too many connections", Context: "ratelimit.Requests",
			Status: http.StatusTooManyRequests, RetryAfter: max(wait, time.Second),
		}
	}
}
