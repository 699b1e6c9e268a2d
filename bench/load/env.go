package load

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// Params are the sizes of one load.
type Params struct {
	Warm, Measure time.Duration // of a load that runs for a time
	Idle          int           // connections that rest
	Connects      int           // connections made and counted
	Divide        int           // every size of a room is divided by it
	Settle        time.Duration // how long memory may take to settle
	Patience      time.Duration // how long an answer may take
}

// Levels are the sizes for a full run, the two-minute run and the shortest
// one, which only checks.
var Levels = map[string]Params{
	"full":     {Warm: 1500 * time.Millisecond, Measure: 3 * time.Second, Idle: 5000, Connects: 3000, Divide: 1, Settle: 3 * time.Second, Patience: 30 * time.Second},
	"quick":    {Warm: 150 * time.Millisecond, Measure: 400 * time.Millisecond, Idle: 5000, Connects: 500, Divide: 1, Settle: 600 * time.Millisecond, Patience: 20 * time.Second},
	"shortest": {Warm: 20 * time.Millisecond, Measure: 60 * time.Millisecond, Idle: 50, Connects: 50, Divide: 20, Settle: 100 * time.Millisecond, Patience: 20 * time.Second},
}

// Target is the server under load.
type Target struct {
	Address netip.AddrPort
	Kind    Kind
	PID     int    // whose CPU time and memory count
	Debug   string // URL of the server's figures about itself, or ""
	Locks   string // URL of what has waited for its locks, or ""
}

// Result is what one run of a scenario measured: one JSON line.
type Result struct {
	Server   string             `json:"server,omitempty"`
	Scenario string             `json:"scenario"`
	Repeat   int                `json:"repeat"`
	Values   map[string]float64 `json:"values,omitempty"`
	Curve    []float64          `json:"curve,omitempty"` // latency in us at CurvePercents
	Locks    map[string]float64 `json:"locks,omitempty"` // time waited for a lock by who let go of it, in percent of CPUMicros
	Error    string             `json:"error,omitempty"`
}

// The keys of Result.Values.
const (
	CPUMicros  = "cpu_us"     // server CPU time per message, in us
	Rate       = "per_second" // messages per second of wall time
	Count      = "count"      // messages, or connections, that were measured
	RSSKB      = "rss_kb"     // resident memory per connection, in KB of 1024 bytes
	PrivateKB  = "private_kb" // of which pages that no file backs
	Goroutines = "goroutines" // per connection, as the server says
	HeapKB     = "heap_kb"    // live heap per connection, as the server says
	StackKB    = "stack_kb"   // stacks per connection, as the server says
	Retried    = "retried"    // clients that dialled again, for the server did not answer
)

// Run runs a scenario against a target. A message lost, doubled, altered or
// out of order is an error.
func Run(name string, target Target, params Params) (Result, error) {
	scenario, ok := Find(name)
	if !ok {
		return Result{}, fmt.Errorf("load: no scenario %q", name)
	}
	loop, err := NewLoop()
	if err != nil {
		return Result{}, err
	}
	defer loop.Close()
	e := &env{
		Params: params, target: target, loop: loop, host: target.Address.String(),
		address: &syscall.SockaddrInet4{Port: int(target.Address.Port()), Addr: target.Address.Addr().As4()},
	}
	result, err := scenario.run(e)
	result.Scenario = name
	if e.retried > 0 && err == nil {
		result.Values[Retried] = float64(e.retried)
	}
	return result, err
}

// env is one run of a scenario.
type env struct {
	Params
	target  Target
	loop    *Loop
	host    string
	address *syscall.SockaddrInet4
	scratch []byte

	retried  int    // clients that had to dial again
	count    uint64 // messages that came back
	stopping bool   // send no more
}

// closed measures a load in which every answer triggers the next message:
// warm-up, measurement, then it waits until pending returns 0 and a little
// longer, so that nothing is lost and nothing comes twice.
func (e *env) closed(start func() error, pending func() uint64) (Result, error) {
	if err := start(); err != nil {
		return Result{}, err
	}
	if err := e.until(e.Warm); err != nil {
		return Result{}, err
	}
	begin, err := e.sample()
	if err != nil {
		return Result{}, err
	}
	if err := e.until(e.Measure); err != nil {
		return Result{}, err
	}
	end, err := e.sample()
	if err != nil {
		return Result{}, err
	}
	e.stopping = true
	if err := e.drain(pending); err != nil {
		return Result{}, err
	}
	return perMessage(begin, end)
}

// until runs the loop for d, or longer if no message came back: a measurement
// has at least one.
func (e *env) until(d time.Duration) error {
	end, before := time.Now().Add(d), e.count
	return e.loop.run(d+e.Patience, func() bool { return e.count > before && !time.Now().Before(end) })
}

func (e *env) drain(pending func() uint64) error {
	if err := e.loop.run(e.Patience, func() bool { return pending() == 0 }); err != nil {
		return fmt.Errorf("%w: %d messages lost", err, pending())
	}
	return e.loop.pause(20 * time.Millisecond)
}

type sample struct {
	at    time.Time
	cpu   time.Duration
	count uint64
	locks map[string]float64 // seconds
}

func (e *env) sample() (sample, error) {
	locks, err := ask(e.target.Locks)
	if err != nil {
		return sample{}, fmt.Errorf("load: locks of the server: %w", err)
	}
	cpu, err := CPUTime(e.target.PID)
	return sample{at: time.Now(), cpu: cpu, count: e.count, locks: locks}, err
}

func perMessage(begin, end sample) (Result, error) {
	n := float64(end.count - begin.count)
	if n == 0 {
		return Result{}, errStalled
	}
	return Result{Values: map[string]float64{
		CPUMicros: float64(end.cpu-begin.cpu) / 1e3 / n,
		Rate:      n / end.at.Sub(begin.at).Seconds(),
		Count:     n,
	}, Locks: waited(begin, end)}, nil
}

// waited is what goroutines of the server waited for locks, in percent of the
// CPU time that it used meanwhile; nil if it did not measure that.
func waited(begin, end sample) map[string]float64 {
	if end.locks == nil {
		return nil
	}
	percent := map[string]float64{}
	for name, seconds := range end.locks {
		if seconds -= begin.locks[name]; seconds > 0 {
			percent[name] = seconds / (end.cpu - begin.cpu).Seconds() * 100
		}
	}
	return percent
}

// ask gets figures that a server tells about itself; nil if url is "".
func ask(url string) (map[string]float64, error) {
	if url == "" {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	figures := map[string]float64{}
	return figures, json.NewDecoder(response.Body).Decode(&figures)
}
