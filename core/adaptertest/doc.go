// Package adaptertest is for those who write a socketio.Adapter, and for tests
// of applications that run on several servers.
//
// [Run] is the contract of an adapter as tests. [Cluster] is several servers in
// one process, whose operations travel as bytes:
//
//	func TestOnTwoServers(t *testing.T) {
//		servers := adaptertest.Cluster(t, 2, nil)
//		alice := siotest.Dial(t, servers[0], siotest.Options{})
//		bob := siotest.Dial(t, servers[1], siotest.Options{})
//		…
//	}
package adaptertest
