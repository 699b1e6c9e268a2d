//go:build unix

package fasthttpbridge

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"syscall"
	"time"
)

// probeInterval is the time between two looks at the connection of a poll.
const probeInterval = 2 * time.Second

// watch returns a context that ends when the client hangs up: fasthttp does
// not read while a handler runs, so it cannot know. stop must be called before
// the handler returns. Nothing is taken from the connection, and a timer is
// all that runs in between.
func watch(parent context.Context, conn net.Conn) (ctx context.Context, stop func()) {
	encrypted := false
	if t, ok := conn.(*tls.Conn); ok {
		conn, encrypted = t.NetConn(), true
	}
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return parent, func() {}
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return parent, func() {}
	}
	ctx, cancel := context.WithCancel(parent)
	p := &probe{raw: raw, encrypted: encrypted, cancel: cancel}
	p.mu.Lock()
	p.timer = time.AfterFunc(probeInterval, p.look)
	p.mu.Unlock()
	return ctx, p.stop
}

type probe struct {
	raw       syscall.RawConn
	encrypted bool
	cancel    context.CancelFunc

	mu    sync.Mutex
	timer *time.Timer // nil: stopped
}

func (p *probe) stop() {
	p.mu.Lock()
	p.timer.Stop()
	p.timer = nil
	p.mu.Unlock()
	p.cancel()
}

func (p *probe) look() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer == nil {
		return
	}
	gone := false
	err := p.raw.Control(func(fd uintptr) { gone = hungUp(int(fd), p.encrypted) })
	if gone || err != nil {
		p.cancel()
		return
	}
	p.timer.Reset(probeInterval)
}

// hungUp peeks at what has arrived: the end of the stream, an error, or, in
// TLS, the alert before the end: RFC 8446 section 6.1. In TLS 1.3 that is an
// encrypted record of 19 bytes, too short for a request that was pipelined.
func hungUp(fd int, encrypted bool) bool {
	var head [5]byte
	n, _, err := syscall.Recvfrom(fd, head[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	switch {
	case err == syscall.EAGAIN || err == syscall.EINTR:
		return false
	case err != nil || n == 0:
		return true
	}
	alert := head[0] == 21 || head[0] == 23 && head[3] == 0 && head[4] == 19
	return encrypted && n == len(head) && alert
}
