package sioredis

import (
	"context"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/internal/clusterwire"
)

// epochGroup is the consumer group whose position, which nobody reads from, names the
// stream: it goes when the stream does, and is created by one server alone.
const epochGroup = "gosio-epoch"

// epochOf asks for the epoch of the stream. A stream that has none gets one, and what is
// not there becomes a stream.
func (t *tail) epochOf(c rueidis.DedicatedClient) (string, error) {
	ctx, cancel := context.WithTimeout(t.l.life, answerTimeout)
	defer cancel()
	for {
		epoch, err := groupPosition(c.Do(ctx, c.B().XinfoGroups().Key(t.key).Build()))
		if err != nil || epoch != "" {
			return epoch, err
		}
		err = c.Do(ctx, c.B().XgroupCreate().Key(t.key).Group(epochGroup).Id(randomPosition()).Mkstream().Build()).Error()
		if err != nil && !strings.HasPrefix(err.Error(), "BUSYGROUP") {
			return "", err
		}
	}
}

// groupPosition reads the answer to XINFO GROUPS. It is empty if there is no such group.
func groupPosition(r rueidis.RedisResult) (string, error) {
	groups, err := r.ToArray()
	if err != nil && isRefusal(err) && strings.Contains(err.Error(), "no such key") {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	for i := range groups {
		g, err := groups[i].AsMap()
		if err != nil {
			return "", err
		}
		if name := g["name"]; text(&name) == epochGroup {
			position := g["last-delivered-id"]
			return position.ToString()
		}
	}
	return "", nil
}

func text(m *rueidis.RedisMessage) string {
	s, _ := m.ToString()
	return s
}

// setEpoch gives the stream another epoch.
func (t *tail) setEpoch(c rueidis.DedicatedClient) error {
	ctx, cancel := context.WithTimeout(t.l.life, answerTimeout)
	defer cancel()
	return c.Do(ctx, c.B().XgroupSetid().Key(t.key).Group(epochGroup).Id(randomPosition()).Build()).Error()
}

func randomPosition() string {
	return strconv.FormatUint(rand.Uint64(), 10) + "-" + strconv.FormatUint(rand.Uint64(), 10)
}

// ending is where a stream ends.
type ending struct {
	last   string // the newest position that it has had
	end    string // the same, or that of the entry that an empty stream gets
	newest string // the newest entry
}

// end asks for the newest position. An empty stream gets an entry, so that what is lost
// later can be noticed.
func (t *tail) end(c rueidis.DedicatedClient) (now ending, err error) {
	ctx, cancel := context.WithTimeout(t.l.life, answerTimeout)
	defer cancel()
	info, err := c.Do(ctx, c.B().XinfoStream().Key(t.key).Build()).AsMap()
	if err != nil {
		return now, err
	}
	id, newest := info["last-generated-id"], info["last-entry"]
	if now.last, err = id.ToString(); err != nil {
		return now, err
	}
	now.end = now.last
	if entry, e := newest.ToArray(); e == nil && len(entry) > 0 {
		now.newest = text(&entry[0])
		return now, nil
	}
	e, _ := (&clusterwire.Message{UID: t.l.id, Type: clusterwire.Begin}).Entry() // of nothing
	now.end, err = c.Do(ctx, xadd(c.B(), t.key, strconv.Itoa(t.l.opts.Stream.MaxLen), e.Fields())).ToString()
	now.newest = now.end
	return now, err
}

// vanished reports whether an entry is gone though older ones are there: so it was not
// trimmed, but Redis has come back with less than it had.
func (t *tail) vanished(c rueidis.DedicatedClient, id string) (bool, error) {
	if id == "" {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(t.l.life, answerTimeout)
	defer cancel()
	results := c.DoMulti(ctx,
		c.B().Xrange().Key(t.key).Start(id).End(id).Count(1).Build(),
		c.B().Xrange().Key(t.key).Start("-").End("+").Count(1).Build(),
	)
	there, err := results[0].ToArray()
	if err != nil || len(there) > 0 {
		return false, err
	}
	oldest, err := results[1].AsXRangeSlices()
	return err == nil && len(oldest) > 0 && adapter.ComparePositions(oldest[0].ID, id) < 0, err
}

// xadd is the command that appends an entry.
func xadd(b rueidis.Builder, key, maxLen string, fields []string) rueidis.Completed {
	cmd := b.Xadd().Key(key).Maxlen().Almost().Threshold(maxLen).Id("*").FieldValue()
	for i := 0; i < len(fields); i += 2 {
		cmd = cmd.FieldValue(fields[i], fields[i+1])
	}
	return cmd.Build()
}

// predecessor is the newest position before one.
func predecessor(id string) string {
	ms, seq, _ := strings.Cut(id, "-")
	m, _ := strconv.ParseUint(ms, 10, 64)
	s, _ := strconv.ParseUint(seq, 10, 64)
	switch {
	case s > 0:
		s--
	case m > 0:
		m, s = m-1, 1<<64-1
	}
	return strconv.FormatUint(m, 10) + "-" + strconv.FormatUint(s, 10)
}

// isPosition reports whether Redis takes a text for the id of an entry.
func isPosition(p string) bool {
	ms, seq, _ := strings.Cut(p, "-")
	_, err1 := strconv.ParseUint(ms, 10, 64)
	_, err2 := strconv.ParseUint(seq, 10, 64)
	return err1 == nil && err2 == nil && adapter.ValidPosition(p)
}
