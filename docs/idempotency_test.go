package docs_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/idempotency"
	idempotencyredis "github.com/gosio/gosio/idempotency/redis"
	"github.com/gosio/gosio/internal/assert"
)

func TestIdempotency(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := socketio.NewServer(nil)
		defer srv.Close()
		placed := 0
		// code: one
		srv.UseEvent(idempotency.New(idempotency.Config{Key: idempotency.Field("key")}))
		// end
		srv.On("order", func(map[string]any) int { placed++; return placed })
		c := dial(t, srv)
		for range 3 {
			assert.Equal(t, "answer", c.Call("order", map[string]string{"key": "a", "item": "tea"}).String(), "[1]")
		}
		c.Call("order", map[string]string{"key": "b", "item": "tea"})
		assert.Equal(t, "placed", placed, 2)
	})
}

func TestIdempotencyOfACluster(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: "localhost:0", MaxRetries: -1, DialerRetries: 1})
	defer client.Close()
	srv := socketio.NewServer(nil)
	defer srv.Close()
	// code: redis
	srv.UseEvent(idempotency.New(idempotency.Config{
		Key:   idempotency.Field("key"),
		Store: idempotencyredis.New(client, idempotencyredis.Options{}),
	}))
	// end
}

// code: postgres
type Postgres struct{ db *sql.DB }

func (p Postgres) Begin(ctx context.Context, id idempotency.ID, token string, lease time.Duration) (idempotency.State, []byte, error) {
	var holder string
	var record []byte
	err := p.db.QueryRowContext(ctx, `
		insert into handled as h (key, token, until) values ($1, $2, now() + $3 * interval '1 millisecond')
		on conflict (key) do update set token = $2, record = null, until = excluded.until
		where h.until <= now() or h.record is null and h.token = $2
		returning token`, id.Key, token, lease.Milliseconds()).Scan(&holder)
	if err == nil {
		return idempotency.StateClaimed, nil, nil
	}
	if !errors.Is(err, sql.ErrNoRows) { // no row: somebody else has it
		return 0, nil, err
	}
	err = p.db.QueryRowContext(ctx, `select record from handled where key = $1`, id.Key).Scan(&record)
	if err != nil || record == nil {
		return idempotency.StateBusy, nil, err
	}
	return idempotency.StateDone, record, nil
}

func (p Postgres) End(ctx context.Context, id idempotency.ID, token string, record []byte, keep time.Duration) error {
	_, err := p.db.ExecContext(ctx, `
		insert into handled as h (key, token, record, until) values ($1, $2, $3, now() + $4 * interval '1 millisecond')
		on conflict (key) do update set record = $3, until = excluded.until
		where h.record is null and h.token = $2`, id.Key, token, record, keep.Milliseconds())
	return err
}

func (p Postgres) Release(ctx context.Context, id idempotency.ID, token string) error {
	_, err := p.db.ExecContext(ctx, `delete from handled where key = $1 and token = $2 and record is null`, id.Key, token)
	return err
}

// end

var _ idempotency.Store = Postgres{}
