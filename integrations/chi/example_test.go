package siochi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/go-chi/chi/v5"

	socketio "github.com/gosio/gosio/core"
	siochi "github.com/gosio/gosio/integrations/chi"
)

func Example() {
	srv := socketio.NewServer(nil)
	srv.OnConnect(func(s *socketio.Socket) {
		_ = s.Join("org:" + siochi.Param(s, "org"))
	})
	srv.On("add", func(a, b int) int { return a + b }) // the result is the acknowledgement

	r := chi.NewRouter()
	r.Route("/orgs/{org}", func(r chi.Router) {
		siochi.Mount(r, srv) // clients: io("https://…", { path: "/orgs/7/socket.io" })
	})
	r.Post("/orders", func(w http.ResponseWriter, _ *http.Request) {
		_ = srv.To("org:7").Emit("order", "created")
		w.WriteHeader(http.StatusAccepted)
	})

	hs := httptest.NewServer(r)
	defer hs.Close()
	defer srv.Close() // before the HTTP server, which would wait for polls

	resp, err := http.Get(hs.URL + "/orgs/7/socket.io/?EIO=4&transport=polling")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status, srv.Connections())
	// Output: 200 OK 1
}
