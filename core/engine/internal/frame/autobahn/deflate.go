package autobahn

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
)

// Deflate is one case of the groups 12 and 13, permessage-deflate: a client
// offers it, sends messages one after another, each compressed, and gets each
// one back before it sends the next. Then it closes with 1000.
type Deflate struct {
	ID string

	// Offer is the value of Sec-WebSocket-Extensions.
	Offer string

	// Binary tells the type of the messages; Data is what they are cut out of,
	// one behind the other, and from the start again: see Message.
	Binary bool
	Data   func() string

	// Size of each message in bytes, and how many the suite sends.
	Size, Count int

	// Fragment is the largest payload of a frame; 0 stands for one frame.
	Fragment int
}

// Message returns the message with number i, from 0.
func (c *Deflate) Message(i int) string {
	data := c.Data()
	var b strings.Builder
	for at := i * c.Size % len(data); b.Len() < c.Size; at = 0 {
		b.WriteString(data[at:min(len(data), at+c.Size-b.Len())])
	}
	return b.String()
}

// deflateSizes are the sizes of messages and fragments, the same in each group.
var deflateSizes = []struct{ size, fragment int }{
	{16, 0}, {64, 0}, {256, 0}, {1024, 0}, {4096, 0}, {8192, 0}, {16384, 0}, {32768, 0}, {65536, 0}, {131072, 0},
	{8192, 256}, {16384, 256}, {32768, 256}, {65536, 256}, {131072, 256}, {131072, 1024}, {131072, 4096}, {131072, 32768},
}

// The kinds of data, in the order of group 12. They stand for the suite's
// files: JSON, a bitmap, a book, a page, a PDF, which is compressed already.
var deflateData = []struct {
	binary bool
	data   func() string
}{
	{false, sync.OnceValue(jsonData)}, {true, sync.OnceValue(bitmap)}, {true, sync.OnceValue(book)}, {false, sync.OnceValue(page)},
	{true, sync.OnceValue(packed)},
}

// offered is what the suite's client offers: it takes the server's wishes, and
// has those that are given, a window of so many bits unless that is 0.
func offered(noTakeover bool, bits int) string {
	offer := "permessage-deflate; client_no_context_takeover; client_max_window_bits"
	if noTakeover {
		offer += "; server_no_context_takeover"
	}
	if bits != 0 {
		offer += fmt.Sprintf("; server_max_window_bits=%d", bits)
	}
	return offer
}

// Deflates returns the cases of the groups 12 and 13, 216 of them.
func Deflates() []Deflate {
	const count = 1000
	var all []Deflate
	add := func(group string, offer string, binary bool, data func() string) {
		for i, s := range deflateSizes {
			all = append(all, Deflate{
				ID: fmt.Sprintf("%s.%d", group, i+1), Offer: offer, Binary: binary, Data: data,
				Size: s.size, Count: count, Fragment: s.fragment,
			})
		}
	}
	for k, kind := range deflateData {
		add(fmt.Sprintf("12.%d", k+1), offered(false, 0), kind.binary, kind.data)
	}
	for k, offer := range []string{
		offered(false, 0), offered(true, 0), offered(false, 8), offered(false, 15), offered(true, 8), offered(true, 15),
		offered(true, 8) + ", " + offered(true, 0) + ", " + offered(false, 0),
	} {
		add(fmt.Sprintf("13.%d", k+1), offer, false, deflateData[0].data)
	}
	return all
}

// dataSize is the size of what messages are cut out of, in bytes: odd, so that
// each round through it is another one.
const dataSize = 200_003

// made returns dataSize bytes of what next appends, always the same ones.
func made(next func(b []byte, r *rand.Rand) []byte) string {
	r := rand.New(rand.NewPCG(12, 13))
	b := make([]byte, 0, dataSize+1024)
	for len(b) < dataSize {
		b = next(b, r)
	}
	return string(b[:dataSize])
}

var words = strings.Fields("the of and a in to it is was that for on you he be with as by at have are this not but had his they from she which or we an there her were one do been all their has would will what")

func word(r *rand.Rand) string { return words[r.IntN(len(words))] }

func jsonData() string {
	return made(func(b []byte, r *rand.Rand) []byte {
		return fmt.Appendf(b, `{"id":%d,"name":"%s %s","tags":["%s","%s"],"value":%.6f},`, r.IntN(1e6), word(r), word(r), word(r), word(r), r.Float64())
	})
}

func bitmap() string {
	shade := 128
	return made(func(b []byte, r *rand.Rand) []byte {
		shade = min(max(shade+r.IntN(7)-3, 112), 144)
		return append(b, byte(shade))
	})
}

func book() string {
	return made(func(b []byte, r *rand.Rand) []byte { return append(append(b, word(r)...), " \n"[r.IntN(20)/19]) })
}

func page() string {
	return made(func(b []byte, r *rand.Rand) []byte {
		return fmt.Appendf(b, "<tr class=\"%s\"><td>%s</td><td><a href=\"/%s/%d\">%s</a></td></tr>\n", word(r), word(r), word(r), r.IntN(1000), word(r))
	})
}

func packed() string {
	return made(func(b []byte, r *rand.Rand) []byte { return append(b, byte(r.Uint32())) })
}
