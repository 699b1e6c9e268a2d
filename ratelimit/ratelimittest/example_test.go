package ratelimittest_test

import (
	"testing"

	"github.com/gosio/gosio/ratelimit"
	"github.com/gosio/gosio/ratelimit/ratelimittest"
)

// A test of a store of your own is one function. The example is compiled and not run:
// it needs that store.
func ExampleRun() {
	var one, two ratelimit.Store // yours: the stores of two servers, with one database
	_ = func(t *testing.T) {     // func TestStore(t *testing.T)
		ratelimittest.Run(t, one, two)
	}
}
