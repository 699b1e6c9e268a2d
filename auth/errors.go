package auth

import (
	"errors"

	socketio "github.com/gosio/gosio/core"
)

// Code says why a client is refused. The codes are stable: front ends decide by
// them whether to refresh, to retry, or to show the login.
type Code string

// The codes, and what a front end does about them.
const (
	// CodeTokenMissing: no source has a token. Log in.
	CodeTokenMissing Code = "token_missing"
	// CodeTokenMalformed: what was sent is no token, or larger than
	// Config.MaxTokenSize. A defect of the client.
	CodeTokenMalformed Code = "token_malformed"
	// CodeTokenInvalid: signature, algorithm, key, issuer, audience or a claim is
	// wrong. Only the log says which. Log in.
	CodeTokenInvalid Code = "token_invalid"
	// CodeTokenExpired: the token is genuine and has expired. Get a fresh token and
	// connect again.
	CodeTokenExpired Code = "token_expired"
	// CodeTokenNotYetValid: the token's time has not begun, or the clocks of its
	// issuer and this server differ. Try again later.
	CodeTokenNotYetValid Code = "token_not_yet_valid"
	// CodeTokenRevoked: the token was withdrawn. Log in.
	CodeTokenRevoked Code = "token_revoked"
	// CodeForbidden: the token is right, but a policy refuses the client.
	// Error.Required may say which roles or scopes are needed.
	CodeForbidden Code = "forbidden"
	// CodeRateLimited: too many tokens from this address, or too many refreshes of
	// this socket, have failed. Try again later.
	CodeRateLimited Code = "rate_limited"
	// CodeUnavailable: keys or revocations cannot be read now, so the token could not
	// be checked. Try again later.
	CodeUnavailable Code = "auth_unavailable"
)

// Error is a refusal as clients get it: err.data of the stock client's
// connect_error, error.data of a failed acknowledgement, and the argument of
// Config.EndedEvent. It never carries details of a token or of this server.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
	// Retryable reports that trying again, with a fresh token if the old one
	// has expired, can help.
	Retryable bool `json:"retryable"`
	// Required are the roles or scopes of which the client lacks some.
	Required []string `json:"required,omitempty"`
}

// Error implements error.
func (e *Error) Error() string { return "auth: " + e.Message }

// Is makes errors.Is compare codes.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// The errors by which a [Verifier] says what is wrong with a token. Any other error
// means that the token could not be checked; clients are told [ErrUnavailable].
var (
	ErrTokenMissing     = &Error{Code: CodeTokenMissing, Message: "authentication required"}
	ErrTokenMalformed   = &Error{Code: CodeTokenMalformed, Message: "token is malformed"}
	ErrTokenInvalid     = &Error{Code: CodeTokenInvalid, Message: "token is invalid"}
	ErrTokenExpired     = &Error{Code: CodeTokenExpired, Message: "token has expired", Retryable: true}
	ErrTokenNotYetValid = &Error{Code: CodeTokenNotYetValid, Message: "token is not valid yet", Retryable: true}
	ErrTokenRevoked     = &Error{Code: CodeTokenRevoked, Message: "token was revoked"}
	ErrForbidden        = &Error{Code: CodeForbidden, Message: "not allowed"}
	ErrRateLimited      = &Error{Code: CodeRateLimited, Message: "too many attempts", Retryable: true}
	ErrUnavailable      = &Error{Code: CodeUnavailable, Message: "authentication is unavailable", Retryable: true}
)

// rejection is why a token is not accepted, in fixed words that may be logged:
// no part of a token is ever among them.
type rejection struct {
	told   *Error
	reason string
}

// Error implements error.
func (r *rejection) Error() string { return "auth: " + r.reason }

// Unwrap makes errors.Is and errors.As find what clients are told.
func (r *rejection) Unwrap() error { return r.told }

func reject(told *Error, reason string) error { return &rejection{told, reason} }

// told returns what a client is told of an error.
func told(err error) *Error {
	if e := (*Error)(nil); errors.As(err, &e) && e != nil {
		return e
	}
	return ErrUnavailable
}

// refusal turns down a connection to a namespace.
func refusal(e *Error) error { return &socketio.ConnectError{Message: e.Message, Data: e} }

// failure fails an event.
func failure(e *Error) error {
	code := socketio.CodeForbidden
	if e.Code == CodeRateLimited {
		code = socketio.CodeRateLimited
	}
	return &socketio.Error{Code: code, Message: e.Message, Data: e}
}
