package main

import (
	"context"
	"net"
	"net/http"
	"testing"
)

// TestInspector: it is for this machine alone.
func TestInspector(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- run(ctx, l) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for header, want := range map[string]int{"": http.StatusOK, "192.0.2.1": http.StatusForbidden} {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+l.Addr().String()+"/inspect/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if header != "" {
			r.Header.Set("X-Forwarded-For", header)
		}
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("forwarded for %q: %s, want %d", header, res.Status, want)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
