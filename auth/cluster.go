package auth

import (
	"context"
	"errors"
	"hash/fnv"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/internal/loglimit"
)

// The events by which servers tell each other of revocations.
const (
	eventRevoked     = "auth:revoked"
	eventRevocations = "auth:revocations"
)

const (
	// revocationPage is how many revocations a server sends in one answer.
	revocationPage = 5000
	// pagesAtOnce is how many pages a server asks for at a time.
	pagesAtOnce = 4
	// catchUpWait is how long a server waits for what the others know; once it has
	// waited in vain for servers of another kind, unnamedWait: those never answer.
	catchUpWait, unnamedWait = 2 * time.Second, 300 * time.Millisecond
	// catchUpPause is the time before a server asks again, when asking failed;
	// doubled each time, up to catchUpPauseMax.
	catchUpPause, catchUpPauseMax = 100 * time.Millisecond, 5 * time.Second
)

// errBehind is why no token can be checked before the other servers have answered.
var errBehind = errors.New("auth: the revocations of the other servers are not known yet")

// ClusterRevocations is a [Watch] that the servers of a cluster share by their
// adapter (socketio.Options.Adapter): nothing else has to be set up. Every server
// keeps all revocations in memory. A server that starts, and one that has missed
// operations of the cluster, asks the others for theirs; meanwhile handshakes and
// refreshes are refused with [ErrUnavailable]. Revocations are lost when all servers
// of the cluster are down at the same time: where that matters use auth/redis.
//
// Only servers with ClusterRevocations answer. In a cluster with others, Node's for
// instance, a server waits for them in vain: 2 s when it starts, and then 0.3 s each
// time that it asks. Handshakes are refused while the adapter has no connection, and
// when no server answers that has missed nothing, but one is there. The methods may be
// called concurrently.
type ClusterRevocations struct {
	list   *Revocations
	srv    *socketio.Server
	missed atomic.Uint64 // how often the others may have come to know more
	caught atomic.Uint64 // missed, as it was when this server last learned all
	ask    chan struct{} // holds one: missed has changed
	done   chan struct{}
	noted  loglimit.Limiter
	logger *slog.Logger

	unnamed atomic.Bool // servers that have no name have not answered the last time
}

var _ Watch = (*ClusterRevocations)(nil)

// ClusterOptions configures [NewClusterRevocations].
type ClusterOptions struct {
	// MaxAge is the longest time that any token lives, leeway included. Revocations
	// are kept for so long. Required.
	MaxAge time.Duration
	// Logger gets a line when other servers do not answer. Nil means slog.Default().
	Logger *slog.Logger
}

// NewClusterRevocations returns the revocations of the cluster that srv belongs to.
// It is to be called once for a server; several guards may share the result. It uses
// one goroutine until ctx ends, see [ClusterRevocations.Done]: then nothing is heard any
// more, and tokens are refused. It panics without a server or a MaxAge.
func NewClusterRevocations(ctx context.Context, srv *socketio.Server, o ClusterOptions) *ClusterRevocations {
	if srv == nil {
		panic("auth: NewClusterRevocations without a server: give it the one that socketio.NewServer has returned")
	}
	if o.MaxAge <= 0 {
		panic("auth: ClusterOptions.MaxAge must be the longest time that a token lives, leeway included, such as 24*time.Hour")
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	c := &ClusterRevocations{
		list: NewRevocations(o.MaxAge), srv: srv, logger: o.Logger,
		ask: make(chan struct{}, 1), done: make(chan struct{}),
	}
	defer func() {
		if p := recover(); p != nil { // of OnServerSide: a handler of the event is there
			panic("auth: NewClusterRevocations for a server that has them already: make them once, and give them to all guards")
		}
	}()
	offs := []func(){
		srv.OnServerSide(eventRevoked, func(k keptRevocation) { c.list.learn(k) }),
		srv.OnServerSide(eventRevocations, c.answer),
		srv.OnGap(func(e socketio.GapEvent) {
			if e.Type == adapter.GapIncoming {
				c.fallBehind()
			}
		}),
	}
	c.fallBehind()
	go func() { // ends with ctx; Done tells
		defer close(c.done)
		c.catchUp(ctx)
		c.missed.Add(1) // nothing is heard any more
		for _, off := range offs {
			off()
		}
	}()
	return c
}

// Done is closed when the goroutine has ended.
func (c *ClusterRevocations) Done() <-chan struct{} { return c.done }

// Revoke withdraws tokens on this server at once, and on the others as soon as they
// hear of it: handshakes with these tokens are refused, and the sockets that they
// opened are ended. It fails with [ErrNothingRevoked]. It also fails when the other
// servers could not be told: then the tokens are withdrawn on this server, and on a
// server that misses the news when that asks for what it has missed.
func (c *ClusterRevocations) Revoke(r Revocation) error {
	k, err := c.list.revoke(r)
	if err != nil {
		return err
	}
	return c.srv.ServerSideEmit(eventRevoked, k)
}

// Revoked implements [Watch]. Its error says that the other servers have not told yet
// what they know.
func (c *ClusterRevocations) Revoked(ctx context.Context, t Token) (bool, error) {
	revoked, err := c.list.Revoked(ctx, t)
	if !revoked && c.behind() {
		return false, errBehind
	}
	return revoked, err
}

// Watch implements [Watch].
func (c *ClusterRevocations) Watch(f func(Revocation)) { c.list.Watch(f) }

// fallBehind notes that the other servers may know more.
func (c *ClusterRevocations) fallBehind() {
	c.missed.Add(1)
	select {
	case c.ask <- struct{}{}:
	default: // asking is due already
	}
}

// behind reports whether the other servers may know more.
func (c *ClusterRevocations) behind() bool { return c.caught.Load() != c.missed.Load() }

// catchUp asks the other servers whenever they may know more, until ctx ends.
func (c *ClusterRevocations) catchUp(ctx context.Context) {
	pause := catchUpPause
	again := time.AfterFunc(time.Hour, c.fallBehind)
	again.Stop()
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.ask:
		}
		missed := c.missed.Load() // what is missed from now on asks again
		err := c.askAll(ctx)
		if err == nil {
			c.caught.Store(missed)
			pause = catchUpPause
			continue
		}
		c.noted.Log(c.logger, slog.LevelWarn, "ask",
			"auth: the other servers cannot be asked for revocations: tokens are refused until they can", slog.Any("error", err))
		again.Reset(pause)
		pause = min(2*pause, catchUpPauseMax)
	}
}

