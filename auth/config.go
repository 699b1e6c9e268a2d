package auth

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/parser"
)

// Identity is the identity of a client, as its token states it. It must not be
// changed.
type Identity[T any] struct {
	// Subject is the claim "sub", or the result of Config.Subject. It becomes the
	// socket's identity.
	Subject string
	// Claims are the token's claims, in the application's own type.
	Claims *T
	// TokenID is the claim "jti", or empty.
	TokenID string
	// IssuedAt is the claim "iat", or zero.
	IssuedAt time.Time
	// ExpiresAt is the expiry of the token, without Config.Leeway: the claim "exp", or
	// IssuedAt plus Config.MaxAge if that is earlier. Zero: the token never expires.
	ExpiresAt time.Time
}

// LogValue implements slog.LogValuer: the subject alone.
func (id *Identity[T]) LogValue() slog.Value {
	if id == nil {
		return slog.StringValue("")
	}
	return slog.StringValue(id.Subject)
}

// Verifier checks tokens that are no JWTs, such as opaque tokens or PASETO. Verify
// returns the token's identity, or an error of this package, such as
// [ErrTokenInvalid], possibly wrapped; any other error means that the token could
// not be checked, and refuses with [ErrUnavailable]. Verify is called concurrently
// and must return when ctx ends. Compare secrets with package crypto/subtle.
type Verifier[T any] interface {
	Verify(ctx context.Context, token string) (*Identity[T], error)
}

// VerifierFunc is a function as [Verifier].
type VerifierFunc[T any] func(ctx context.Context, token string) (*Identity[T], error)

// Verify implements [Verifier].
func (f VerifierFunc[T]) Verify(ctx context.Context, token string) (*Identity[T], error) {
	return f(ctx, token)
}

// Action says what happens to a socket whose authentication has ended.
type Action int

const (
	// ActionCloseConnection closes the client's connection if this [Guard], or one
	// derived from it, guards all namespaces that the client has joined over
	// it: the stock client reconnects by itself and runs its auth function
	// again. Otherwise it is ActionLeaveNamespace.
	ActionCloseConnection Action = iota
	// ActionLeaveNamespace sends Config.EndedEvent and disconnects the socket from
	// its namespace. Other namespaces on the connection stay connected. The stock
	// client does not join the namespace again by itself.
	ActionLeaveNamespace
	// ActionKeepOpen keeps sockets whose token expires. Revocations and policies
	// still end sockets, as with ActionCloseConnection.
	ActionKeepOpen
)

