package sioredis

import (
	"context"
	"slices"

	"github.com/redis/rueidis"
)

// command sends one kind of command, for so many names at once, and waits until Redis
// confirms it. Names that Redis refuses are noted, and do not stop others.
func (s *subscriber) command(c rueidis.DedicatedClient, v verb, names []string) (refusal error) {
	commands := s.split(names)
	for len(commands) > 0 {
		some := commands[:1]
		if s.moved != nil { // one for each slot: they are many, and short
			some = commands[:min(len(commands), atOnce)]
		}
		commands = commands[len(some):]
		var doubtful []string // Redis refuses one of them, or more
		for i, err := range s.send(c, v, some) {
			names := some[i]
			switch {
			case err == nil:
				s.accept(names)
			case !isRefusal(err):
				return err
			case len(names) > 1:
				doubtful = append(doubtful, names...)
			default:
				refusal = err
				s.refuse(v, names[0], err)
			}
		}
		for names := range slices.Chunk(doubtful, atOnce) {
			if refusal = s.each(c, v, names, refusal); refusal != nil && !isRefusal(refusal) {
				return refusal
			}
		}
	}
	return refusal
}

// each finds out which of some names Redis refuses: with a command for each, but without a
// round trip for each. refusal is one of before.
func (s *subscriber) each(c rueidis.DedicatedClient, v verb, names []string, refusal error) error {
	for i, err := range s.send(c, v, slices.Collect(slices.Chunk(names, 1))) {
		switch {
		case err == nil:
			s.accept(names[i : i+1])
		case !isRefusal(err):
			return err
		default:
			refusal = err
			s.refuse(v, names[i], err)
		}
	}
	return refusal
}

// split says which names are in one command.
func (s *subscriber) split(names []string) (commands [][]string) {
	if s.moved == nil {
		return slices.Collect(slices.Chunk(names, atOnce))
	}
	var slots []int
	bySlot := make(map[int][]string)
	for _, name := range names {
		k := slot(name)
		if bySlot[k] == nil {
			slots = append(slots, k)
		}
		bySlot[k] = append(bySlot[k], name)
	}
	for _, k := range slots {
		commands = slices.AppendSeq(commands, slices.Chunk(bySlot[k], atOnce))
	}
	return commands
}

// isRefusal reports whether Redis has understood a command, and does not do it.
func isRefusal(err error) bool {
	_, refused := rueidis.IsRedisErr(err)
	return err != nil && refused
}

// send sends one kind of command, for several lists of names.
func (s *subscriber) send(c rueidis.DedicatedClient, v verb, lists [][]string) []error {
	if v == verbUnsubscribe && s.moved != nil {
		defer s.leave(lists)()
	}
	commands := make(rueidis.Commands, len(lists))
	for i, names := range lists {
		switch v {
		case verbSubscribe:
			commands[i] = s.l.dialect.subscribe(c.B(), names)
		case verbUnsubscribe:
			commands[i] = s.l.dialect.unsubscribe(c.B(), names)
		case verbPSubscribe:
			commands[i] = c.B().Psubscribe().Pattern(names...).Build()
		case verbPUnsubscribe:
			commands[i] = c.B().Punsubscribe().Pattern(names...).Build()
		}
	}
	ctx, cancel := context.WithTimeout(s.life, answerTimeout)
	defer cancel()
	errs := make([]error, len(lists))
	for i, r := range c.DoMulti(ctx, commands...) {
		errs[i] = r.Error()
	}
	return errs
}

// leave notes what is unsubscribed from, until it is.
func (s *subscriber) leave(lists [][]string) (done func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaving = make(map[string]struct{})
	for _, names := range lists {
		for _, name := range names {
			s.leaving[name] = struct{}{}
		}
	}
	return func() {
		s.mu.Lock()
		s.leaving = nil
		s.mu.Unlock()
	}
}

// isMove reports whether an error says that a channel has another master, or none now.
func isMove(err error) bool {
	e, ok := rueidis.IsRedisErr(err)
	if !ok {
		return false
	}
	_, moved := e.IsMoved()
	_, ask := e.IsAsk()
	return moved || ask || e.IsClusterDown() || e.IsTryAgain()
}
