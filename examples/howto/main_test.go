package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/examples/parts/check"
)

func TestMain(m *testing.M) { check.Main(m) }

// serve returns the routes of all examples, and who may dial them by name.
func serve(t *testing.T, folder string) (http.Handler, func(namespace, name string) *siotest.Client) {
	t.Helper()
	dir := root(t, folder)
	srv := socketio.NewServer(nil)
	t.Cleanup(srv.Close)
	mux := routes(srv, dir)
	return mux, func(namespace, name string) *siotest.Client {
		t.Helper()
		return siotest.Dial(t, mux, siotest.Options{Namespace: namespace, Auth: map[string]string{"name": name}})
	}
}

func root(t *testing.T, folder string) *os.Root {
	t.Helper()
	dir, err := os.OpenRoot(folder)
	check.NoError(t, err)
	t.Cleanup(func() { check.NoError(t, dir.Close()) })
	return dir
}

// inBubble runs a test in virtual time, with a server that ends in there.
func inBubble(t *testing.T, f func(t *testing.T, dial func(namespace, name string) *siotest.Client)) {
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		_, dial := serve(t, folder)
		f(t, dial)
	})
}

// TestRun: the program serves, and ends when it is told to.
func TestRun(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, l) }()
	response, err := http.Get("http://" + l.Addr().String())
	check.NoError(t, err)
	check.NoError(t, response.Body.Close())
	check.Equal(t, "status", response.StatusCode, http.StatusOK)
	stop()
	check.NoError(t, <-ended)
}

func TestOnline(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, dial func(namespace, name string) *siotest.Client) {
		ada := dial("/online", "ada")
		expect := func(event, name string) {
			t.Helper()
			var who string
			ada.Expect(event, &who)
			check.Equal(t, event, who, name)
		}
		expect("online", "ada")
		phone, tab := dial("/online", "bob"), dial("/online", "bob")
		expect("online", "bob") // once
		check.Equal(t, "who", ada.Call("who").String(), `[["ada","bob"]]`)
		phone.Disconnect()
		ada.ExpectNone(time.Minute) // the tab is still there
		tab.Disconnect()
		ada.ExpectNone(2 * time.Second)
		tab = dial("/online", "bob") // a reload
		expect("online", "bob")
		ada.ExpectNone(time.Minute)
		tab.Disconnect()
		expect("offline", "bob")
		check.Equal(t, "who is left", ada.Call("who").String(), `[["ada"]]`)
	})
}

func TestTyping(t *testing.T) {
	t.Parallel()
	_, dial := serve(t, t.TempDir())
	ada, bob := dial("/typing", "ada"), dial("/typing", "bob")
	ada.Call("join", "tea")
	check.Equal(t, "outside", bob.Call("typing", "tea", true).Failure().Code, socketio.CodeForbidden)
	bob.Call("join", "tea")
	bob.Emit("typing", "tea", true)
	check.Equal(t, "typing", ada.Expect("typing").String(), `["typing","tea","bob",true]`)
}

func TestNotices(t *testing.T) {
	t.Parallel()
	h, dial := serve(t, t.TempDir())
	app := siotest.HTTP(t, h, siotest.Options{})
	post := func(n notice) (devices int) {
		t.Helper()
		body, _ := json.Marshal(n) // texts only
		res, err := app.Post("http://server.test/notices", "application/json", bytes.NewReader(body))
		check.NoError(t, err)
		defer func() { _ = res.Body.Close() }()
		var answer struct{ Devices int }
		if res.StatusCode == http.StatusOK {
			check.NoError(t, json.NewDecoder(res.Body).Decode(&answer))
			return answer.Devices
		}
		return -1
	}
	check.Equal(t, "nobody", post(notice{ID: "1", User: "ada"}), 0)
	check.Equal(t, "no user", post(notice{ID: "1"}), -1)
	laptop, phone := dial("/notices", "ada"), dial("/notices", "ada")
	for _, c := range []*siotest.Client{laptop, phone} {
		c.On("notice", func(m *siotest.Message) { m.Ack() })
	}
	check.Equal(t, "both", post(notice{ID: "2", User: "ada", Text: "tea is ready"}), 2)
	phone.Call("read", "2")
	var read string
	laptop.Expect("read", &read)
	check.Equal(t, "read", read, "2")
}

