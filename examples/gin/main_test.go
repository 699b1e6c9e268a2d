package main

import (
	"testing"

	"github.com/gosio/gosio/examples/parts/chattest"
	"github.com/gosio/gosio/examples/parts/check"
)

func TestMain(m *testing.M) { check.Main(m) }

func TestApp(t *testing.T) { chattest.Run(t, run) }
