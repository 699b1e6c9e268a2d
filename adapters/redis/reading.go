package sioredis

import (
	"context"

	"github.com/redis/rueidis"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/internal/clusterwire"
)

// read waits for entries, and hands them over.
func (t *tail) read(c rueidis.DedicatedClient) error {
	wait := answerTimeout
	if t.count == 1 {
		wait = largeTimeout
	}
	ctx, cancel := context.WithTimeout(t.l.life, lookEvery+wait)
	defer cancel()
	commands, own := make(rueidis.Commands, 1, 2), t.l.stream.out.ahead(t.epoch, t.at)
	if own == t.absent {
		own = "" // so nothing is asked for again and again
	}
	if own == "" {
		commands[0] = c.B().Xread().Count(int64(t.count)).Block(lookEvery.Milliseconds()).Streams().Key(t.key).Id(t.at).Build()
	} else {
		commands[0] = c.B().Xrange().Key(t.key).Start("(" + t.at).End(own).Count(int64(t.count)).Build()
	}
	if t.anchor != "" {
		commands = append(commands, c.B().Xrange().Key(t.key).Start(t.anchor).End(t.anchor).Count(1).Build())
	}
	results := c.DoMulti(ctx, commands...)
	entries, err := readEntries(results[0], t.key, own != "")
	if err != nil {
		t.count = max(1, t.count/8)
		return err
	}
	if own != "" && len(entries) == 0 { // trimmed: what is behind it may be there
		t.absent = own
		return nil
	}
	if t.anchor != "" {
		there, err := results[1].ToArray()
		if err != nil {
			return err
		}
		if len(there) == 0 {
			if err := t.adrift(c, entries); err != nil {
				return err
			}
		}
	}
	if own != "" && len(entries) < t.count {
		t.absent = own // unless it is among these, and not ahead any more
	}
	bytes := 0
	for i := range entries {
		size, err := t.one(&entries[i], own)
		if err != nil {
			return err
		}
		bytes += size
	}
	if bytes > 0 { // as many next time as have readBytes, if they are like these
		t.count = max(1, min(readCount, 4*t.count, readBytes*len(entries)/bytes))
	}
	return nil
}

// one hands over one entry as Redis gives it, and returns its size. own is the id of one of
// this server.
func (t *tail) one(x *rueidis.RedisMessage, own string) (size int, err error) {
	id, fields, err := parts(x)
	if err != nil {
		return 0, err
	}
	e, err := clusterwire.ReadEntry(len(fields)/2, func(i int) (name, value string) {
		name, value = text(&fields[2*i]), text(&fields[2*i+1])
		size += len(value)
		return name, value
	})
	t.l.in.received.Add(1)
	if id == own {
		t.own = t.l.stream.out.together(t.own, t.epoch, id)
	}
	t.handOver(id, &e, err)
	t.passed(id, size)
	t.pass()
	return size, nil
}

// passed notes an entry that is handed over, and was there.
func (t *tail) passed(id string, size int) {
	t.newest = id
	// The anchor is read again with each batch.
	if t.anchored++; size <= smallEntry || t.anchor == "" || t.anchored > min(1000, t.l.opts.Stream.MaxLen/4) {
		t.anchor, t.anchored = id, 0
	}
}

// parts are the id of an entry, and its names and values in turn.
func parts(x *rueidis.RedisMessage) (id string, fields []rueidis.RedisMessage, err error) {
	both, err := x.ToArray()
	if err == nil && len(both) != 2 {
		err = errEntry
	}
	if err != nil {
		return "", nil, err
	}
	if id, err = both[0].ToString(); err != nil {
		return "", nil, err
	}
	if fields, err = both[1].ToArray(); rueidis.IsRedisNil(err) { // it was deleted
		err = nil
	}
	return id, fields, err
}

// adrift is called when the anchor is gone: what was behind it may be, too.
func (t *tail) adrift(c rueidis.DedicatedClient, entries []rueidis.RedisMessage) error {
	anchor := t.anchor
	t.anchor, t.anchored = "", 0
	epoch, err := t.epochOf(c)
	if err != nil {
		return err
	}
	now, err := t.end(c)
	if err != nil {
		return err
	}
	gone, err := t.vanished(c, anchor)
	switch {
	case err != nil:
		return err
	case epoch != t.epoch:
		t.change(epoch, now)
	case gone:
		return t.anew(c)
	case len(entries) > 0:
		first, _, err := parts(&entries[0])
		if err != nil {
			return err
		}
		t.lost(predecessor(first), errTrimmed)
	case adapter.ComparePositions(now.last, t.at) > 0:
		t.lost(now.last, errTrimmed)
	}
	return nil
}

// readEntries reads the answer to XRANGE, a list of entries, or to XREAD for one stream: a
// map or, of a Redis that speaks RESP2, a list with its name and its entries. There may be
// nothing new.
func readEntries(r rueidis.RedisResult, key string, ranged bool) ([]rueidis.RedisMessage, error) {
	m, err := r.ToMessage()
	if rueidis.IsRedisNil(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if ranged {
		return m.ToArray()
	}
	if m.IsMap() {
		all, err := m.ToMap()
		if err != nil {
			return nil, err
		}
		entries := all[key]
		return entries.ToArray()
	}
	all, err := m.ToArray()
	if err != nil || len(all) == 0 {
		return nil, err
	}
	pair, err := all[0].ToArray()
	if err == nil && len(pair) != 2 {
		err = errEntry
	}
	if err != nil {
		return nil, err
	}
	return pair[1].ToArray()
}
