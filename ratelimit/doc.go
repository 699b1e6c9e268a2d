// Package ratelimit bounds how often clients may do something: send events, and join a
// namespace. For the usual case it is one line:
//
//	srv.Use(ratelimit.Events(10, 20)) // of each client ten events a second, and twenty at once
//
// Further events are acknowledged with the error "rate_limited", whose data say after how
// many milliseconds the client may try again:
//
//	{"error": {"code": "rate_limited", "message": "too many events", "data": {"retryAfter": 100}}}
//
// [New] makes a [Limiter] of any number of [Rule]s: what is counted (a client, a user, an
// address, a room, a namespace, an event; see [By]), how much of it is allowed (a [Limit]),
// what one event costs, and what happens to the rest (an [Answer]). With a [Store], such as
// that of package ratelimit/redis, the servers of a cluster count together.
//
// [Requests] bounds the connections that an address opens, before anything is allocated
// for them.
//
// The algorithm is GCRA, a token bucket that is stored as one time per name: a limit is
// exact at every moment, has no windows at whose border twice as much is allowed, and costs
// no timer. Names are bounded, see Config.MaxNames.
package ratelimit
