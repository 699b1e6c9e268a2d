// Package compress compresses what is sent: responses to polls as their clients accept
// it, and WebSocket messages by permessage-deflate (RFC 7692).
package compress

import "runtime"

// Parallel is how many goroutines compress at a time: as many as there are CPUs, as
// nothing else holds the work up. Each compressor takes 100s of KB.
var Parallel = runtime.GOMAXPROCS(0)

var compressing = make(chan struct{}, Parallel)

// Acquire waits until the caller may compress. Release must follow.
func Acquire() { compressing <- struct{}{} }

// Release ends what Acquire began.
func Release() { <-compressing }
