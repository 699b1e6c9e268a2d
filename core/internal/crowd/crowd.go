// Package crowd says what gives way when more is kept for clients than may be: the oldest
// member of the address that has most. So a client that makes very many sessions pushes
// out only sessions of its own address.
package crowd

import "container/heap"

// Crowd has members, each with an address and a size. The zero value is empty. Methods
// must not be called concurrently. Each takes time that grows with the logarithm of the
// number of addresses.
type Crowd[V any] struct {
	byAddress map[string]*group[V]
	order     groups[V]
	size      int64
	joined    uint64
}

// Member is a place in a Crowd.
type Member[V any] struct {
	Value V

	size           int64
	joined         uint64 // counts up
	group          *group[V]
	older, younger *Member[V]
}

// group has the members of an address.
type group[V any] struct {
	address          string
	size             int64
	oldest, youngest *Member[V]
	place            int // in order
}

// Size is the sum of the sizes of all members.
func (c *Crowd[V]) Size() int64 { return c.size }

// Add adds a member.
func (c *Crowd[V]) Add(address string, v V, size int64) *Member[V] {
	if c.byAddress == nil {
		c.byAddress = make(map[string]*group[V])
	}
	c.joined++
	m := &Member[V]{Value: v, joined: c.joined}
	g := c.byAddress[address]
	if g == nil {
		g = &group[V]{address: address, oldest: m}
		c.byAddress[address] = g
		heap.Push(&c.order, g)
	} else {
		m.older, g.youngest.younger = g.youngest, m
	}
	m.group, g.youngest = g, m
	c.Resize(m, size)
	return m
}

// Resize says how large a member is now.
func (c *Crowd[V]) Resize(m *Member[V], size int64) {
	n := size - m.size
	m.size = size
	c.size += n
	m.group.size += n
	heap.Fix(&c.order, m.group.place)
}

// Remove removes a member, which must be in the Crowd.
func (c *Crowd[V]) Remove(m *Member[V]) {
	g := m.group
	c.size -= m.size
	g.size -= m.size
	if g.oldest == g.youngest {
		heap.Remove(&c.order, g.place)
		delete(c.byAddress, g.address)
		return
	}
	if m.older != nil {
		m.older.younger = m.younger
	} else {
		g.oldest = m.younger
	}
	if m.younger != nil {
		m.younger.older = m.older
	} else {
		g.youngest = m.older
	}
	heap.Fix(&c.order, g.place)
}

// First returns the member that gives way first: of the address whose members are largest
// together, the oldest one. Of addresses with as much, it is the one with the oldest
// member. It returns nil if there is none.
func (c *Crowd[V]) First() *Member[V] {
	if len(c.order) == 0 {
		return nil
	}
	return c.order[0].oldest
}

// groups are a heap, of which the first gives way first.
type groups[V any] []*group[V]

func (gs groups[V]) Len() int { return len(gs) }

func (gs groups[V]) Less(i, j int) bool {
	if gs[i].size != gs[j].size {
		return gs[i].size > gs[j].size
	}
	return gs[i].oldest.joined < gs[j].oldest.joined
}

func (gs groups[V]) Swap(i, j int) {
	gs[i], gs[j] = gs[j], gs[i]
	gs[i].place, gs[j].place = i, j
}

func (gs *groups[V]) Push(v any) {
	g := v.(*group[V])
	g.place = len(*gs)
	*gs = append(*gs, g)
}

func (gs *groups[V]) Pop() any {
	last := len(*gs) - 1
	g := (*gs)[last]
	(*gs)[last] = nil
	*gs = (*gs)[:last]
	return g
}
