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
	commands := rueidis.Commands{
		c.B().Xread().Count(int64(t.count)).Block(lookEvery.Milliseconds()).Streams().Key(t.key).Id(t.at).Build(),
	}
	if t.anchor != "" {
		commands = append(commands, c.B().Xrange().Key(t.key).Start(t.anchor).End(t.anchor).Count(1).Build())
	}
	results := c.DoMulti(ctx, commands...)
	entries, err := readEntries(results[0], t.key)
	if err != nil {
		t.count = max(1, t.count/8)
		return err
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
	bytes := 0
	for i := range entries {
		bytes += t.one(&entries[i])
	}
	if bytes > 0 { // as many next time as have readBytes, if they are like these
		t.count = max(1, min(readCount, 4*t.count, readBytes*len(entries)/bytes))
	}
	return nil
}

// one hands over one entry as Redis gives it, and returns its size.
func (t *tail) one(x *rueidis.XRangeSlice) (size int) {
	e, err := clusterwire.ReadEntry(len(x.FieldValues), func(i int) (name, value string) {
		size += len(x.FieldValues[i].Value)
		return x.FieldValues[i].Field, x.FieldValues[i].Value
	})
	t.l.in.received.Add(1)
	t.handOver(x.ID, &e, err)
	t.newest = x.ID
	// The anchor is read again with each batch.
	if t.anchored++; size <= smallEntry || t.anchor == "" || t.anchored > min(1000, t.l.opts.Stream.MaxLen/4) {
		t.anchor, t.anchored = x.ID, 0
	}
	return size
}

// adrift is called when the anchor is gone: what was behind it may be, too.
func (t *tail) adrift(c rueidis.DedicatedClient, entries []rueidis.XRangeSlice) error {
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
		t.lost(predecessor(entries[0].ID), errTrimmed)
	case adapter.ComparePositions(now.last, t.at) > 0:
		t.lost(now.last, errTrimmed)
	}
	return nil
}

// readEntries reads the answer to XREAD. There may be nothing new.
func readEntries(r rueidis.RedisResult, key string) ([]rueidis.XRangeSlice, error) {
	all, err := r.AsXReadSlices()
	if rueidis.IsRedisNil(err) {
		return nil, nil
	}
	return all[key], err
}
