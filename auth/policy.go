package auth

import (
	"errors"
	"slices"
	"strings"
)

// Policy decides whether a client with a valid token may do something; nil means yes.
// The client gets an [*Error] as it is, and [ErrForbidden] for any other error. A
// policy must not wait for anything.
type Policy[T any] func(id *Identity[T]) error

// Allow is a policy of any predicate over the claims.
func Allow[T any](ok func(claims *T) bool) Policy[T] {
	if ok == nil {
		panic("auth: Allow without a predicate: give a function of the claims that reports who may")
	}
	return func(id *Identity[T]) error {
		if !ok(id.Claims) {
			return ErrForbidden
		}
		return nil
	}
}

// AnyRole lets those in who have at least one of the roles; of says where the
// claims keep them.
//
//	admin.Use(guard.Require(auth.AnyRole(func(c *Claims) []string { return c.Roles }, "admin")))
func AnyRole[T any](of func(claims *T) []string, roles ...string) Policy[T] {
	if len(roles) == 0 {
		panic("auth: AnyRole without a role lets nobody in: name at least one")
	}
	if of == nil || slices.Contains(roles, "") {
		panic("auth: AnyRole with an empty role, or without the function that finds them: name each role, and say where the claims keep them")
	}
	roles = slices.Clone(roles)
	return func(id *Identity[T]) error {
		has := of(id.Claims)
		if slices.ContainsFunc(roles, func(r string) bool { return slices.Contains(has, r) }) {
			return nil
		}
		return lacking(roles)
	}
}

// AllScopes lets those in who have all of the scopes; of returns the claim,
// scopes separated by spaces as in OAuth 2.0.
func AllScopes[T any](of func(claims *T) string, scopes ...string) Policy[T] {
	if len(scopes) == 0 {
		panic("auth: AllScopes without a scope lets everybody in: name at least one")
	}
	if of == nil || slices.ContainsFunc(scopes, func(s string) bool { return len(strings.Fields(s)) != 1 || strings.TrimSpace(s) != s }) {
		panic("auth: AllScopes with a scope that is empty or has blanks, or without the function that finds them: name each by itself")
	}
	scopes = slices.Clone(scopes)
	return func(id *Identity[T]) error {
		has := strings.Fields(of(id.Claims))
		for _, s := range scopes {
			if !slices.Contains(has, s) {
				return lacking(scopes)
			}
		}
		return nil
	}
}

func lacking(required []string) error {
	e := *ErrForbidden
	e.Required = slices.Clone(required)
	return &e
}

// decide asks all policies.
func decide[T any](policies []Policy[T], id *Identity[T]) *Error {
	for _, p := range policies {
		if id == nil {
			return ErrTokenMissing // a policy is about claims, and an anonymous client has none
		}
		if err := p(id); err != nil {
			if e := (*Error)(nil); errors.As(err, &e) && e != nil {
				return e
			}
			return ErrForbidden
		}
	}
	return nil
}
