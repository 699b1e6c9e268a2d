//go:build e2e

package hostile

import (
	"fmt"
	"strings"
	"time"
)

// placeholder stands for the first attachment.
const placeholder = `{"_placeholder":true,"num":0}`

func events(payloads ...string) (all []string) {
	for _, p := range payloads {
		all = append(all, "42"+p)
	}
	return all
}

// packets are rows of the framing of Engine.IO and of the packets of Socket.IO (2.2,
// 2.5).
var packets = []row{
	{id: "A-E01 an empty packet", run: breaks("")},
	{id: "A-E01 separators alone, before, behind and between", run: anew([]string{"\x1e", "\x1e42[\"echo\"]", "42[\"echo\"]\x1e", "42[\"echo\"]\x1e\x1e42[\"echo\"]"}, apart(breaks))},
	{id: "A-E02 types that are none", run: anew([]string{"9", "a", "z", "-1", "\u0664", "\x00", " 4", "/"}, apart(breaks))},
	{id: "A-E04 base64 that is none", run: anew([]string{"b!", "b===", "bA", "b" + secret + "?"}, apart(breaks))},
	{id: "A-E05 100,000 pongs", via: []string{polling}, run: bears(strings.Repeat("3\x1e", 99_999) + "3")},
	{id: "A-E05 100,000 noops", via: []string{polling}, run: bears(strings.Repeat("6\x1e", 99_999) + "6")},
	{id: "A-E05 1 MB of separators", run: breaks(strings.Repeat("\x1e", 999_999))},
	{id: "A-E05 packets of one letter", via: []string{polling}, run: breaks(strings.Repeat("4x\x1e", 333_000) + "4x")},
	{id: "A-E06 a ping from the client", run: anew([]string{"2", "2probe"}, apart(breaks))},
	{id: "A-E07 pongs that nobody asked for", run: bears("3", "3", "3xyz", "3probe")},
	{id: "A-E08 open, upgrade and noop in a session", run: bears(`0{"sid":"x"}`, "0", "5", "6")},
	{id: "A-E10 a binary message that looks like a packet", via: []string{webSocket, upgraded}, run: breaks("bBA==")},

	{id: "A-S01 types that are none", run: anew([]string{"4", "47", "4:", "4x" + secret, "49"}, apart(breaks))},
	{id: "A-S02 numbers of attachments", run: anew([]string{
		`45-1-["e"]`, `451.5-["e"]`, `451e1-["e"]`, `45 1-["e"]`, `450x1-["e"]`, `45-["e"]`, `450-["e"]`, `451["e"]`, `4511-["e"]`,
		`4501-["e"]`, `454294967297-["e"]`, `459223372036854775808-["e"]`, "45" + strings.Repeat("1", 30) + `-["e"]`, `46-["e"]`, `460-[]`,
	}, apart(breaks))},
	{id: "A-S04 places of attachments", run: anew([]string{
		`451-["e",{"_placeholder":true,"num":1}]`, `451-["e",{"_placeholder":true,"num":-1}]`, `451-["e",{"_placeholder":true,"num":0.5}]`,
		`451-["e",{"_placeholder":true,"num":"splice"}]`, `451-["e",{"_placeholder":true,"num":1e0}]`, `451-["e",{"_placeholder":true}]`,
		`451-["e",{"_placeholder":true,"num":null}]`, `451-["e",{"_placeholder":true,"num":9223372036854775808}]`,
	}, apart(breaks))},
	{id: "A-S05 an attachment used twice", run: anew([]string{`451-["echo",` + placeholder + "," + placeholder + "]\nbAQID"}, apart(either))},
	{id: "A-S07 an attachment as the name", run: anew([]string{"451-[" + placeholder + "]\nbAQID"}, apart(breaks))},
	{id: "A-S07 an attachment 64 deep", run: bears(`451-["echo",`+strings.Repeat("[", 64)+placeholder+strings.Repeat("]", 64)+"]", "bAQID")},
	{id: "A-S08 a place in an event without attachments", run: answers(`438[{"_placeholder":true,"num":0}]`, `428["echo",`+placeholder+`]`)},
	{id: "A-S09 a binary message that nothing asks for", run: breaks("bAQID")},
	{id: "A-S09 more attachments than announced", run: breaks(`451-["echo",`+placeholder+`]`, "bAQID", "bAQID")},
	{id: "A-S09 text in the place of an attachment", run: breaks(`451-["echo",`+placeholder+`]`, `42["echo","`+secret+`"]`)},
	{id: "A-S11 attachments that never come", run: breaks(`451-["echo",` + placeholder + `]`)},
	{id: "A-S12 attachments over the limit together", via: []string{webSocket}, run: breaks(append([]string{`4510-["echo",` + placeholder + `]`},
		repeat("b"+strings.Repeat("AAAA", 50_000), 10)...)...)},
	{id: "A-S13 ids of acknowledgements", run: anew([]string{
		`429007199254740992["echo"]`, `4218446744073709551616["echo"]`, "42" + strings.Repeat("9", 400) + `["echo"]`, `42-1["echo"]`,
		`42 1["echo"]x`, `421.5["echo"]`, `42x["echo"]`, `439007199254740992[]`, `43-1[]`, `431{}`, "431null",
	}, apart(breaks))},
	{id: "A-S13 acknowledgements without an id, or a payload", run: bears(`43["echo"]`, "43", "431")},
	{id: "A-S15 answers to nothing", run: bears(`4377[1]`, `430["`+secret+`"]`, "431["+strings.Repeat("1,", 100_000)+"1]")},
	{id: "A-S16 events that are none", run: anew(events("", "{}", `{"e":1}`, "[]", "[null]", "[{}]", "[true]", `[["`+secret+`"]]`, `["`+secret+`"`, `["e"]x`,
		`["\x"]`, "[\"a\x00b\"]", "null", "1", `"e"`, `["e",]`, `["e",01]`, `["e",+1]`, `["e",NaN]`, `['e']`, "\ufeff[\"e\"]"), apart(breaks))},
	{id: "A-S17 a number as the name", run: bears(`42[1]`, `42[-0]`, `42[1.5]`, `42[1e400]`)},
	{id: "A-S18 reserved names", run: anew(events(`["connect"]`, `["connect_error"]`, `["disconnect"]`, `["disconnecting"]`, `["newListener"]`,
		`["removeListener"]`, `["remove\u004cistener"]`), apart(breaks))},
	{id: "A-S19 odd names", run: bears(events(`["__proto__"]`, `["constructor"]`, `[""]`, `["\u0000"]`, `["toString"]`, `["hasOwnProperty"]`, `["\ud800"]`)...)},
	{id: "A-S19 names over the limit", run: anew(events(`["`+strings.Repeat("n", 257)+`"]`, `["`+strings.Repeat("n", 900_000)+`"]`), apart(breaks))},
	{id: "A-S20 namespaces that are none", run: answers("44/"+"nobody,", "40/nobody,", "40/nobody?x=1,", "40//,", "40/a,{}", "40/\u2028,")},
	{id: "A-S20 names of namespaces over the limit", run: anew([]string{"40/" + strings.Repeat("n", 100_000) + ",", "40/" + strings.Repeat("n", 512) + ","}, apart(breaks))},
	{id: "A-S20 no more comes back than was sent", run: noMore},
	{id: "A-S21 33 namespaces", run: breaks(children(33)...)},
	{id: "A-S21 namespaces that come and go", run: comeAndGo},
	{id: "A-S22 connected twice, as somebody else", run: breaks(`40{"a":1}`)},
	{id: "A-S22 connected twice while that goes on", run: either(`40/other,{"a":1}`, `40/other,{"a":2}`)},
	{id: "A-S22 refused, and again", run: answers("44/closed,", "40/closed,", "40/closed,")},
	{id: "A-S23 a namespace that was not joined", run: anew([]string{`42/other,["e"]`, `43/other,0[]`, "41/other,", `42/` + secret + `,["e"]`, "41/"}, apart(breaks))},
	{id: "A-S24 packets that only servers send", run: anew([]string{`44{"message":"` + secret + `"}`, `41["` + secret + `"]`, `40null`, `40"` + secret + `"`, `40[]`, `40{`}, apart(breaks))},
	{id: "A-S26 joined and left 100 times", run: inAndOut},
	{id: "A-S27 JSON 100,000 deep", run: anew(events(`["echo",`+strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000)+"]",
		`["echo",`+strings.Repeat(`{"a":`, 50_000)+"1"+strings.Repeat("}", 50_000)+"]", `["echo",`+strings.Repeat("[", 129)+strings.Repeat("]", 129)+"]"), apart(breaks))},
	{id: "A-S27 JSON 120 deep, sent on", run: answers(`42["said",`+strings.Repeat("[", 120), `42["say",`+strings.Repeat("[", 120)+strings.Repeat("]", 120)+`]`)},
	{id: "A-S28 numbers of all kinds", run: bears(events(`["echo",1e400]`, `["echo",-0]`, `["echo",9223372036854775809]`, `["number",1e400]`, `["number","x"]`,
		`["say",1E-999]`, `["echo",`+strings.Repeat("9", 900_000)+`]`)...)},
	{id: "A-S30 keys that come twice", run: answers(`436[{"__proto__":1,"a":2}]`, `426["echo",{"a":1,"__proto__":1,"a":2}]`)},
	{id: "A-S31 half a surrogate pair", run: bears(`42["echo","\ud800"]`, `42["say","\udfff\u0000"]`, `42["join","\ud800"]`)},
	{id: "A-S33 a handler that ends its own connection", run: breaks(`421["bye"]`, `422["echo"]`)},
	{id: "A-S34 20,000 events at once", via: []string{polling, webSocket}, run: flood},
}

