package docs_test

import (
	"net/http"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/gosio/gosio/admin"
	adminredis "github.com/gosio/gosio/admin/redis"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

func TestAdminUI(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	// code: instrument
	srv := socketio.NewServer(&socketio.Options{
		CORS: socketio.CORS{Origins: []string{"https://admin.socket.io"}, Credentials: true},
	})
	admin.Instrument(srv, admin.Options{
		Users: map[string]string{"ops": "$2a$04$t3B06mjCcVDkOVxDgy2J5eLQbuKzELSRnTDZi6C7Xmx3tUzbXgYLa"}, // bcrypt
	})
	mux.Handle("/socket.io/", srv)
	// end
	t.Cleanup(srv.Close)
	refusal := siotest.Refused(t, mux, siotest.Options{Namespace: "/admin", Auth: map[string]string{"username": "ops", "password": "guess"}})
	assert.Equal(t, "refused", refusal.Message, "invalid credentials")
	siotest.Dial(t, mux, siotest.Options{Namespace: "/admin", Auth: map[string]string{"username": "ops", "password": "s3cret"}}).Expect("session")
}

func TestAdminUIInACluster(t *testing.T) {
	t.Parallel()
	srv := socketio.NewServer(nil)
	t.Cleanup(srv.Close)
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	t.Cleanup(func() { _ = client.Close() })
	hashes := map[string]string{"ops": "$2a$04$t3B06mjCcVDkOVxDgy2J5eLQbuKzELSRnTDZi6C7Xmx3tUzbXgYLa"}
	// code: cluster
	admin.Instrument(srv, admin.Options{
		Users:    hashes,
		Mode:     admin.ModeDevelopment,
		Sessions: adminredis.New(client, adminredis.Options{}),
	})
	// end
	assert.Equal(t, "namespaces", len(srv.Namespaces()), 2)
}
