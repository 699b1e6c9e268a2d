package adapter

import "time"

// Meter is an [Adapter] that has numbers of what it is connected to. They are of the
// server, and the same for each of its namespaces.
type Meter interface {
	// Stats does not wait for the network.
	Stats() Stats
}

// Stats are counters since the adapter was made, and numbers of the moment.
type Stats struct {
	// Connected: operations go out and come in. Ready: all of them, too; otherwise the
	// engine refuses something that the server needs.
	Connected, Ready bool
	Published        uint64 // messages that the engine has taken
	Received         uint64 // messages that have come, also those that are dropped
	Dropped          uint64 // messages that cannot be read, or are not to be believed
	Lost             uint64 // operations of this server that the engine has not taken
	Outages          uint64 // how often a connection was lost
	Queued           int    // messages that wait for the engine
	Waiting          int    // their bytes
	Subscriptions    int    // channels and patterns
	// RoundTrip is how long the engine took for its last answer; zero: there was none.
	RoundTrip time.Duration
}
