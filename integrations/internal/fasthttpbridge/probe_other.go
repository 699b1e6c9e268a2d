//go:build !unix

package fasthttpbridge

import (
	"context"
	"net"
)

// watch finds nothing where connections cannot be peeked at: there a client
// that hangs up is found by the heartbeat.
func watch(parent context.Context, _ net.Conn) (ctx context.Context, stop func()) {
	return parent, func() {}
}
