package sioredis

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/internal/clusterwire"
)

// SaveSessions implements adapter.SessionStore. While nobody knows whether Redis has got a
// session it is looked for, and sent again if Redis has not had it.
func (n streamed) SaveSessions(ctx context.Context, sessions []*adapter.Session) error {
	c, err := n.store()
	if err != nil {
		return fmt.Errorf("%w: %w", adapter.ErrNotSaved, err)
	}
	list := make([]savedSession, len(sessions))
	for i, s := range sessions {
		value, err := n.wireSession(s)
		if err != nil {
			return fmt.Errorf("%w: %w", adapter.ErrNotSaved, err)
		}
		list[i] = savedSession{n.link.opts.Stream.SessionPrefix, n.sessionKey(s.PID), value, rand.Text(), s.TTL}
	}
	doubtful, refusal := setSessions(ctx, c, list, false)
	for len(doubtful) > 0 {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		_, err := n.store()
		if errors.Is(err, ErrClosed) {
			return err
		}
		if err == nil {
			missing, unknown := unsaved(ctx, c, doubtful)
			doubtful, _ = setSessions(ctx, c, missing, true)
			doubtful = append(doubtful, unknown...)
		}
	}
	return refusal
}

// savedSession is a session as Redis keeps it.
type savedSession struct {
	prefix     string // of keys
	key, value string
	mark       string // that Redis has had it, whoever has taken it since
	ttl        time.Duration
}

// markKey is the key of the mark. It begins as sessions' do, for the rights of the user; in
// a Redis Cluster it has the same slot as the session.
func (s *savedSession) markKey() string { return s.prefix + "{" + s.key + "}" }

// setSessions has Redis keep sessions, each behind its mark; with again those alone that it
// does not have: there may be a newer one of the same client by now. It returns those of which Redis has not
// said what it did. If Redis has refused all, none is kept.
func setSessions(ctx context.Context, c rueidis.Client, list []savedSession, again bool) (doubtful []savedSession, refusal error) {
	if len(list) == 0 {
		return nil, nil
	}
	commands := make(rueidis.Commands, 0, 2*len(list))
	for _, s := range list {
		args := []string{s.value}
		if s.ttl >= 0 {
			args = append(args, "PX", strconv.FormatInt(max(s.ttl.Milliseconds(), 1), 10))
		}
		if again {
			args = append(args, "NX")
		}
		commands = append(commands,
			c.B().Set().Key(s.markKey()).Value(s.mark).PxMilliseconds(marked.Milliseconds()).Build(),
			c.B().Arbitrary("SET").Keys(s.key).Args(args...).Build())
	}
	results := c.DoMulti(ctx, commands...)
	refused := 0
	for i := range list {
		err := results[2*i+1].Error()
		switch {
		case err == nil || rueidis.IsRedisNil(err):
		case isRefusal(err) && !again: // by one that has just been started, it may be only for now
			refused++
			refusal = err
		default:
			doubtful = append(doubtful, list[i])
		}
	}
	if refused == len(list) {
		refusal = fmt.Errorf("%w: %w", adapter.ErrNotSaved, refusal)
	}
	return doubtful, refusal
}

// unsaved returns the sessions that Redis has not had, and those of which nobody knows.
func unsaved(ctx context.Context, c rueidis.Client, list []savedSession) (missing, unknown []savedSession) {
	commands := make(rueidis.Commands, len(list))
	for i := range list {
		commands[i] = c.B().Getdel().Key(list[i].markKey()).Build()
	}
	for i, r := range c.DoMulti(ctx, commands...) {
		mark, err := r.ToString()
		switch {
		case err == nil && mark == list[i].mark:
		case err == nil || rueidis.IsRedisNil(err):
			missing = append(missing, list[i])
		default:
			unknown = append(unknown, list[i])
		}
	}
	return missing, unknown
}

