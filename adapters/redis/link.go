package sioredis

import (
	"context"
	cryptorand "crypto/rand"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

// sender sends what this server says.
type sender interface {
	push(j job) error
	// pushAll queues jobs that belong together, or none of them.
	pushAll(jobs ...job) error
	state() error
	stats(s *Stats)
	// drain waits until all that is queued is sent; afterwards nothing is taken.
	drain(patience time.Duration)
	run()
}

// subscriptions are all channels that this server needs.
type subscriptions interface {
	// subscribe wants channels, and a pattern unless that is empty. The ticket is done
	// when Redis has confirmed them. Without a node there is none.
	subscribe(n *node, pattern string, names ...string) *ticket
	unsubscribe(n *node, pattern string, names ...string) *ticket
	patternOf(pattern string) *node
	// reachable returns an error while the channels cannot be subscribed to.
	reachable(names []string) error
	// together reports whether what comes on the two channels is in one order.
	together(a, b string) bool
	state() error
	refusal() error
	count() int
	run()
}

// link is the connections of one server and what they share.
type link struct {
	opts    *Options
	dialect dialect
	id      string // of this server, for its probes
	peers   string // the channel of what servers say of all their nodes
	life    context.Context
	end     context.CancelFunc
	work    sync.WaitGroup // the goroutines of outbox, subscriber and inbox

	out sender
	sub subscriptions
	in  inbox

	distrust atomic.Bool // a message that is not signed has been logged

	watch  watch
	mute   sync.Map // nodes of a Redis Cluster that have not counted when they were last asked
	stream *stream  // nil: in another mode

	connected chan struct{} // closed when both connections were there for the first time
	started   time.Time
	ups       atomic.Int64  // how often both were there
	upSince   atomic.Int64  // when, in Unix nanoseconds
	backTimer *time.Timer   // guarded by mu
	turn      atomic.Uint64 // which master of a Redis Cluster it is connected to
	outages   atomic.Uint64
	dropped   atomic.Uint64

	dialling sync.Mutex
	client   rueidis.Client // guarded by dialling; nil: Redis was never there
	made     atomic.Bool    // client is there, and stays

	mu    sync.RWMutex
	nodes map[string]*node // by namespace
}

func newLink(opts *Options) *link {
	l := &link{opts: opts, dialect: opts.Mode.dialect(), id: strings.ToLower(cryptorand.Text()), nodes: make(map[string]*node), connected: make(chan struct{}), started: time.Now()}
	l.peers = l.dialect.channels(opts.Prefix, "", "").peers
	l.life, l.end = context.WithCancel(context.Background())
	if opts.Mode.sharded() {
		s := newShards(l)
		l.out, l.sub = s.sender(), s
	} else {
		out, sub := new(outbox), new(subscriber)
		out.init(l.life, l, l.open)
		sub.init(l.life, l, l.open, out)
		sub.probeBy(l.probe(""))
		l.out, l.sub = out, sub
	}
	l.sub.subscribe(nil, "", l.peers)
	l.in.init(l)
	l.watch.init()
	runs := []func(){l.out.run, l.sub.run, l.in.run, func() { l.watch.run(l) }}
	if opts.Mode == Streams {
		l.stream = new(stream)
		l.stream.in.init(l)
		l.stream.out.init(l)
		runs = append(runs, l.stream.in.run, l.stream.out.run)
	}
	for _, run := range runs { // until stop, which waits
		l.work.Go(run)
	}
	return l
}

// stop sends what is queued, and ends the connections.
func (l *link) stop() {
	if l.stream != nil {
		l.stream.out.drain(farewell)
	}
	l.out.drain(farewell)
	l.end()
	l.work.Wait()
	l.mu.Lock()
	if l.backTimer != nil {
		l.backTimer.Stop()
	}
	l.mu.Unlock()
	l.dialling.Lock()
	defer l.dialling.Unlock()
	if l.client != nil {
		l.client.Close()
	}
}

// add makes a node reachable. It panics when one of the namespace is there: then two
// servers have one engine.
func (l *link) add(n *node) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.nodes[n.namespace] != nil {
		panic("socketio: two servers have one sioredis.Engine: make one for each")
	}
	l.nodes[n.namespace] = n
}

// remove reports whether no node is left.
func (l *link) remove(n *node) (last bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.nodes[n.namespace] == n {
		delete(l.nodes, n.namespace)
	}
	return len(l.nodes) == 0
}

func (l *link) node(namespace string) *node {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.nodes[namespace]
}

func (l *link) all() []*node {
	l.mu.RLock()
	defer l.mu.RUnlock()
	list := make([]*node, 0, len(l.nodes))
	for _, n := range l.nodes {
		list = append(list, n)
	}
	return list
}

// open returns a connection of its own to a master that has answered. close ends it.
func (l *link) open() (c rueidis.DedicatedClient, closeIt func(), err error) {
	// A key chooses a master in a Redis Cluster: nobody counts subscribers at replicas.
	// All masters pass on the same: while one is away the next key chooses another one.
	turn := l.turn.Load()
	if c, closeIt, err = l.openFor(l.id + strconv.FormatUint(turn, 10)); err != nil {
		l.turn.CompareAndSwap(turn, turn+1)
	}
	return c, closeIt, err
}

// openFor is open for the master of a key.
func (l *link) openFor(key string) (c rueidis.DedicatedClient, closeIt func(), err error) {
	client, err := l.dial()
	if err != nil {
		return nil, nil, err
	}
	c, release := client.Dedicate()
	return l.check(c, key, release)
}

