package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// memory is what an idle connection costs.
func (b *bench) memory() error {
	n := scaled(3000)
	fmt.Println("| | resident KB for each connection |\n|---|---|")
	for _, kind := range measured("none", "by room", "by pattern", "sharded", "sharded private", "sharded static", "streams", "node none", "node classic", "node sharded", "node streams") {
		err := with(func(b *bench) error {
			s, err := b.start(kind, 1)
			if err != nil {
				return err
			}
			c, err := dial(context.Background(), s.port, nil)
			if err != nil {
				return err
			}
			before, err := number(c.call("memory"))
			if err != nil {
				return err
			}
			clients, _, err := many(s.port, n, 0)
			if err != nil {
				return err
			}
			time.Sleep(time.Second)
			after, err := number(c.call("memory"))
			closeAll(clients)
			fmt.Printf("| %s | %.2f |\n", kind, float64(after-before)/1024/float64(n))
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// connects is 1,000 clients a second, who come in by WebSocket.
func (b *bench) connects() error {
	n := scaled(4000)
	fmt.Println("| | connected after: p50, ms | p99, ms | CPU of the server, us | of Redis, us |\n|---|---|---|---|---|")
	for _, kind := range measured("none", "by room", "by pattern", "sharded", "sharded private", "streams", "node classic", "node sharded") {
		err := with(func(b *bench) error {
			s, err := b.start(kind, 1)
			if err != nil {
				return err
			}
			warm, _, err := many(s.port, min(n, 200), time.Millisecond)
			if err != nil {
				return err
			}
			closeAll(warm)
			cpu, redis := used(s.pid), used(b.pid)
			clients, took, err := many(s.port, n, time.Millisecond)
			if err != nil {
				return err
			}
			defer closeAll(clients)
			slices.Sort(took)
			fmt.Printf("| %s | %.2f | %.2f | %d | %d |\n", kind, ms(took[n/2]), ms(took[n*99/100]),
				((used(s.pid) - cpu) / time.Duration(n)).Microseconds(), ((used(b.pid) - redis) / time.Duration(n)).Microseconds())
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// nodes is what a message for a room of one server costs all servers, of two and of fifty,
// which share one process.
func (b *bench) nodes() error {
	n := scaled(30_000)
	fmt.Println("| | servers | CPU of all receivers for each message, us | of Redis, us |\n|---|---|---|---|")
	for _, kind := range goKinds {
		for _, count := range []int{2, 50} {
			err := with(func(b *bench) error {
				from, err := b.start(kind, 1)
				if err != nil {
					return err
				}
				rest, err := b.start(kind, count-1)
				if err != nil {
					return err
				}
				a, err := dial(context.Background(), from.port, nil)
				if err != nil {
					return err
				}
				c, err := dial(context.Background(), rest.port, nil)
				if err != nil {
					return err
				}
				if _, err := c.call("join", "room"); err != nil {
					return err
				}
				if _, err := a.call("sync"); err != nil {
					return err
				}
				cpu, redis := used(rest.pid), used(b.pid)
				if _, err := a.call("flood", "room", n, text); err != nil {
					return err
				}
				if _, err := a.call("sync"); err != nil {
					return err
				}
				fmt.Printf("| %s | %d | %s | %s |\n", kind, count, micros((b.settled(rest.pid)-cpu)/time.Duration(n)), micros((used(b.pid)-redis)/time.Duration(n)))
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// many connects clients, one every so often, and says how long each took: the
// WebSocket's handshake: from CONNECT until its answer.
func many(port, n int, every time.Duration) (clients []*client, took []time.Duration, err error) {
	var mu sync.Mutex
	var work sync.WaitGroup
	slots := make(chan struct{}, 64)
	for begin, i := time.Now(), 0; i < n; i++ {
		time.Sleep(time.Until(begin.Add(time.Duration(i) * every)))
		if every == 0 {
			slots <- struct{}{}
		}
		work.Go(func() {
			at := time.Now()
			c, e := dial(context.Background(), port, nil)
			d := time.Since(at)
			if every == 0 {
				<-slots
			}
			mu.Lock()
			defer mu.Unlock()
			if e != nil {
				err = e
				return
			}
			clients, took = append(clients, c), append(took, d)
		})
	}
	work.Wait()
	return clients, took, err
}

func closeAll(clients []*client) {
	for _, c := range clients {
		c.close()
	}
}