// TestSilentDevice: a device that does not answer is not waited for for ever, and
// does not count.
func TestSilentDevice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := socketio.NewServer(nil)
		defer srv.Close()
		ns := srv.Of("/notices")
		ns.UseFunc(signIn)
		notices(ns)
		ada := siotest.Dial(t, srv, siotest.Options{Namespace: "/notices", Auth: map[string]string{"name": "ada"}})
		start := time.Now()
		check.Equal(t, "devices", tell(t.Context(), ns, notice{ID: "1", User: "ada"}), 0)
		check.Equal(t, "took", time.Since(start), 2*time.Second)
		ada.Expect("notice")
	})
}

// docs:limits
func TestLimits(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, dial func(namespace, name string) *siotest.Client) {
		ada := dial("/limits", "ada")
		for range 5 {
			check.Equal(t, "said", ada.Call("say", "hello").String(), "[]")
		}
		check.Equal(t, "too often", ada.Call("say", "hello").Failure().Code, socketio.CodeRateLimited)
		check.Equal(t, "on another device", dial("/limits", "ada").Call("say", "hello").Failure().Code, socketio.CodeRateLimited)
		time.Sleep(time.Second)
		check.Equal(t, "a second later", ada.Call("say", "hello").String(), "[]")
		bob := dial("/limits", "bob")
		for range 10 {
			ada.Emit("typing")
		}
		for range 4 { // as many as the limit allows at once
			bob.Expect("typing")
		}
		bob.ExpectNone(time.Minute)
	})
}

// docs:files
func TestFiles(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	_, dial := serve(t, folder)
	ada := dial("/files", "ada")
	data := bytes.Repeat([]byte("0123456789"), 20_000)
	check.Equal(t, "begin", ada.Call("upload", "tea.txt", len(data)).String(), "[]")
	for at := 0; at < len(data); {
		var got int
		ada.Call("part", data[at:min(at+64<<10, len(data))]).Decode(&got)
		check.True(t, "progress", got > at)
		at = got
	}
	stored, err := os.ReadFile(folder + "/tea.txt")
	check.NoError(t, err)
	check.True(t, "stored", bytes.Equal(stored, data))
	for name, m := range map[string]*siotest.Message{
		"out of the folder": ada.Call("upload", "../tea.txt", 1),
		"the same name":     ada.Call("upload", "tea.txt", 1),
		"empty":             ada.Call("upload", "nothing.txt", 0),
		"no upload":         ada.Call("part", []byte("x")),
		"no file":           ada.Call("download", "no.txt"),
		"outside":           ada.Call("download", "../../etc/passwd"),
	} {
		check.True(t, name, m.Failure() != nil && m.Failure().Code == socketio.CodeBadRequest)
	}

	done := ada.EmitWithAck("download", "tea.txt")
	var got []byte
	for len(got) < len(data) {
		var name string
		var p []byte
		ada.Expect("part", &name, &p)
		got = append(got, p...)
	}
	var size int
	ada.ExpectAck(done, &size)
	check.True(t, "downloaded", bytes.Equal(got, data) && size == len(data))
}

