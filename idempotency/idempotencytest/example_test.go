package idempotencytest_test

import (
	"testing"

	"github.com/gosio/gosio/idempotency"
	"github.com/gosio/gosio/idempotency/idempotencytest"
)

// A test of a store of your own is one function. The example is compiled and not run:
// it needs that store.
func ExampleRun() {
	var one, two idempotency.Store // yours: the stores of two servers, with one database
	_ = func(t *testing.T) {       // func TestStore(t *testing.T)
		idempotencytest.Run(t, one, two)
	}
}
