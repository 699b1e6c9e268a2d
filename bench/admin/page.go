package main

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// inspectorNamespace is how packets of the inspector's page begin.
const inspectorNamespace = "/inspector,"

// What the page has got.
var (
	open     atomic.Bool     // it is there
	received atomic.Int64    // bytes
	firsts   []time.Duration // until the first list is there, from the moment the page connects
	lists    []time.Duration // until another one is
	seconds  float64         // for which the page was open
)

// watch is the page of the inspector with somebody who looks through the sockets: a list of
// them each second, the overview each five, and now and then rooms, events and handlers. It
// returns when the first list is there, and goes on until ctx ends.
func watch(ctx context.Context, address string, during time.Duration) error {
	at := time.Now()
	answers := make(chan struct{}, 1)
	ws, err := dial(ctx, address, inspectorNamespace, answers)
	if err != nil {
		return err
	}
	ask := func(question string) (took time.Duration) {
		at := time.Now()
		_ = ws.Write(ctx, websocket.MessageText, []byte("42"+inspectorNamespace+"1"+question))
		select {
		case <-answers:
		case <-ctx.Done():
		}
		return time.Since(at)
	}
	ask(`["sockets",{"limit":100}]`)
	firsts = append(firsts, time.Since(at))
	seconds += during.Seconds()
	go func() { // ends with ctx
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		others := []string{`["overview",{"since":0}]`, `["rooms",{"limit":100}]`, `["traces",{"limit":100}]`, `["handlers",{}]`}
		for n := 0; ctx.Err() == nil; n++ {
			took := ask(`["sockets",{"limit":100}]`)
			if ctx.Err() == nil {
				lists = append(lists, took)
			}
			if n%5 == 0 {
				ask(fmt.Sprintf(`["overview",{"since":%d}]`, time.Now().Add(-6*time.Second).UnixMilli()))
			}
			if n%5 == 2 {
				ask(others[n/5%len(others)])
			}
			<-tick.C
		}
	}()
	return nil
}

// pester are viewers who ask for what costs most, each the next time when the answer is
// there, until ctx ends.
func pester(ctx context.Context, address string) error {
	questions := []string{
		`["sockets",{"identity":"nobody","limit":200}]`, `["rooms",{"name":"nothing"}]`, `["handlers",{}]`, `["traces",{"limit":100}]`,
		`["record",{"id":"0123456789","namespace":"/","room":"nothing","seconds":300}]`, `["recorded",{"id":"0123456789"}]`, `["overview",{"since":0}]`,
	}
	for n := range 8 {
		answers := make(chan struct{}, 1)
		ws, err := dial(ctx, address, inspectorNamespace, answers)
		if err != nil {
			return err
		}
		go func() { // ends with ctx
			for i := n; ctx.Err() == nil; i++ {
				_ = ws.Write(ctx, websocket.MessageText, []byte("42"+inspectorNamespace+"1"+questions[i%len(questions)]))
				select {
				case <-answers:
				case <-ctx.Done():
				}
			}
		}()
	}
	return nil
}

// replace ends some of the crowd each second, and connects as many, until ctx ends.
func replace(ctx context.Context, address string, crowd []*websocket.Conn) {
	if *churn <= 0 {
		return
	}
	tick := time.NewTicker(time.Second / time.Duration(*churn))
	defer tick.Stop()
	for i := 0; ; i = (i + 1) % len(crowd) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		_ = crowd[i].CloseNow()
		ws, err := dial(ctx, address, "", nil)
		if err != nil {
			return // the measurement ends, or fails by itself
		}
		crowd[i] = ws
	}
}

// report prints what the page has got.
func report() {
	if len(firsts) == 0 || len(lists) == 0 {
		return
	}
	slices.Sort(lists)
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	fmt.Printf("\nThe page had its first list after %.0f ms at most, others after %.0f ms (p50) and %.0f ms at most, and got %.0f KB a second.\n",
		ms(slices.Max(firsts)), ms(lists[len(lists)/2]), ms(lists[len(lists)-1]), float64(received.Load())/seconds/1024)
}