// either sends packets of which the server may take or refuse all.
func either(packets ...string) func(p *peer) error {
	return func(p *peer) error {
		if err := bears(packets...)(p); err == nil {
			return nil
		}
		_, err := p.ends()
		return err
	}
}

func repeat(packet string, n int) (all []string) {
	for range n {
		all = append(all, packet)
	}
	return all
}

// children asks for n namespaces, which are made for who asks.
func children(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("40/child-%d,", i))
	}
	return all
}

// noMore: the answer names the namespace, for the client to know it, and nothing else
// of any length.
func noMore(p *peer) error {
	if err := p.send("40/" + strings.Repeat("n", 500) + ","); err != nil {
		return err
	}
	got, err := p.expect("44/")
	if err == nil && len(got) > 500+64 {
		err = fmt.Errorf("%d bytes come back: %.80q", len(got), got)
	}
	return err
}

func comeAndGo(p *peer) error {
	for i := range 100 {
		name := fmt.Sprintf("/child-%d", 1000+i)
		if _, err := p.join(name); err != nil {
			return err
		}
		if err := p.send("41" + name + ","); err != nil {
			return err
		}
	}
	return p.lives()
}

func inAndOut(p *peer) error {
	for range 100 {
		if err := p.send("40/other,", "41/other,"); err != nil {
			return err
		}
	}
	return p.lives() // who leaves while he joins may get no answer
}

// flood sends as fast as it can, reads all answers, and finds them complete.
func flood(p *peer) error {
	const n = 20_000
	done := make(chan error, 1)
	if p.ws == nil {
		for i := range 20 {
			var all []string
			for j := range n / 20 {
				all = append(all, fmt.Sprintf(`42%d["echo"]`, i*n/20+j))
			}
			if err := p.send(all...); err != nil {
				return err
			}
		}
		done <- nil
	} else {
		go func() {
			for i := range n {
				if _, err := p.ws.Write(message(fmt.Sprintf(`42%d["echo"]`, i))); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for i := range n {
		if _, err := p.expect(fmt.Sprintf(`43%d[`, i)); err != nil {
			return err
		}
	}
	if err := <-done; err != nil {
		return err
	}
	return p.lives()
}

// pause waits between two steps of an attack that is about time.
func pause(d time.Duration) { time.Sleep(d) }
