// Package authredis shares revocations of tokens between all nodes of a cluster, by
// Redis.
//
//	revocations := authredis.New(ctx, client, authredis.Options{MaxAge: 24 * time.Hour})
//	guard := auth.JWT(auth.Config[Claims]{…, Watch: revocations})
//	…
//	err := revocations.Revoke(ctx, auth.Revocation{TokenID: id})
package authredis

import (
	"context"
	"encoding/json"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/gosio/gosio/auth"
	"github.com/gosio/gosio/internal/loglimit"
)

// Options configures [New]. The zero value of each field but MaxAge means its
// documented default.
type Options struct {
	// MaxAge is the longest lifetime of any token, with leeway. Redis keeps a
	// revocation for this time. Required.
	MaxAge time.Duration
	// Prefix is the prefix of the Redis keys and of the channel. Default "gosio:auth:".
	Prefix string
	// Logger logs invalid messages. Nil means slog.Default().
	Logger *slog.Logger
}

// Revocations is an [auth.Watch] that all nodes with the same Redis share. A revocation
// is a key that expires after Options.MaxAge, and a message by which all nodes learn of
// the revocation at once. A node that loses its connection to Redis may miss messages:
// it checks all live sockets when the connection is back. The methods may be called
// concurrently.
type Revocations struct {
	client redis.UniversalClient
	opts   Options
	done   chan struct{}

	mu       sync.Mutex
	watchers []func(auth.Revocation)
}

var _ auth.Watch = (*Revocations)(nil)

// New returns the revocations in a Redis. New starts a goroutine that listens on one
// connection until ctx ends; see [Revocations.Done]. The caller closes the client.
func New(ctx context.Context, client redis.UniversalClient, o Options) *Revocations {
	if client == nil {
		panic("auth: authredis.New without a client: give it a redis.NewClient(…)")
	}
	if o.MaxAge <= 0 {
		panic("auth: authredis.Options.MaxAge must be the longest time that a token lives")
	}
	if o.Prefix == "" {
		o.Prefix = "gosio:auth:"
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	v := &Revocations{client: client, opts: o, done: make(chan struct{})}
	go v.listen(ctx)
	return v
}

// Done is closed when the goroutine has ended.
func (v *Revocations) Done() <-chan struct{} { return v.done }

// listen runs until ctx ends.
func (v *Revocations) listen(ctx context.Context) {
	defer close(v.done)
	var noted loglimit.Limiter
	sub := v.client.Subscribe(ctx, v.opts.Prefix+"revoked")
	stop := context.AfterFunc(ctx, func() { _ = sub.Close() }) // ends the range
	defer stop()
	for m := range sub.ChannelWithSubscriptions() {
		switch m := m.(type) {
		case *redis.Subscription: // anew after each lost connection
			v.tell(auth.Revocation{})
		case *redis.Message:
			var r auth.Revocation
			if json.Unmarshal([]byte(m.Payload), &r) != nil {
				noted.Log(v.opts.Logger, slog.LevelWarn, "message", "auth: message is no revocation")
				continue
			}
			v.tell(r)
		}
	}
}

func (v *Revocations) tell(r auth.Revocation) {
	v.mu.Lock()
	watchers := v.watchers
	v.mu.Unlock()
	for _, f := range watchers {
		f(r)
	}
}

// Watch implements [auth.Watch].
func (v *Revocations) Watch(f func(auth.Revocation)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.watchers = append(v.watchers[:len(v.watchers):len(v.watchers)], f)
}

func (v *Revocations) tokenKey(id string) string        { return v.opts.Prefix + "token:" + id }
func (v *Revocations) subjectKey(subject string) string { return v.opts.Prefix + "subject:" + subject }

// later is a script that stores a time, in microseconds, unless a later time is stored.
var later = redis.NewScript(`
local known = tonumber(redis.call('GET', KEYS[1]))
if known and known > tonumber(ARGV[1]) then
	redis.call('PEXPIRE', KEYS[1], ARGV[2])
else
	redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return 1`)

// Revoke revokes tokens on all nodes. When Revoke has returned, all nodes refuse
// handshakes with the tokens, and have been told to disconnect their live sockets.
// Revoke returns [auth.ErrNothingRevoked], and errors of Redis. After an error some
// nodes may not know of the revocation: call Revoke again.
func (v *Revocations) Revoke(ctx context.Context, r auth.Revocation) error {
	r, err := r.MadeAt(time.Now())
	if err != nil {
		return err
	}
	if r.TokenID != "" {
		err = v.client.Set(ctx, v.tokenKey(r.TokenID), 1, v.opts.MaxAge).Err()
	} else {
		err = later.Run(ctx, v.client, []string{v.subjectKey(r.Subject)}, r.IssuedBefore.UnixMicro(), v.opts.MaxAge.Milliseconds()).Err()
	}
	if err != nil {
		return err
	}
	message, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return v.client.Publish(ctx, v.opts.Prefix+"revoked", message).Err()
}

// Revoked implements [auth.Watch].
func (v *Revocations) Revoked(ctx context.Context, t auth.Token) (bool, error) {
	var token *redis.IntCmd
	var subject *redis.StringCmd
	_, err := v.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		if t.ID != "" {
			token = p.Exists(ctx, v.tokenKey(t.ID))
		}
		subject = p.Get(ctx, v.subjectKey(t.Subject))
		return nil
	})
	if err != nil && err != redis.Nil { //nolint:errorlint // the client returns it as it is
		return false, err
	}
	if token != nil && token.Val() > 0 {
		return true, nil
	}
	if subject.Val() == "" {
		return false, nil
	}
	before, err := strconv.ParseInt(subject.Val(), 10, 64)
	if err != nil {
		return false, err
	}
	return t.IssuedAt.Before(time.UnixMicro(before)), nil
}
