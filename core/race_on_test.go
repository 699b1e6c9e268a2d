//go:build race

package socketio_test

// raceDetector says whether the tests run with it: sync.Pool then drops some of
// what it is given.
const raceDetector = true