// TestUploadThatBreaksOff: nothing is left of a file that has not arrived whole.
func TestUploadThatBreaksOff(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	srv := socketio.NewServer(nil)
	defer srv.Close()
	routes(srv, root(t, folder))
	gone := make(chan struct{})
	srv.Of("/files").OnDisconnect(func(*socketio.Socket, socketio.Reason) { close(gone) }) // behind the example's
	ada := siotest.Dial(t, srv, siotest.Options{Namespace: "/files", Auth: map[string]string{"name": "ada"}})
	ada.Call("upload", "half.txt", 100)
	ada.Call("part", make([]byte, 50))
	ada.Cut()
	<-gone
	left, err := os.ReadDir(folder)
	check.NoError(t, err)
	check.Equal(t, "files", len(left), 0)
}

func TestPrivate(t *testing.T) {
	t.Parallel()
	_, dial := serve(t, t.TempDir())
	laptop, phone, bob, eve := dial("/private", "ada"), dial("/private", "ada"), dial("/private", "bob"), dial("/private", "eve")
	var sent mail
	laptop.Call("say", "bob", "hi").Decode(&sent)
	for _, c := range []*siotest.Client{phone, bob} {
		var m mail
		c.Expect("mail", &m)
		check.Equal(t, "mail", m, sent)
	}
	check.True(t, "empty", bob.Call("say", "ada", "").Failure() != nil)
	var history []mail
	bob.Call("history", "ada").Decode(&history)
	check.Equal(t, "history", len(history), 1)
	eve.Call("history", "ada").Decode(&history) // nothing came before it
	check.Equal(t, "eve's", len(history), 0)
}

func TestJobs(t *testing.T) {
	t.Parallel()
	srv := socketio.NewServer(nil)
	defer srv.Close()
	ns := srv.Of("/jobs")
	ns.UseFunc(signIn)
	next := make(chan error) // a step, or the end
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	mux.Handle("POST /jobs", jobs(srv.Context(), ns, func(ctx context.Context, step func(int)) error {
		for percent := 20; ; percent += 20 {
			select {
			case err := <-next:
				if err != nil || percent > 60 {
					return err
				}
				step(percent)
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	}))
	begin := func() (p progress) {
		res, err := siotest.HTTP(t, mux, siotest.Options{}).Post("http://server.test/jobs", "application/x-www-form-urlencoded", strings.NewReader("user=ada"))
		check.NoError(t, err)
		defer func() { _ = res.Body.Close() }()
		check.NoError(t, json.NewDecoder(res.Body).Decode(&p))
		return p
	}
	dial := func(name string) *siotest.Client {
		return siotest.Dial(t, mux, siotest.Options{Namespace: "/jobs", Auth: map[string]string{"name": name}})
	}
	ada := dial("ada")
	expect := func(want progress) {
		t.Helper()
		var p progress
		ada.Expect("progress", &p)
		check.Equal(t, "progress", p, want)
	}

	p := begin()
	check.Equal(t, "another's", dial("bob").Call("watch", p.ID).Failure().Code, socketio.CodeForbidden)
	var now progress
	ada.Call("watch", p.ID).Decode(&now)
	check.Equal(t, "at first", now, progress{ID: p.ID})
	next <- nil
	expect(progress{ID: p.ID, Done: 20})
	next <- nil
	expect(progress{ID: p.ID, Done: 40})
	dial("ada").Call("watch", p.ID).Decode(&now)
	check.Equal(t, "who comes later", now, progress{ID: p.ID, Done: 40})
	next <- nil
	expect(progress{ID: p.ID, Done: 60})
	next <- nil
	expect(progress{ID: p.ID, Done: 100})

	p = begin()
	ada.Call("watch", p.ID)
	next <- errors.New("out of paper")
	expect(progress{ID: p.ID, Error: "the job has failed"})
}

// TestWork: the job of the example takes two seconds, and ends with its context.
func TestWork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		last, start := 0, time.Now()
		check.NoError(t, work(t.Context(), func(percent int) { last = percent }))
		check.Equal(t, "percent", last, 100)
		check.Equal(t, "took", time.Since(start), 2*time.Second)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		check.True(t, "cancelled", work(ctx, func(int) {}) != nil)
	})
}