// Config configures a [Guard]. The zero value of each field means its
// documented default. The fields up to MaxAge are for [JWT] only.
type Config[T any] struct {
	// Keys check signatures: [Secret], [PublicKey], [PEM], [KeySet],
	// [NewJWKS], [Issuers] or a [KeyFunc]. Required.
	Keys Keys
	// Algorithms lists the signature algorithms that are accepted, such as "RS256".
	// Required: the token must not choose the algorithm.
	Algorithms []string
	// Issuer is the required value of "iss". Empty: any value. Set Issuer and Audience
	// when the keys are an identity provider's: the provider signs tokens for other
	// applications, too. For several providers use [Issuers] as Keys instead.
	Issuer string
	// Audience lists accepted audiences: "aud" must contain one of them. Nil: any
	// audience.
	Audience []string
	// Type is the required value of the header "typ", such as "at+jwt"; upper and
	// lower case are the same. Empty: any value.
	Type string
	// MaxAge bounds the age of a token since "iat", whatever "exp" says; "iat" is then
	// required. Zero: no bound.
	MaxAge time.Duration

	// Subject returns the subject of a token if that is not the claim "sub". A token
	// whose subject is empty is refused.
	Subject func(claims *T) string
	// Leeway is the tolerated difference between the clocks of the issuer and of this
	// server. A socket ends Leeway after "exp". Default 30 s; negative: none.
	Leeway time.Duration
	// AllowNoExpiry accepts tokens without "exp". Such tokens are valid for ever.
	AllowNoExpiry bool
	// MaxTokenSize bounds the length of a token, in bytes. Longer tokens are refused
	// as malformed, unread. Default 8,192; negative: no bound.
	MaxTokenSize int

	// Sources are searched in order for a token. The first token found counts: if that
	// token is bad, the client is refused, and no further source is searched. Default:
	// the field "token" of the auth payload, then the header "Authorization: Bearer …".
	Sources []Source
	// Optional lets clients without a token in; such clients have no identity. A
	// client whose token is bad is refused.
	Optional bool
	// Room, if not nil, names a room that the socket joins in the handshake, such
	// as "user:" and the subject; empty: none. When a refresh gives the room another
	// name, the socket leaves the old room, takes the new identity and joins the new
	// room, in that order. A socket that cannot join the new room, because it is in
	// Limits.Rooms others already or the name is too long, ends with CodeUnavailable.
	Room func(id *Identity[T]) string

	// OnExpire says what happens to a socket when its token has expired. Default:
	// ActionCloseConnection.
	OnExpire Action
	// Grace is the time for which a socket stays after the expiry, so that its client
	// can refresh the token; ExpiredEvent tells the client. Default: none.
	Grace time.Duration
	// ExpiredEvent is the event sent at the begin of the grace; its argument is an
	// [Error]. Default "auth:expired".
	ExpiredEvent string
	// EndedEvent is the event sent just before a socket is disconnected from its
	// namespace; its argument is an [Error] that says why. Default "auth:ended".
	EndedEvent string
	// RefreshEvent, if not empty, is an event by which a client replaces its
	// token: {"token": …}, acknowledged with a [Refreshed], or like any failed
	// event, with an [Error] as data. The subject must stay the same; policies
	// are asked again. What takes longer than ten seconds is [ErrUnavailable].
	RefreshEvent string
	// OnRefresh, if not nil, is called after each change of the identity, before the
	// refresh is acknowledged and before the socket's next event. It must bring up to
	// date what the application has derived from the old claims, such as rooms of a
	// tenant or a team: the socket keeps all its rooms except the one of Room.
	// OnRefresh is also called when Watch cannot be asked: the client then has the new
	// identity, though the acknowledgement is [ErrUnavailable]. If a refresh must not
	// lead to another tenant, let Subject include the tenant.
	OnRefresh func(s *socketio.Socket, before, after *Identity[T])

	// Watch stores and reports revoked tokens. Nil: no token is revoked.
	Watch Watch
	// Recheck is the time between two checks of each live socket, a tenth more or
	// less. A check asks the policies and Watch again. Zero: no checks.
	Recheck time.Duration

	// FailuresPerMinute bounds the refused tokens of one Handshake.Address, in
	// handshakes and refreshes. After that many failures in a minute the address's
	// tokens are refused unverified, with [ErrRateLimited]. As many tokens are verified
	// at once as may still fail; others wait. Zero: no bound. Behind a proxy that the
	// framework does not trust all clients have one address, and one client could lock
	// out all others: configure the framework's trusted proxies first. IPv6 addresses
	// count by their network of 64 bits, which one client has whole.
	FailuresPerMinute int

	// Logger gets a line for each refusal, with the reason in fixed words. Lines of a
	// kind are limited to ten, then one in ten seconds. Nil means slog.Default().
	Logger *slog.Logger
}

// Defaults of Config.
const (
	defaultLeeway       = 30 * time.Second
	defaultMaxTokenSize = 8 << 10
)

