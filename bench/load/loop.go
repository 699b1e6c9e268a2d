package load

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// Loop drives every connection of a load from one goroutine by epoll: ten
// thousand connections cost no goroutine and no buffer each, so that the
// generator takes as little as possible of the CPUs it shares with the server.
// It is not safe for concurrent use.
type Loop struct {
	epoll   int
	timer   int // timerfd: wakes the loop to the microsecond
	conns   []*Conn
	open    int
	events  []syscall.EpollEvent
	buf     []byte
	narrow  bool                           // new connections have small windows
	onTimer func() error                   // what wakeAt wakes
	onError func(c *Conn, err error) error // what becomes of a connection's error; nil: it ends the load
}

// A protocol reads what a connection receives.
type protocol interface {
	// connected runs once, when the connection stands.
	connected() error
	// input takes complete messages from the start of b and says how many
	// bytes they were; the rest comes again with what follows it.
	input(b []byte) (n int, err error)
}

// Conn is one TCP connection of a Loop.
type Conn struct {
	loop       *Loop
	fd         int
	proto      protocol
	connecting bool
	rest       []byte // received, not a whole message yet
	out        []byte // to be sent at the end of this round of the loop
	blocked    bool   // the kernel took less than out: wait for writability
	unread     bool   // read nothing any more
}

var (
	errStalled = errors.New("load: the server did not answer in time")
	errEnded   = errors.New("load: the server closed a connection")
)

// NewLoop makes a loop without connections.
func NewLoop() (*Loop, error) {
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	const monotonic, nonblock = 1, syscall.O_NONBLOCK
	timer, _, errno := syscall.RawSyscall(syscall.SYS_TIMERFD_CREATE, monotonic, nonblock|syscall.O_CLOEXEC, 0)
	if errno != 0 {
		syscall.Close(epoll)
		return nil, os.NewSyscallError("timerfd_create", errno)
	}
	l := &Loop{
		epoll: epoll, timer: int(timer),
		events: make([]syscall.EpollEvent, 256), buf: make([]byte, 256<<10),
	}
	event := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(timer)}
	if err := syscall.EpollCtl(epoll, syscall.EPOLL_CTL_ADD, int(timer), &event); err != nil {
		l.Close()
		return nil, os.NewSyscallError("epoll_ctl", err)
	}
	return l, nil
}

// Close resets every connection and frees the loop.
func (l *Loop) Close() {
	for _, c := range l.conns {
		if c != nil {
			c.close()
		}
	}
	syscall.Close(l.timer)
	syscall.Close(l.epoll)
}

// dial starts to connect to an IPv4 address of this machine.
func (l *Loop) dial(address *syscall.SockaddrInet4, proto protocol) (*Conn, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	c := &Conn{loop: l, fd: fd, proto: proto, connecting: true}
	if err := c.setup(address); err != nil {
		syscall.Close(fd)
		return nil, err
	}
	for len(l.conns) <= fd {
		l.conns = append(l.conns, nil)
	}
	l.conns[fd] = c
	l.open++
	return c, nil
}

