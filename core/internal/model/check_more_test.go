package model

import (
	"fmt"
	"slices"
)

// handlings checks what clients have sent: handled once, in order, without a hole on one
// connection; all of it where the connection lives, and what was acknowledged anyway.
func (c *checker) handlings() {
	for client := range c.clients {
		times, order := map[int]int{}, []int(nil)
		for _, h := range c.handled {
			if h.client == client {
				times[h.seq]++
				order = append(order, h.seq)
			}
		}
		for seq, n := range times {
			if n > 1 {
				c.all = append(c.all, fmt.Sprintf("event %d of client %d is handled %d times", seq, client, n))
			}
		}
		for _, s := range c.sessions {
			if s.client != client {
				continue
			}
			for _, conn := range s.conns {
				c.handledOn(s, conn, times, order)
			}
		}
	}
}

func (c *checker) handledOn(s *session, conn *connection, times map[int]int, order []int) {
	var own []int
	for _, seq := range order {
		if slices.Contains(conn.sent, seq) {
			own = append(own, seq)
		}
	}
	if !slices.IsSorted(own) {
		c.complain(s, "its events are handled in the order %v", own)
	}
	for _, seq := range conn.acked {
		if times[seq] == 0 {
			c.complain(s, "its event %d is acknowledged, and was not handled", seq)
		}
	}
	for i, seq := range conn.sent {
		lives := s.alive && conn == s.last()
		later := slices.ContainsFunc(conn.sent[i+1:], func(n int) bool { return times[n] > 0 })
		if times[seq] == 0 && (lives || later) {
			c.complain(s, "its event %d is not handled; a later one is: %t", seq, later)
		}
	}
}

// oneOrder checks that all clients of a cluster with a log have got what is in it in one order.
func (c *checker) oneOrder() {
	behind, before := map[int]map[int]bool{}, map[int]int{} // edges, and how many come before
	for _, s := range c.sessions {
		last := 0
		for _, r := range s.got {
			e := c.byNumber[r.n]
			if e == nil || e.kind == volatileAll || e.kind == confirm || e.kind == poll {
				continue
			}
			if last != 0 && !behind[last][r.n] {
				if behind[last] == nil {
					behind[last] = map[int]bool{}
				}
				behind[last][r.n] = true
				before[r.n]++
			}
			last = r.n
		}
	}
	var free []int
	for n := range behind {
		if before[n] == 0 {
			free = append(free, n)
		}
	}
	for len(free) > 0 {
		n := free[0]
		free = free[1:]
		for next := range behind[n] {
			if before[next]--; before[next] == 0 {
				delete(before, next)
				free = append(free, next)
			}
		}
	}
	var left []int
	for n, k := range before {
		if k > 0 {
			left = append(left, n)
		}
	}
	if len(left) > 0 {
		slices.Sort(left)
		c.all = append(c.all, fmt.Sprintf("clients have got these events in different orders: %v", left))
	}
}