// check tries a connection, and ends it if it is of no use.
func (l *link) check(c rueidis.DedicatedClient, key string, release func()) (_ rueidis.DedicatedClient, closeIt func(), err error) {
	ctx, cancel := context.WithTimeout(l.life, answerTimeout)
	defer cancel()
	err = c.Do(ctx, c.B().Arbitrary("PING").Keys(key).Build()).Error()
	if err == nil {
		err = isMaster(ctx, c)
	}
	if err != nil {
		c.Close()
		release()
		return nil, nil, err
	}
	return c, func() { c.Close(); release() }, nil
}

// isMaster fails for a Redis that is a replica: what is published there stays there. A
// server that does not say is taken for a master.
func isMaster(ctx context.Context, c rueidis.DedicatedClient) error {
	role, err := c.Do(ctx, c.B().Role().Build()).ToArray()
	if rueidis.IsRedisNil(err) || isRefusal(err) {
		return nil
	}
	if err != nil || len(role) == 0 {
		return err
	}
	if name, _ := role[0].ToString(); name == "slave" {
		return errReplica
	}
	return nil
}

// dial makes the client when Redis is there for the first time.
func (l *link) dial() (rueidis.Client, error) {
	l.dialling.Lock()
	defer l.dialling.Unlock()
	if l.client != nil {
		return l.client, nil
	}
	opts := l.opts.Client
	dial := opts.DialCtxFn
	if dial == nil {
		dial = dialTCP
	}
	opts.DialCtxFn = func(ctx context.Context, addr string, d *net.Dialer, cfg *tls.Config) (net.Conn, error) {
		return l.tie(ctx, func(ctx context.Context) (net.Conn, error) { return dial(ctx, addr, d, cfg) })
	}
	client, err := rueidis.NewClient(opts)
	if err == nil {
		l.client = client
		l.made.Store(true)
	}
	return client, err
}

func dialTCP(ctx context.Context, addr string, d *net.Dialer, cfg *tls.Config) (net.Conn, error) {
	if cfg != nil {
		return (&tls.Dialer{NetDialer: d, Config: cfg}).DialContext(ctx, "tcp", addr)
	}
	return d.DialContext(ctx, "tcp", addr)
}

// tie ends a connection with the link: so nothing waits for a Redis that does not answer.
func (l *link) tie(ctx context.Context, dial func(context.Context) (net.Conn, error)) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.life, cancel)()
	conn, err := dial(ctx)
	if err != nil {
		return nil, err
	}
	return &tied{conn, context.AfterFunc(l.life, func() { _ = conn.Close() })}, nil
}

// tied is a connection that ends with its link.
type tied struct {
	net.Conn
	untie func() bool
}

// Close implements net.Conn.
func (c *tied) Close() error {
	c.untie()
	return c.Conn.Close()
}

// up: one of the connections is there. When both are, the nodes say hello.
func (l *link) up() {
	if l.ready() != nil {
		return
	}
	l.ups.Add(1)
	l.upSince.Store(time.Now().UnixNano())
	l.mu.Lock()
	select {
	case <-l.connected:
	default:
		close(l.connected)
	}
	if l.backTimer != nil {
		l.backTimer.Stop()
	}
	l.backTimer = time.AfterFunc(rand.N(backWithin), l.back)
	l.mu.Unlock()
	l.opts.Logger.Info("sioredis: connected")
}

// down: one of the connections is lost.
func (l *link) down(which string, err error) {
	if l.life.Err() != nil {
		return
	}
	l.outages.Add(1)
	l.opts.Logger.Warn("sioredis: not connected: this server is alone until Redis answers", "connection", which, "err", err)
}

func (l *link) ready() error {
	if l.stream != nil {
		if err := errors.Join(l.stream.in.state(), l.stream.out.state()); err != nil {
			return err
		}
	}
	if err := l.out.state(); err != nil {
		return err
	}
	return l.sub.state()
}

// probe is a channel of this server's own.
func (l *link) probe(more string) string { return l.opts.Prefix + "-probe#" + l.id + "#" + more }

// rest waits before the next attempt to connect. It reports false when life ends.
func rest(life context.Context, attempt int) bool {
	timer := time.NewTimer(min(pause<<min(attempt, 10), longestPause))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-life.Done():
		return false
	}
}

// names are the channels that the nodes themselves need, those of one node together.
func (l *link) names() (names []string) {
	for _, n := range l.all() {
		names = append(names, n.channels.names...)
	}
	return names
}

// missing are the nodes that miss something while nobody hears what is published. What is
// in a stream they read later.
func (l *link) missing() []*node {
	if l.stream != nil {
		return nil
	}
	return l.heard()
}

// heard are the nodes that have heard something, or should have.
func (l *link) heard() []*node {
	return slices.DeleteFunc(l.all(), func(n *node) bool { return !n.heard.Load() })
}

// whole is an error while this server is not in the cluster, or only in part of it.
func (l *link) whole() error {
	if err := l.ready(); err != nil {
		return err
	}
	return l.sub.refusal()
}

func (l *link) stats() Stats {
	s := Stats{
		Connected: l.ready() == nil, Ready: l.whole() == nil,
		Outages: l.outages.Load(), Dropped: l.dropped.Load(), Received: l.in.received.Load(), Subscriptions: l.sub.count(),
	}
	l.out.stats(&s)
	if l.stream != nil {
		l.stream.out.stats(&s)
	}
	return s
}
