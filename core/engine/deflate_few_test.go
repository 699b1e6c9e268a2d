//go:build !e2e

package engine_test

const autobahnBytes, autobahnLeast = 1 << 10, 1