func (c Config[T]) withDefaults() Config[T] {
	switch {
	case c.Leeway == 0:
		c.Leeway = defaultLeeway
	case c.Leeway < 0:
		c.Leeway = 0
	}
	if c.MaxTokenSize == 0 {
		c.MaxTokenSize = defaultMaxTokenSize
	}
	if c.Sources == nil {
		c.Sources = []Source{FromAuth("token"), FromHeader("Authorization", "Bearer")}
	}
	if c.ExpiredEvent == "" {
		c.ExpiredEvent = "auth:expired"
	}
	if c.EndedEvent == "" {
		c.EndedEvent = "auth:ended"
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	c.Sources, c.Audience, c.Algorithms = slices.Clone(c.Sources), slices.Clone(c.Audience), slices.Clone(c.Algorithms)
	return c
}

// check panics on what cannot work for any kind of token.
func (c *Config[T]) check() {
	switch {
	case len(c.Sources) == 0:
		panic("auth: Config.Sources is empty: no token can be found; name a source, such as FromAuth, or leave Sources nil")
	case c.OnExpire < ActionCloseConnection || c.OnExpire > ActionKeepOpen:
		panic("auth: Config.OnExpire is no Action: use ActionCloseConnection, ActionLeaveNamespace or ActionKeepOpen")
	case c.Grace < 0 || c.MaxAge < 0 || c.Recheck < 0 || c.FailuresPerMinute < 0:
		panic("auth: Config has a negative Grace, MaxAge, Recheck or FailuresPerMinute: zero means none")
	case c.Grace > 0 && c.OnExpire == ActionKeepOpen:
		panic("auth: Config.Grace has no meaning with ActionKeepOpen: leave one of them out")
	case c.ExpiredEvent == c.EndedEvent:
		panic("auth: Config.ExpiredEvent and EndedEvent have one name: clients could not tell them apart")
	case parser.IsReserved(c.ExpiredEvent) || parser.IsReserved(c.EndedEvent) || parser.IsReserved(c.RefreshEvent):
		panic("auth: Config names an event as Socket.IO names its own, such as \"disconnect\": no client would hear of it; choose another name")
	case c.RefreshEvent != "" && (c.RefreshEvent == c.ExpiredEvent || c.RefreshEvent == c.EndedEvent):
		panic("auth: Config.RefreshEvent is also the name of another event of Config: choose another")
	case c.OnRefresh != nil && c.RefreshEvent == "":
		panic("auth: Config.OnRefresh without RefreshEvent: nobody can refresh; name the event, such as \"auth:refresh\"")
	}
	if c.Watch != nil && isNil(c.Watch) {
		panic("auth: Config.Watch is a nil pointer: leave Watch out, or make one with NewRevocations")
	}
	for i, s := range c.Sources {
		if s.find == nil {
			panic(fmt.Sprintf("auth: Config.Sources[%d] is empty", i))
		}
	}
}

// isNil also finds the nil that an interface hides: a pointer or a function.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Pointer, reflect.Func, reflect.Map:
		return r.IsNil()
	}
	return false
}

// checkJWT panics on what cannot work, or is not safe, for JWTs.
func (c *Config[T]) checkJWT() {
	if isNil(c.Keys) {
		panic("auth: Config.Keys is required: a Secret, a PublicKey, a PEM, a KeySet, NewJWKS or Issuers")
	}
	if len(c.Algorithms) == 0 {
		panic("auth: Config.Algorithms is required: otherwise the token chooses")
	}
	for _, alg := range c.Algorithms {
		if alg == "none" || jwt.GetSigningMethod(alg) == nil {
			panic(fmt.Sprintf("auth: algorithm %q does not exist, or protects nothing", alg))
		}
	}
	if c.Audience != nil && (len(c.Audience) == 0 || slices.Contains(c.Audience, "")) {
		panic("auth: Config.Audience is empty, or has an empty entry; nil accepts any")
	}
	keys, all := known(c.Keys)
	serve(keys, all, c.Algorithms)
	switch k := c.Keys.(type) {
	case issuers:
		if c.Issuer != "" {
			panic("auth: Config.Issuer beside Issuers: the keys say which there are; leave Issuer empty")
		}
	case *JWKS:
		if len(k.urls) > 1 {
			panic("auth: Config.Keys is a JWKS of several URLs: each provider could sign for the users of the other; use Issuers, with one NewJWKS for each" +
				", and for mirrors of one issuer Issuers(map[string]Keys{issuer: NewJWKS(ctx, nil, one, other)})")
		}
	}
}

// checkNotJWT panics on settings that only JWTs have.
func (c *Config[T]) checkNotJWT(what string) {
	if c.Keys != nil || c.Algorithms != nil || c.Issuer != "" || c.Audience != nil || c.Type != "" || c.MaxAge != 0 {
		panic("auth: Config has settings for JWTs, which " + what + " does not look at")
	}
}

// findToken returns the token of the first source that has one.
func (c *Config[T]) findToken(h *socketio.Handshake) (token string, found bool) {
	for _, s := range c.Sources {
		if token, found = s.find(h); found {
			return token, true
		}
	}
	return "", false
}
