// Command admin measures what the Admin UI and the inspector cost a server: 10,000
// WebSockets rest, 50 more are answered 20 times a second each. The server runs bare, with
// one of them, and with one of them and somebody who looks; each for a while, in turns, and
// the CPU time of its process is printed. It takes seven minutes:
//
//	go run ./admin
//
// With -churn so many of those that rest go in a second, and others come. With -only the
// kinds are measured whose names contain the text; "page" is the inspector's page, open.
// What docs/inspector.md says of 10,000 sockets takes four minutes:
//
//	go run ./admin -churn 200 -busy 10 -each 15s -rounds 2 -only bare,inspector,page,never
//
// With -hold the crowd comes and goes before a server with the inspector, for that long: the
// address of the page is printed, for conformance/admin/many.mjs.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/coder/websocket"

	"github.com/gosio/gosio/admin"
	"github.com/gosio/gosio/bench/load"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/inspector"
)

var (
	resting = flag.Int("resting", 10_000, "WebSockets that rest")
	busy    = flag.Int("busy", 50, "WebSockets that are answered")
	each    = flag.Duration("each", 20*time.Second, "how long one measurement takes")
	rounds  = flag.Int("rounds", 3, "measurements of each kind")
	churn   = flag.Int("churn", 0, "WebSockets that go and come, in a second")
	hold    = flag.Duration("hold", 0, "how long to hold a crowd, and measure nothing")
	only    = flag.String("only", "", "kinds to measure: texts in their names, with commas between them")
)

// kinds are what is measured; the last one searches all sockets twice a second.
const (
	bare            = "bare"
	adminUI         = "Admin UI, production mode"
	adminViewed     = "Admin UI, production mode, with a viewer"
	inspected       = "inspector"
	inspectorViewed = "inspector, with a viewer who searches"
	inspectorPage   = "inspector, with its page open" // see watch
	inspectorPested = "inspector, with eight viewers who never stop asking"
)

var kinds = []string{bare, adminUI, adminViewed, inspected, inspectorViewed, inspectorPage, inspectorPested}

// chosen are the kinds that -only names.
func chosen() (list []string) {
	for _, kind := range kinds {
		for name := range strings.SplitSeq(*only, ",") {
			if kind == name || name != inspected && strings.Contains(kind, name) {
				list = append(list, kind)
				break
			}
		}
	}
	return list
}

func main() {
	log.SetFlags(0)
	if len(os.Args) == 3 && os.Args[1] == "serve" {
		log.Fatal(serve(os.Args[2]))
	}
	flag.Parse()
	if *hold > 0 {
		if err := holdCrowd(*hold); err != nil {
			log.Fatal(err)
		}
		return
	}
	results := make(map[string][]figures)
	for range *rounds {
		for _, kind := range chosen() {
			f, err := measure(kind)
			if err != nil {
				log.Fatal(err)
			}
			results[kind] = append(results[kind], f)
		}
	}
	fmt.Println("| | CPU of the server, % of one core (all rounds) | answered after, p50, ms | p99, ms |\n|---|---|---|---|")
	for _, kind := range chosen() {
		var cpu []string
		var p50, p99 []float64
		for _, f := range results[kind] {
			cpu = append(cpu, fmt.Sprintf("%.2f", f.cpu))
			p50, p99 = append(p50, f.p50), append(p99, f.p99)
		}
		slices.Sort(cpu)
		fmt.Printf("| %s | %s | %.2f | %.2f |\n", kind, strings.Join(cpu, ", "), load.Median(p50), load.Median(p99))
	}
	report()
	fmt.Printf("\nThe longest search took %.0f ms.\n", float64(searches.Load())/float64(time.Millisecond))
}

// serve is the server. Its first line is its port.
func serve(kind string) error {
	srv, mux := socketio.NewServer(nil), http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	srv.On("echo", func(text string) string { return text })
	switch kind {
	case adminUI, adminViewed:
		admin.Instrument(srv, admin.Options{Open: true})
	case inspected, inspectorViewed, inspectorPage, inspectorPested:
		mux.Handle("/inspect/", inspector.New(srv, inspector.Options{Allow: func(*http.Request) bool { return true }}))
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(ln.Addr().(*net.TCPAddr).Port)
	return (&http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}).Serve(ln)
}

// figures are those of one measurement; times are in ms.
type figures struct{ cpu, p50, p99 float64 }

// launch starts a server of that kind in a process of its own.
func launch(kind string) (server *exec.Cmd, host string, err error) {
	server = exec.Command(os.Args[0], "serve", kind)
	server.Stderr = os.Stderr
	out, err := server.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	if err := server.Start(); err != nil {
		return nil, "", err
	}
	port, err := bufio.NewReader(out).ReadString('\n')
	return server, "127.0.0.1:" + strings.TrimSpace(port), err
}

// gather connects those that rest.
func gather(ctx context.Context, address string) ([]*websocket.Conn, error) {
	crowd := make([]*websocket.Conn, *resting)
	for i := range crowd {
		ws, err := dial(ctx, address, "", nil)
		if err != nil {
			return nil, err
		}
		crowd[i] = ws
	}
	return crowd, nil
}

