//go:build e2e

package engine_test

const autobahnBytes, autobahnLeast = 256 << 10, 4
