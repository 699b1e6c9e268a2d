package auth_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/auth"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// TestRecovery is A-R04: a client that comes back to its session is
// authenticated as if it came for the first time.
func TestRecovery(t *testing.T) {
	t.Parallel()
	somebody := func(name string) func(*claims) { return func(c *claims) { c.Subject = name } }
	for _, tt := range []struct {
		name    string
		away    time.Duration
		expires time.Duration // of the token that it comes back with
		subject string        // of that token; empty: there is none
		code    auth.Code     // empty: let in
		want    bool          // recovered
	}{
		{"still good", time.Minute, 10 * time.Minute, "alice", "", true},
		{"renewed", 5 * time.Minute, 20 * time.Minute, "alice", "", true},
		{"expired meanwhile", 5 * time.Minute, 4 * time.Minute, "alice", auth.TokenExpired, false},
		{"somebody else's", time.Minute, 10 * time.Minute, "bob", "", false},
		{"none", time.Minute, 0, "", auth.TokenMissing, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				first, second := until(10*time.Minute), token{}
				if tt.subject != "" {
					second = until(tt.expires, somebody(tt.subject))
				}
				srv := socketio.NewServer(&socketio.Options{Recovery: &socketio.Recovery{MaxDisconnection: time.Hour}})
				defer srv.Close()
				srv.Use(auth.JWT(secretConfig()))
				c := siotest.Dial(t, srv, siotest.Options{Auth: first})
				s, _ := srv.Socket(c.ID())
				assert.NoError(t, s.Join("secrets"))
				c.Conn().Cut()
				synctest.Wait()
				assert.NoError(t, srv.To("secrets").Emit("secret"))
				time.Sleep(tt.away)
				o := siotest.Options{Auth: map[string]any{"pid": c.PID(), "token": second.Token}}
				if tt.code != "" {
					refusedWith(t, srv, o, tt.code)
					return
				}
				back := siotest.Dial(t, srv, o)
				assert.Equal(t, "recovered", back.Recovered(), tt.want)
				if tt.want {
					back.Expect("secret")
				}
				back.ExpectNone(time.Second)
			})
		})
	}
}