// store returns the connection for sessions, while Redis is there.
func (n streamed) store() (rueidis.Client, error) {
	if n.closed.Load() {
		return nil, ErrClosed
	}
	if err := n.link.stream.in.state(); err != nil {
		return nil, err
	}
	return n.link.client, nil // the tail has come by it: it does not change any more
}

func (n streamed) sessionKey(pid string) string { return n.link.opts.Stream.SessionPrefix + pid }

// peerSession is what of a session other servers have no place for.
type peerSession struct {
	Namespace string
	Session   adapter.Session
}

// wireSession is a session as other servers read it, too.
func (n streamed) wireSession(s *adapter.Session) (string, error) {
	p := peerSession{n.namespace, *s}
	p.Session.PID, p.Session.ID, p.Session.Rooms, p.Session.Data = "", "", nil, nil
	peer, err := json.Marshal(&p)
	if err != nil {
		return "", err
	}
	w := clusterwire.Session{SocketID: s.ID, PrivateID: s.PID, Data: s.Data, Peer: string(peer)}
	w.Rooms = append(append(w.Rooms, s.ID), s.Rooms...) // others keep a socket's own room among them
	if w.Data == nil {
		w.Data = []byte("{}")
	}
	return w.Encode()
}

// TakeSession implements adapter.SessionStore.
func (n streamed) TakeSession(ctx context.Context, pid string) (*adapter.Session, error) {
	c, err := n.store()
	if err != nil {
		return nil, err
	}
	value, err := c.Do(ctx, c.B().Getdel().Key(n.sessionKey(pid)).Build()).ToString()
	for tries := 0; err != nil && !isRefusal(err) && tries < 3 && ctx.Err() == nil; tries++ {
		// The connection may have been dead since an outage. What is taken stays taken.
		time.Sleep(pause / 10)
		value, err = c.Do(ctx, c.B().Getdel().Key(n.sessionKey(pid)).Build()).ToString()
	}
	if rueidis.IsRedisNil(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	w, err := clusterwire.DecodeSession(value, &n.link.opts.limits)
	if err != nil {
		n.link.dropped.Add(1)
		return nil, err
	}
	s := new(adapter.Session)
	if w.Peer == "" {
		err = n.foreignSession(ctx, s)
	} else {
		p := peerSession{}
		if err = json.Unmarshal([]byte(w.Peer), &p); err == nil && p.Namespace != n.namespace {
			return nil, nil // the client has connected to another namespace
		}
		*s = p.Session
	}
	if err != nil {
		return nil, err
	}
	s.PID, s.ID, s.Data = w.PrivateID, w.SocketID, w.Data
	s.Rooms = slices.DeleteFunc(w.Rooms, func(room string) bool { return room == w.SocketID })
	if s.PID != pid {
		return nil, nil
	}
	return s, nil
}

// foreignSession completes the session that a server of another kind has kept. Such a
// server keeps no positions: what is in the stream behind the client's offset, for the
// rooms that the socket was in at last, is what it has missed.
func (n streamed) foreignSession(ctx context.Context, s *adapter.Session) error {
	c, err := n.store()
	if err != nil {
		return err
	}
	newest, err := c.Do(ctx, c.B().Xrevrange().Key(n.link.opts.Stream.Name).End("+").Start("-").Count(1).Build()).AsXRangeSlices()
	if err != nil {
		return err
	}
	s.Epoch, s.End = n.link.stream.in.where()
	if len(newest) > 0 {
		s.End = newest[0].ID
	}
	s.Last = s.End
	return nil
}

// Replay implements adapter.SessionStore.
func (n streamed) Replay(ctx context.Context, epoch, after string, limit int) (ops []*adapter.Operation, through string, err error) {
	c, err := n.store()
	if err != nil {
		return nil, "", err
	}
	if !isPosition(after) {
		return nil, "", adapter.ErrGap
	}
	numbers, err := n.numbersAt(ctx, c, epoch, after)
	if err != nil {
		return nil, "", err
	}
	defer func() { n.replays.keep(epoch, through, numbers) }()
	for through = after; ; {
		entries, err := n.page(ctx, c, epoch, through, limit)
		if err != nil {
			return nil, "", err
		}
		for i := range entries {
			through = entries[i].ID
			if ops, err = n.replayed(ops, &entries[i], numbers); err != nil {
				return nil, "", err
			}
			if len(ops) == limit {
				return ops, through, nil
			}
		}
		if len(entries) < limit || len(ops) > 0 {
			return ops, through, nil
		}
	}
}

// replays is how far the stream was replayed, and the newest numbers of all servers there:
// what one server has sent twice may be in two calls of Replay.
type replays struct {
	mu             sync.Mutex
	epoch, through string
	numbers        map[string]uint64
}

func (r *replays) keep(epoch, through string, numbers map[string]uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.epoch, r.through, r.numbers = epoch, through, numbers
}

func (r *replays) at(epoch, position string) map[string]uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.epoch != epoch || r.through != position {
		return nil
	}
	return maps.Clone(r.numbers)
}

