package main

import (
	"testing"

	"github.com/gosio/gosio/examples/internal/chattest"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestApp(t *testing.T) { chattest.RunMembers(t, run) }
