//go:build !e2e

package engine_test

const autobahnBytes, autobahnLeast = 2 << 10, 1
