package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// JWKS are the public keys of an identity provider, kept up to date from its
// JSON Web Key Sets; see RFC 7517. It implements [Keys]. Its methods may be
// called concurrently. Make one with [NewJWKS].
//
// Keys are fetched every RefreshEvery, and when a token names an unknown key. For
// unknown keys there is at most one fetch every UnknownEvery, however many tokens are
// forged; all tokens that wait share that fetch. While fetches fail the known keys
// stay in use. Keys for other uses than signatures ("use", "key_ops"), shared
// secrets, private keys and ambiguous JSON are ignored; a set without any other key
// counts as a failed fetch.
//
// A token may be signed by any key of a JWKS. So give each provider a JWKS of its
// own, and join them with [Issuers]. Several URLs are for mirrors of one issuer;
// Config.Keys takes such a JWKS under [Issuers] only.
type JWKS struct {
	urls   []string
	opts   JWKSOptions
	done   chan struct{}
	demand chan struct{} // asks the goroutine to fetch

	mu      sync.Mutex
	sets    map[string][]jwk // by URL
	fetched time.Time        // the last attempt's end; zero: none
	failed  map[string]error // by URL, the last attempt's
	round   chan struct{}    // closed when the next attempt has ended
}

// JWKSOptions configures [NewJWKS]. The zero value of each field means its
// documented default; a negative time panics.
type JWKSOptions struct {
	// RefreshEvery is the time between two fetches. Default 1 hour.
	RefreshEvery time.Duration
	// UnknownEvery is the least time between two fetches for unknown keys.
	// Default 30 s.
	UnknownEvery time.Duration
	// Timeout bounds one fetch. Default 10 s.
	Timeout time.Duration
	// Client makes the requests. Default: one that follows no redirects.
	Client *http.Client
	// Logger gets a line for each fetch that fails. Nil means slog.Default().
	Logger *slog.Logger
}

type jwk struct {
	id  string // empty: for tokens that name none
	key any
	alg string // empty: any that fits
}

// maxJWKS bounds the answer to a fetch, in bytes.
const maxJWKS = 1 << 20

// NewJWKS returns the keys at the URLs, which must be https or name the loopback
// interface. The keys are fetched in the background, on one goroutine, until ctx
// ends, so that the server starts also while the identity provider is down. o may be
// nil.
func NewJWKS(ctx context.Context, o *JWKSOptions, urls ...string) *JWKS {
	if len(urls) == 0 {
		panic("auth: NewJWKS without a URL: give it the address of the provider's key set (\"jwks_uri\")")
	}
	for _, u := range urls {
		p, err := url.Parse(u)
		if err != nil || p.Host == "" || p.Scheme != "https" && (p.Scheme != "http" || p.Hostname() != "127.0.0.1" && p.Hostname() != "localhost" && p.Hostname() != "::1") {
			panic(fmt.Sprintf("auth: NewJWKS of %q: whoever answers for it can sign; use https", u))
		}
	}
	k := &JWKS{
		urls: slices.Clone(urls), done: make(chan struct{}), demand: make(chan struct{}, 1),
		sets: make(map[string][]jwk), failed: make(map[string]error), round: make(chan struct{}),
	}
	if o != nil {
		k.opts = *o
	}
	for _, d := range []struct {
		v   *time.Duration
		def time.Duration
	}{{&k.opts.RefreshEvery, time.Hour}, {&k.opts.UnknownEvery, 30 * time.Second}, {&k.opts.Timeout, 10 * time.Second}} {
		switch {
		case *d.v < 0:
			panic("auth: NewJWKS: JWKSOptions has a negative RefreshEvery, UnknownEvery or Timeout")
		case *d.v == 0:
			*d.v = d.def
		}
	}
	if k.opts.Client == nil {
		k.opts.Client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	if k.opts.Logger == nil {
		k.opts.Logger = slog.Default()
	}
	go k.run(ctx)
	return k
}

// Done is closed when the goroutine has ended.
func (k *JWKS) Done() <-chan struct{} { return k.done }

// run fetches until ctx ends.
func (k *JWKS) run(ctx context.Context) {
	defer close(k.done)
	timer := time.NewTimer(k.opts.RefreshEvery)
	defer timer.Stop()
	for {
		k.fetchAll(ctx)
		wait := k.opts.RefreshEvery
		if k.incomplete() {
			wait = min(wait, k.opts.UnknownEvery) // the provider was down: soon again
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-k.demand:
		}
	}
}

func (k *JWKS) incomplete() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.failed) > 0
}

// fetchAll fetches from all URLs once, and wakes the tokens that wait for that.
func (k *JWKS) fetchAll(ctx context.Context) {
	var all sync.WaitGroup // concurrently, so that a slow URL does not delay the others
	for _, u := range k.urls {
		all.Go(func() { k.update(ctx, u) })
	}
	all.Wait()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fetched = time.Now()
	select {
	case <-k.demand: // made while this attempt ran, which answers it
	default:
	}
	close(k.round)
	k.round = make(chan struct{})
}

// update fetches the keys of one URL.
func (k *JWKS) update(ctx context.Context, u string) {
	set, err := k.fetch(ctx, u)
	if err != nil && ctx.Err() == nil {
		k.opts.Logger.Error("auth: cannot fetch keys", "url", u, "error", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if err != nil {
		k.failed[u] = err
		return
	}
	k.sets[u] = set // keys that are not in the new set are no longer valid
	delete(k.failed, u)
}

// errEnded: nobody fetches any more.
var errEnded = errors.New("the context of NewJWKS has ended: no new keys are fetched")

// Key implements [Keys]. A token without a key id may be signed by any key.
func (k *JWKS) Key(ctx context.Context, t *jwt.Token) (any, error) {
	id, _ := t.Header["kid"].(string)
	for {
		key, round, err := k.find(id, t.Method.Alg())
		if round == nil {
			return key, err
		}
		select {
		case <-round:
		case <-k.done:
			return nil, errEnded
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// find looks a key up; round, if not nil, is what to wait for before looking
// again.
func (k *JWKS) find(id, alg string) (key any, round <-chan struct{}, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var all []jwt.VerificationKey
	for _, u := range k.urls {
		for _, j := range k.sets[u] {
			if (j.alg == "" || j.alg == alg) && (id == "" || id == j.id) && fits(alg, j.key) {
				all = append(all, j.key)
			}
		}
	}
	if len(all) > 0 {
		return jwt.VerificationKeySet{Keys: all}, nil, nil
	}
	if k.fetched.IsZero() || time.Since(k.fetched) >= k.opts.UnknownEvery {
		select {
		case k.demand <- struct{}{}:
		default: // a fetch is demanded already
		}
		return nil, k.round, nil
	}
	for u, err := range k.failed { // the unknown key may be in this set
		return nil, nil, fmt.Errorf("keys of %s: %w", u, err)
	}
	return nil, nil, ErrUnknownKey
}

// fetch gets one set. A panic of the application's client is an error.
func (k *JWKS) fetch(ctx context.Context, u string) (set []jwk, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, k.opts.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return nil, err
	}
	answer, err := k.opts.Client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %s", answer.Status)
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxJWKS+1))
	switch {
	case err != nil:
		return nil, err
	case len(body) > maxJWKS:
		return nil, errors.New("key set is too large")
	}
	return parseJWKS(body)
}