// holdCrowd lets a crowd come and go before a server with the inspector.
func holdCrowd(during time.Duration) error {
	server, host, err := launch(inspected)
	if err != nil {
		return err
	}
	defer func() { _ = server.Process.Kill(); _ = server.Wait() }()
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	crowd, err := gather(ctx, websocketOf(host))
	if err != nil {
		return err
	}
	ctx, cancel = context.WithTimeout(ctx, during)
	defer cancel()
	fmt.Println("http://" + host + "/inspect/")
	replace(ctx, websocketOf(host), crowd)
	<-ctx.Done()
	return nil
}

func websocketOf(host string) string {
	return "ws://" + host + "/socket.io/?EIO=4&transport=websocket"
}

func measure(kind string) (figures, error) {
	server, host, err := launch(kind)
	if err != nil {
		return figures{}, err
	}
	defer func() { _ = server.Process.Kill(); _ = server.Wait() }()
	address := websocketOf(host)

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	crowd, err := gather(ctx, address)
	if err != nil {
		return figures{}, err
	}
	var background sync.WaitGroup
	defer background.Wait()
	defer cancel()
	background.Go(func() { replace(ctx, address, crowd) })
	switch kind {
	case adminViewed:
		if _, err := dial(ctx, address, "/admin,", nil); err != nil {
			return figures{}, err
		}
	case inspectorViewed:
		if err := search(ctx, address); err != nil {
			return figures{}, err
		}
	}
	open.Store(kind == inspectorPage)
	if kind == inspectorPage {
		if err := watch(ctx, address, *each); err != nil {
			return figures{}, err
		}
	}
	if kind == inspectorPested {
		if err := pester(ctx, address); err != nil {
			return figures{}, err
		}
	}
	var mu sync.Mutex
	var took []time.Duration
	var work sync.WaitGroup
	until := time.Now().Add(*each)
	before, err := load.CPUTime(server.Process.Pid)
	if err != nil {
		return figures{}, err
	}
	for range *busy {
		answers := make(chan struct{}, 1)
		ws, err := dial(ctx, address, "", answers)
		if err != nil {
			return figures{}, err
		}
		work.Go(func() {
			for tick := time.NewTicker(50 * time.Millisecond); time.Now().Before(until); <-tick.C {
				at := time.Now()
				_ = ws.Write(ctx, websocket.MessageText, []byte(`421["echo","0123456789012345678901234567890123456789"]`))
				<-answers
				mu.Lock()
				took = append(took, time.Since(at))
				mu.Unlock()
			}
		})
	}
	work.Wait()
	after, err := load.CPUTime(server.Process.Pid)
	slices.Sort(took)
	ms := func(p int) float64 { return float64(took[len(took)*p/100]) / float64(time.Millisecond) }
	return figures{float64(after-before) * 100 / float64(*each), ms(50), ms(99)}, err
}

// search asks for sockets that are not there, and so for a look at all, until ctx ends.
func search(ctx context.Context, address string) error {
	answers := make(chan struct{}, 1)
	ws, err := dial(ctx, address, inspectorNamespace, answers)
	if err != nil {
		return err
	}
	go func() {
		for tick := time.NewTicker(500 * time.Millisecond); ctx.Err() == nil; <-tick.C {
			at := time.Now()
			_ = ws.Write(ctx, websocket.MessageText, []byte(`42/inspector,1["sockets",{"identity":"nobody"}]`))
			select {
			case <-answers:
			case <-ctx.Done():
				return
			}
			searches.Store(int64(max(time.Duration(searches.Load()), time.Since(at))))
		}
	}()
	return nil
}

// searches is the longest that a search has taken.
var searches atomic.Int64

// dial connects a client, which joins a namespace and answers pings until ctx ends.
func dial(ctx context.Context, address, namespace string, answers chan<- struct{}) (*websocket.Conn, error) {
	ws, _, err := websocket.Dial(ctx, address, nil)
	if err != nil {
		return nil, err
	}
	ws.SetReadLimit(1 << 20)
	if err := ws.Write(ctx, websocket.MessageText, []byte("40"+namespace)); err != nil {
		return nil, err
	}
	joined := make(chan error, 2) // and one when it ends
	go func() {                   // ends with ctx, or the server
		for {
			_, b, err := ws.Read(ctx)
			if namespace == inspectorNamespace && open.Load() {
				received.Add(int64(len(b)))
			}
			switch text := string(b); {
			case err != nil:
				joined <- err
				return
			case text == "2":
				_ = ws.Write(ctx, websocket.MessageText, []byte("3"))
			case strings.HasPrefix(text, "40"):
				joined <- nil
			case strings.HasPrefix(text, "44"):
				joined <- fmt.Errorf("refused: %s", strconv.Quote(text))
			case strings.HasPrefix(text, "43"):
				answers <- struct{}{}
			}
		}
	}()
	return ws, <-joined
}
