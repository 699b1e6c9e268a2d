package adminredis_test

import (
	"github.com/redis/go-redis/v9"

	"github.com/gosio/gosio/admin"
	adminredis "github.com/gosio/gosio/admin/redis"
	socketio "github.com/gosio/gosio/core"
)

// Logins that a reload of the page survives on any server of a cluster. The example is
// compiled and not run: it needs a Redis.
func ExampleNew() {
	client := redis.NewClient(&redis.Options{Addr: "redis:6379"})
	defer client.Close()
	srv := socketio.NewServer(nil)
	defer srv.Close()
	admin.Instrument(srv, admin.Options{
		Users:    map[string]string{"ops": "$2a$04$t3B06mjCcVDkOVxDgy2J5eLQbuKzELSRnTDZi6C7Xmx3tUzbXgYLa"},
		Sessions: adminredis.New(client, adminredis.Options{}),
	})
}
