module github.com/gosio/gosio/bench

go 1.25.0

replace github.com/gosio/gosio => ../

require (
	github.com/coder/websocket v1.8.15
	github.com/gosio/gosio v0.0.0-00010101000000-000000000000
	github.com/lxzan/gws v1.8.9
)

require (
	github.com/dolthub/maphash v0.1.0 // indirect
	github.com/klauspost/compress v1.18.0 // indirect
)
