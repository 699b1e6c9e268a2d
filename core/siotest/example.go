package siotest

import (
	"fmt"
	"os"
	"runtime"
	"testing"
)

// Example runs f where there is no *testing.T, as in testable examples. What
// fails is printed to the standard output, and t.Fatal ends f. It returns when
// what f has left to t.Cleanup is done.
func Example(f func(t testing.TB)) {
	t := &outside{}
	done := make(chan struct{})
	go func() { // ends with f
		defer close(done)
		defer t.end()
		f(t)
	}()
	<-done
}

// outside is the part of a testing.TB that this package uses.
type outside struct {
	testing.TB
	cleanup []func()
}

func (o *outside) Helper()         {}
func (o *outside) Name() string    { return "example" }
func (o *outside) Log(args ...any) { _, _ = fmt.Fprintln(os.Stdout, args...) }
func (o *outside) Logf(format string, args ...any) {
	_, _ = fmt.Fprintf(os.Stdout, format+"\n", args...)
}
func (o *outside) Cleanup(f func())             { o.cleanup = append(o.cleanup, f) }
func (o *outside) Error(args ...any)            { o.Log(args...) }
func (o *outside) Errorf(f string, args ...any) { o.Logf(f, args...) }

func (o *outside) Fatal(args ...any) {
	o.Log(args...)
	runtime.Goexit()
}

func (o *outside) Fatalf(format string, args ...any) {
	o.Logf(format, args...)
	runtime.Goexit()
}

func (o *outside) end() {
	for len(o.cleanup) > 0 { // one may add another
		last := len(o.cleanup) - 1
		f := o.cleanup[last]
		o.cleanup = o.cleanup[:last]
		f()
	}
}
