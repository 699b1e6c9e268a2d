package sessiontest_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/gosio/gosio/session"
	"github.com/gosio/gosio/session/sessiontest"
)

// A test of a provider of your own is one function. The example is compiled and not run:
// the provider of its place is tested in package session.
func ExampleRun() {
	_ = func(t *testing.T) { // func TestProvider(t *testing.T)
		sessiontest.Run(t, func(t *testing.T) sessiontest.Store {
			store := session.NewMemory("sid", time.Hour) // yours
			return sessiontest.Store{
				Provider: store,
				Create: func(t *testing.T, values map[string]string) *http.Cookie {
					all := make(map[string]any)
					for key, value := range values {
						all[key] = value
					}
					return &http.Cookie{Name: "sid", Value: store.Create(all)}
				},
				// Change, Destroy and the others: what the application does in its HTTP handlers.
			}
		})
	}
}
