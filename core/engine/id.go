package engine

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/gosio/gosio/internal/loglimit"
)

// maxID bounds the ids of Options.GenerateID in bytes.
const maxID = 256

// newID returns the id of a new session, which is a bearer secret. One of the
// application's is reserved until the session is entered, or unreserve.
func (t *table) newID(r *http.Request, generate func(*http.Request) (string, error)) (string, *RequestError) {
	if generate == nil {
		var b [16]byte
		_, _ = rand.Read(b[:]) // never fails: crypto/rand
		return base64.RawURLEncoding.EncodeToString(b[:]), nil
	}
	id, err := generate(r)
	switch {
	case err != nil:
		return "", &RequestError{Code: CodeBadRequest, Context: "GenerateID: " + loglimit.Clip(textOf(err))}
	case !validID(id):
		return "", &RequestError{Code: CodeBadRequest, Context: "GenerateID: not an id"}
	}
	id = strings.Clone(id) // a piece of the header would hold on to all of it
	if !t.reserve(id) {
		return "", &RequestError{Code: CodeBadRequest, Context: "GenerateID: the id is in use"}
	}
	return id, nil
}

// validID reports whether an id looks the same in a query, in JSON and in a
// cookie: it has unreserved characters only, see RFC 3986 section 2.3.
func validID(id string) bool {
	for _, c := range []byte(id) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case c == '-', c == '.', c == '_', c == '~':
		default:
			return false
		}
	}
	return id != "" && len(id) <= maxID
}