func (c *Conn) setup(address *syscall.SockaddrInet4) error {
	// Linger 0: closing resets, so thousands of ports do not stay in TIME_WAIT.
	linger := syscall.Linger{Onoff: 1}
	if err := syscall.SetsockoptLinger(c.fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &linger); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	if err := syscall.SetsockoptInt(c.fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	if c.loop.narrow {
		// Over loopback a segment has 64 KB, and the kernel of the server takes megabytes
		// for a client that reads nothing.
		if err := syscall.SetsockoptInt(c.fd, syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, 1400); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
		if err := syscall.SetsockoptInt(c.fd, syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
	}
	const edge = 1 << 31 // EPOLLET: syscall's constant is negative
	event := syscall.EpollEvent{Events: syscall.EPOLLIN | syscall.EPOLLOUT | syscall.EPOLLRDHUP | edge, Fd: int32(c.fd)}
	if err := syscall.Connect(c.fd, address); err != nil && !errors.Is(err, syscall.EINPROGRESS) {
		return os.NewSyscallError("connect", err)
	}
	err := syscall.EpollCtl(c.loop.epoll, syscall.EPOLL_CTL_ADD, c.fd, &event)
	return os.NewSyscallError("epoll_ctl", err)
}

func (c *Conn) close() {
	if c.fd < 0 {
		return
	}
	c.loop.conns[c.fd] = nil
	c.loop.open--
	syscall.Close(c.fd)
	c.fd = -1
}

// run serves events until done returns true, which it asks after every round,
// or until the time is up, which is an error.
func (l *Loop) run(limit time.Duration, done func() bool) error {
	deadline := time.Now().Add(limit)
	for !done() {
		left := time.Until(deadline)
		if left <= 0 {
			return errStalled
		}
		if err := l.round(left); err != nil {
			return err
		}
	}
	return nil
}

// pause serves events for d.
func (l *Loop) pause(d time.Duration) error {
	for end := time.Now().Add(d); ; {
		left := time.Until(end)
		if left <= 0 {
			return nil
		}
		if err := l.round(left); err != nil {
			return err
		}
	}
}

// wakeAt arms the timer: onTimer runs then.
func (l *Loop) wakeAt(at time.Time) {
	left := max(time.Until(at), 1)
	spec := [4]int64{0, 0, int64(left / time.Second), int64(left % time.Second)}
	_, _, errno := syscall.RawSyscall6(syscall.SYS_TIMERFD_SETTIME, uintptr(l.timer), 0, uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
	if errno != 0 {
		panic(fmt.Sprintf("load: timerfd_settime: %v", errno)) // wrong arguments only
	}
}

// round waits for events and serves them.
func (l *Loop) round(limit time.Duration) error {
	n, err := l.wait(limit)
	if err != nil {
		return err
	}
	for _, event := range l.events[:n] {
		fd := int(event.Fd)
		if fd == l.timer {
			var expirations [8]byte
			rawRead(fd, expirations[:])
			if l.onTimer != nil {
				if err := l.onTimer(); err != nil {
					return err
				}
			}
			continue
		}
		if c := l.conns[fd]; c != nil {
			err := c.serve(event.Events)
			if err != nil && l.onError != nil {
				err = l.onError(c, err)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// wait asks without blocking first: that is cheaper than telling Go's
// scheduler about a blocking call.
func (l *Loop) wait(limit time.Duration) (int, error) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(l.epoll),
		uintptr(unsafe.Pointer(&l.events[0])), uintptr(len(l.events)), 0, 0, 0)
	if errno == 0 && n > 0 {
		return int(n), nil
	}
	got, err := syscall.EpollWait(l.epoll, l.events, int(max(limit, 0)/time.Millisecond)+1)
	if errors.Is(err, syscall.EINTR) {
		return 0, nil
	}
	return got, os.NewSyscallError("epoll_wait", err)
}

func (c *Conn) serve(events uint32) error {
	if c.connecting && events&(syscall.EPOLLOUT|syscall.EPOLLERR|syscall.EPOLLHUP) != 0 {
		if code, err := syscall.GetsockoptInt(c.fd, syscall.SOL_SOCKET, syscall.SO_ERROR); err != nil || code != 0 {
			return fmt.Errorf("load: connect: %w", syscall.Errno(code))
		}
		c.connecting = false
		if err := c.proto.connected(); err != nil {
			return err
		}
	}
	if events&syscall.EPOLLOUT != 0 {
		c.blocked = false
	}
	if c.unread && events&(syscall.EPOLLERR|syscall.EPOLLHUP) != 0 {
		return errEnded
	}
	if events&(syscall.EPOLLIN|syscall.EPOLLRDHUP|syscall.EPOLLERR|syscall.EPOLLHUP) != 0 {
		if err := c.receive(); err != nil {
			return err
		}
	}
	return c.flush()
}

// receive reads until the kernel has no more: the registration is
// edge-triggered.
func (c *Conn) receive() error {
	for c.fd >= 0 && !c.unread {
		kept := copy(c.loop.buf, c.rest)
		if kept == len(c.loop.buf) {
			c.loop.buf = append(c.loop.buf, make([]byte, len(c.loop.buf))...)
		}
		n, errno := rawRead(c.fd, c.loop.buf[kept:])
		switch {
		case errno == syscall.EAGAIN:
			return nil
		case errno == syscall.EINTR:
			continue
		case errno != 0:
			return fmt.Errorf("%w: %w", errEnded, errno)
		case n == 0:
			return errEnded
		}
		b := c.loop.buf[:kept+n]
		used, err := c.proto.input(b)
		if err != nil {
			return err
		}
		full := kept+n == len(c.loop.buf)
		c.rest = append(c.rest[:0], b[used:]...)
		if len(c.rest) == 0 && cap(c.rest) > 4<<10 {
			c.rest = nil
		}
		if !full {
			return nil
		}
	}
	return nil
}

// flush sends what was queued; what the kernel does not take waits.
func (c *Conn) flush() error {
	for len(c.out) > 0 && !c.blocked && !c.connecting && c.fd >= 0 {
		n, errno := rawWrite(c.fd, c.out)
		switch {
		case errno == syscall.EAGAIN:
			c.blocked = true
		case errno == syscall.EINTR:
		case errno != 0:
			return fmt.Errorf("%w: %w", errEnded, errno)
		default:
			c.out = c.out[:copy(c.out, c.out[n:])]
		}
	}
	return nil
}

func rawRead(fd int, b []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall(syscall.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	return int(n), errno
}

func rawWrite(fd int, b []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&b[0])),
		uintptr(len(b)), syscall.MSG_NOSIGNAL, 0, 0)
	return int(n), errno
}
