// Package upstream carries what a mount knows of a request to the server: package
// mount puts it in, and the core takes it out.
package upstream

import (
	"context"
	"net/http"
)

// Upstream is mount.Upstream.
type Upstream struct {
	Address string
	Values  map[any]any
}

type key struct{}

// With returns r with u.
func With(r *http.Request, u Upstream) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), key{}, u))
}

// Of returns what [With] has put into a request whose context this is.
func Of(ctx context.Context) (u Upstream, ok bool) {
	u, ok = ctx.Value(key{}).(Upstream)
	return u, ok
}
