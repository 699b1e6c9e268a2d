package main

import (
	"testing"

	"github.com/gosio/gosio/examples/parts/check"
)

func TestMain(m *testing.M) { check.Main(m) }