// keptRevocation is a revocation as servers tell it to each other.
type keptRevocation struct {
	Revocation
	// Left is how long it is to be kept, in ms: clocks of servers differ.
	Left int64 `json:"left"`
}

// revocationAnswer is what one server knows.
type revocationAnswer struct {
	Count       int              `json:"count"`            // of all
	Behind      bool             `json:"behind,omitempty"` // there may be more that the server does not know
	Revocations []keptRevocation `json:"revocations,omitempty"`
}

// answer returns one of so many pages of the revocations. One page is only given if
// that can hold all: otherwise the server that asks learns how many pages it needs.
func (c *ClusterRevocations) answer(page, pages int) revocationAnswer {
	a := revocationAnswer{Count: c.list.size(), Behind: c.behind()}
	if pages > 1 || a.Count <= revocationPage {
		a.Revocations = c.list.kept(func(r Revocation) bool { return pageOf(r, pages) == page })
	}
	return a
}

// pageOf is the page that a revocation is on, on every server.
func pageOf(r Revocation, pages int) int {
	if pages <= 1 {
		return 0
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(r.TokenID + "\n" + r.Subject)) // a hash takes everything
	return int(h.Sum32() % uint32(min(pages, 1<<20)))    //nolint:gosec // between 2 and 1<<20
}

// askAll learns what the other servers know.
func (c *ClusterRevocations) askAll(ctx context.Context) error {
	count, err := c.askPage(ctx, 0, 1)
	if err != nil || count <= revocationPage {
		return err
	}
	pages := count/revocationPage + 1
	var asking sync.WaitGroup
	errs, free := make([]error, pages), make(chan struct{}, pagesAtOnce)
	for page := range pages {
		free <- struct{}{}
		asking.Go(func() {
			_, errs[page] = c.askPage(ctx, page, pages)
			<-free
		})
	}
	asking.Wait()
	return errors.Join(errs...)
}

// askPage learns one page of what the other servers know, and returns how many
// revocations the server has that has most. One server that has missed nothing is
// enough; without one all must answer, but for servers of another kind.
func (c *ClusterRevocations) askPage(ctx context.Context, page, pages int) (count int, err error) {
	wait := catchUpWait
	if c.unnamed.Load() {
		wait = unnamedWait
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	replies, err := c.srv.ServerSideEmitWithAck(ctx, eventRevocations, page, pages)
	whole := false
	for _, reply := range replies {
		var a revocationAnswer
		if reply.Decode(&a) != nil {
			continue // a handler of that name that is not ours
		}
		count, whole = max(count, a.Count), whole || !a.Behind
		for _, k := range a.Revocations {
			c.list.learn(k)
		}
	}
	c.unnamed.Store(onlyUnnamed(err))
	if err != nil && (whole || c.unnamed.Load()) {
		c.noted.Log(c.logger, slog.LevelWarn, "partial",
			"auth: servers have not told their revocations; those without ClusterRevocations never do", slog.Any("error", err))
		err = nil
	}
	return count, err
}

// onlyUnnamed reports whether those who have not answered in time are servers that an
// adapter can count and not name: servers of this module have names.
func onlyUnnamed(err error) bool {
	p := (*socketio.PartialError)(nil)
	return errors.As(err, &p) && p.Expected > 0 && len(p.Missing) == 0 && errors.Is(err, context.DeadlineExceeded)
}