// numbersAt are the newest numbers of all servers at a position, as far as they may come
// again behind it.
func (n streamed) numbersAt(ctx context.Context, c rueidis.Client, epoch, position string) (map[string]uint64, error) {
	if numbers := n.replays.at(epoch, position); numbers != nil {
		return numbers, nil
	}
	numbers := make(map[string]uint64)
	if !n.link.stream.out.unfenced.Load() { // nothing comes again
		return numbers, nil
	}
	before, err := c.Do(ctx, c.B().Xrevrange().Key(n.link.opts.Stream.Name).End(position).Start("-").Count(atOnce).Build()).AsXRangeSlices()
	for i := range before {
		x := &before[i]
		if e, err := readEntry(x); err == nil {
			numbers[e.UID] = max(numbers[e.UID], e.Place.Number)
		}
	}
	return numbers, err
}

func readEntry(x *rueidis.XRangeSlice) (clusterwire.Entry, error) {
	return clusterwire.ReadEntry(len(x.FieldValues), func(i int) (name, value string) {
		return x.FieldValues[i].Field, x.FieldValues[i].Value
	})
}

// page reads entries behind a position, if everything behind it is still there.
func (n streamed) page(ctx context.Context, c rueidis.Client, epoch, after string, limit int) ([]rueidis.XRangeSlice, error) {
	key := n.link.opts.Stream.Name
	results := c.DoMulti(ctx,
		c.B().Xrange().Key(key).Start("("+after).End("+").Count(int64(limit)).Build(),
		c.B().Xrange().Key(key).Start("-").End("+").Count(1).Build(),
		c.B().XinfoGroups().Key(key).Build(),
	)
	entries, err := results[0].AsXRangeSlices()
	if err != nil {
		return nil, err
	}
	oldest, err := results[1].AsXRangeSlices()
	if err != nil {
		return nil, err
	}
	now, err := groupPosition(results[2])
	if err != nil {
		return nil, err
	}
	if now != epoch || len(oldest) == 0 || adapter.ComparePositions(oldest[0].ID, after) > 0 {
		return nil, adapter.ErrGap
	}
	return entries, nil
}

// replayed appends what an entry is to be done.
func (n streamed) replayed(ops []*adapter.Operation, x *rueidis.XRangeSlice, numbers map[string]uint64) ([]*adapter.Operation, error) {
	e, err := readEntry(x)
	if e.Namespace != n.namespace {
		return ops, nil
	}
	var m *clusterwire.Message
	if err == nil {
		m, err = e.Decode(&n.link.opts.limits)
	}
	switch {
	case err != nil, m.Type == clusterwire.Gap:
		return nil, adapter.ErrGap
	case m.RequestID != "", operation(m) == nil, operation(m).Type == adapter.OpServerSide:
		return ops, nil
	}
	if isRepeated(numbers, &e) {
		return ops, nil
	}
	op := operation(m)
	op.Position, op.Target.Own = x.ID, e.Place.One
	return append(ops, op), nil
}
