package main

import (
	"testing"

	"github.com/gosio/gosio/examples/parts/chattest"
	"github.com/gosio/gosio/examples/parts/check"
)

func TestMain(m *testing.M) {
	check.Main(m, // of fasthttp, without an end, or with one that is up to 10 s away
		"github.com/valyala/fasthttp.newCacheManager", // of static
		"github.com/valyala/fasthttp.updateServerDate",
		"github.com/valyala/fasthttp.(*workerPool).Start",
	)
}

func TestApp(t *testing.T) { chattest.Run(t, run) }
