//go:build e2e

package hostile

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// An advisory is one of another server, client or library, and what would come of its
// input here: the rows of the catalogue, or what is said in run.
type advisory struct {
	id   string
	rows []string // beginnings of ids in the catalogue
	run  func(p *peer) error
	via  string // of run; empty: without a session
}

// advisories are those of the family that a server can be attacked with. The others
// are in docs/reliability.md, with the tests that they have elsewhere.
var advisories = []advisory{
	{id: "CVE-2017-16031", run: ids},
	{id: "CVE-2020-28481", rows: []string{"A-H19"}, run: noCORS},
	{id: "CVE-2020-36048", rows: []string{"A-E05", "A-E01"}},
	{id: "CVE-2020-36049", rows: []string{"A-S28"}},
	{id: "CVE-2022-2421", rows: []string{"A-S04"}},
	{id: "CVE-2023-32695", rows: []string{"A-S16"}, run: breaks(`42[{"toString":"foo"}]`), via: webSocket},
	{id: "CVE-2022-21676", rows: []string{"SA-07"}},
	{id: "CVE-2022-41940", rows: []string{"SA-08"}},
	{id: "CVE-2023-31125", rows: []string{"A-H02"}},
	{id: "CVE-2024-38355", run: answers(`431["mine"]`, `421["error","`+secret+`"]`), via: webSocket},
	{id: "CVE-2026-33151", rows: []string{"A-S02", "A-S11"}, run: breaks(`451000000000-["e"]`), via: webSocket},
	{id: "CVE-2026-69185", run: breaks(append([]string{`450-["echo"]`}, repeat("b"+strings.Repeat("AAAA", 16_000), 1000)...)...), via: webSocket},
	{id: "CVE-2026-59724", rows: []string{"A-H03", "A-U11"}},
	{id: "CVE-2026-59725", rows: []string{"A-H15 binary content"}, run: many(100, "A-H15 binary content")},
	{id: "CVE-2026-102599", rows: []string{"A-U08"}},
	{id: "CVE-2026-102600", rows: []string{"A-H03"}},
	{id: "CVE-2016-10542", rows: []string{"A-W03"}},
	{id: "GHSA-5v72-xg48-5rpm", run: each([]string{"constructor", "__proto__", "permessage-deflate; constructor", ";", ",", strings.Repeat("a;", 3000)}, func(p *peer, value string) error {
		return p.opens("Sec-WebSocket-Extensions: " + value + "\r\n")
	})},
	{id: "CVE-2021-32640", run: func(p *peer) error { return p.opens("Sec-WebSocket-Protocol: " + strings.Repeat(" ", 3000) + "x\r\n") }},
	{id: "CVE-2024-37890", rows: []string{"A-H26"}},
	{id: "CVE-2026-48779", rows: []string{"A-W07"}},
	{id: "CVE-2019-13611", rows: []string{"A-H19"}},
	{id: "CVE-2026-48802", rows: []string{"A-E05 100,000 pongs", "A-E07", "A-W09 10,000 pongs"}},
	{id: "CVE-2026-48804", rows: []string{"A-S09", "A-S11", "A-S12"}},
	{id: "CVE-2026-48809", rows: []string{"A-X03"}},
	{id: "CVE-2026-42577", rows: []string{"A-W12", "A-H21"}},
	{id: "CVE-2020-27813", rows: []string{"A-W03"}},
	{id: "CVE-2026-27889", rows: []string{"A-W03"}},
	{id: "PRISMA-2021-0118", rows: []string{"A-W09 10,000 pongs"}},
	{id: "CVE-2023-0957", rows: []string{"A-H19"}},
	{id: "CVE-2026-97054", rows: []string{"A-H09", "A-H10"}},
	{id: "CVE-2025-22871", rows: []string{"A-H17"}},
	{id: "CVE-2025-58186", rows: []string{"A-H26"}},
	{id: "GO-2026-4950", rows: []string{"A-H24"}},
	{id: "CVE-2026-32689", rows: []string{"A-E05 1 MB of separators"}},
	{id: "CVE-2026-42786", rows: []string{"A-W07"}},
	{id: "CVE-2026-2833", rows: []string{"A-E16"}},
}

