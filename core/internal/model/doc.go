// Package model holds servers to what docs/delivery.md, docs/recovery.md and
// docs/cluster.md promise, by histories: its tests let clients and servers do random
// things at the same time, in virtual time or on real sockets, while connections are cut,
// nodes are killed or do nothing, and the network between nodes is parted. What each
// client has got is then compared with what was meant for it. A seed that fails is
// printed, and made smaller.
//
//	go test -run '^TestModel$' ./core/internal/model -seeds 20000
//	go test -run '^TestModel$' ./core/internal/model -seed 4711
package model
