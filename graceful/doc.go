// Package graceful serves an app with sockets until the process is told to end, and
// ends it then: in the right order, in bounded time, and without a storm on the
// servers that its clients go to.
//
//	srv := socketio.NewServer(nil)
//	service := graceful.New(srv, nil)
//	mux := http.NewServeMux()
//	mux.Handle("/socket.io/", srv)
//	mux.HandleFunc("GET /healthz", service.Healthz)
//	mux.HandleFunc("GET /readyz", service.Readyz)
//	err := service.ListenAndServe(ctx, &http.Server{Addr: ":3000", Handler: mux})
//
// It ends at SIGTERM, at SIGINT, and when ctx ends:
//
//  1. Readyz answers 503. All else works as before for Options.Delay, in which load
//     balancers hear of it.
//  2. New connections are refused with 503, Retry-After and Connection: close. Open
//     ones are ended one after another, each after what is queued for it is sent, as
//     Options.ShutdownSpread of the server says. Handlers finish, sessions are saved
//     where the adapter keeps them, and the adapter leaves the cluster.
//  3. The HTTP server finishes its requests and ends.
//  4. Serve returns at the latest when Options.Timeout has passed since the signal.
//     A further signal, half a second after the first or
//     later, ends all within a second: a terminal's Ctrl-C and a parent process may
//     both signal the first time.
//
// Gin, Chi and Echo are handlers of an http.Server. With certificates call
// [Service.ListenAndServeTLS]; for others see [AppFunc].
package graceful