// TestAdvisories runs each of them on net/http and on fasthttp, a few at a time.
func TestAdvisories(t *testing.T) { // not parallel: it measures
	for _, f := range []front{fronts[0], fronts[len(fronts)-1]} {
		t.Run(f.name, func(t *testing.T) {
			w := newWorld(t, f, false)
			before := w.measure(false)
			t.Run("each", func(t *testing.T) { // ends when all of them have ended
				for _, a := range advisories {
					t.Run(a.id, func(t *testing.T) {
						t.Parallel()
						if err := w.advisory(a); err != nil {
							t.Error(err)
						}
					})
				}
			})
			if _, err := w.rest(before); err != nil {
				t.Errorf("afterwards: %v", err)
			}
			w.stop()
		})
	}
}

func (w *world) advisory(a advisory) (err error) {
	for _, begin := range a.rows {
		rows := slices.DeleteFunc(slices.Clone(catalogue), func(r row) bool { return !strings.HasPrefix(r.id, begin) })
		if len(rows) == 0 {
			err = errors.Join(err, fmt.Errorf("the catalogue has no row %q", begin))
		}
		for _, r := range rows {
			if e := w.try(r, r.ways()[0]); e != nil {
				err = errors.Join(err, fmt.Errorf("%s: %w", r.id, e))
			}
		}
	}
	if a.run != nil {
		err = errors.Join(err, w.try(row{alone: a.via == "", run: a.run}, a.via))
	}
	return err
}

// ids: sessions and sockets have ids that nobody guesses, and of which none gives
// another away.
func ids(p *peer) error {
	seen := make(map[string]bool)
	var last string
	for range 200 {
		q, err := p.w.open(polling)
		if err != nil {
			return err
		}
		if len(q.sid) < 22 || seen[q.sid] || last != "" && q.sid[:4] == last[:4] {
			return fmt.Errorf("session id %q behind %q", q.sid, last)
		}
		seen[q.sid], last = true, q.sid
		_, _ = q.post("1")
		q.leave()
	}
	return nil
}

// noCORS: without a list of origins no page of another may read an answer.
func noCORS(p *peer) error {
	a, err := p.do("GET", handshake, "")
	for name := range a.header {
		if strings.HasPrefix(name, "Access-Control-") {
			return fmt.Errorf("header %s", name)
		}
	}
	return err
}

// many repeats a row of polling, with a session each.
func many(n int, id string) func(p *peer) error {
	return func(p *peer) error {
		i := slices.IndexFunc(catalogue, func(r row) bool { return r.id == id })
		for range n {
			if err := p.w.try(catalogue[i], polling); err != nil {
				return err
			}
		}
		return nil
	}
}

// opens opens a WebSocket in spite of this header.
func (p *peer) opens(header string) error {
	l, a, err := p.tryWS("EIO=4&transport=websocket", wsHeader+header)
	long := p.w.fast && a.status == http.StatusRequestHeaderFieldsTooLarge // for Fiber
	if err == nil && a.status != http.StatusSwitchingProtocols && !long {
		err = fmt.Errorf("status %d, %.100q", a.status, a.body)
	}
	if l != nil {
		l.reset()
	}
	return err
}

// TestFloors: dependencies are not older than what advisories about them ask for.
func TestFloors(t *testing.T) {
	t.Parallel()
	for _, floor := range []struct{ file, module, least string }{
		{"../../go.mod", "github.com/golang-jwt/jwt/v5", "5.2.2"},                                // CVE-2025-30204
		{"../../go.mod", "github.com/redis/go-redis/v9", "9.7.3"},                                // CVE-2025-29923
		{"../../transports/webtransport/go.mod", "github.com/quic-go/quic-go", "0.59.1"},         // CVE-2026-40898
		{"../../transports/webtransport/go.mod", "github.com/quic-go/webtransport-go", "0.11.1"}, // CVE-2026-57497
	} {
		text, err := os.ReadFile(floor.file)
		if err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(regexp.QuoteMeta(floor.module) + ` v([0-9.]+)`).FindStringSubmatch(string(text))
		if m == nil || older(m[1], floor.least) {
			t.Errorf("%s: %s is at %q, %s is the least", floor.file, floor.module, m, floor.least)
		}
	}
	for _, never := range []string{"golang.org/x/net/websocket", "github.com/dgrijalva/jwt-go"} {
		if text, _ := os.ReadFile("../../go.sum"); strings.Contains(string(text), never+" ") {
			t.Errorf("%s is a dependency", never)
		}
	}
}

func older(version, least string) bool {
	a, b := strings.Split(version, "."), strings.Split(least, ".")
	for i := range b {
		x, _ := strconv.Atoi(a[min(i, len(a)-1)])
		y, _ := strconv.Atoi(b[i])
		if x != y {
			return x < y
		}
	}
	return false
}
