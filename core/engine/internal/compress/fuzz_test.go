package compress

import (
	"net/http"
	"regexp"
	"testing"
)

// agreed is what a server may answer to an offer of permessage-deflate.
var agreed = regexp.MustCompile(`^permessage-deflate(; server_no_context_takeover)?(; client_no_context_takeover)?(; server_max_window_bits=(8|9|1[0-5]))?$`)

// FuzzNegotiate: whatever is offered, the answer is one that RFC 7692 knows, once, and
// goes together with something that compresses.
func FuzzNegotiate(f *testing.F) {
	for _, offer := range []string{
		"permessage-deflate", "permessage-deflate; client_max_window_bits", "permessage-deflate; server_max_window_bits=9; server_no_context_takeover",
		"permessage-deflate; server_max_window_bits=99, permessage-deflate", "x-webkit-deflate-frame", "permessage-deflate; a=\"b,c;d\"", "constructor", ";;,,==",
		"permessage-deflate; server_max_window_bits=010", "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
	} {
		f.Add(offer, true)
		f.Add(offer, false)
	}
	f.Fuzz(func(t *testing.T, offer string, takeover bool) {
		d := NewDeflater(&Options{ServerContextTakeover: takeover, ClientContextTakeover: takeover})
		flow, response := d.Negotiate(http.Header{"Sec-Websocket-Extensions": {offer}})
		if (flow == nil) != (response == "") {
			t.Fatalf("%q: agreed %v, answered %q", offer, flow != nil, response)
		}
		if flow != nil && !agreed.MatchString(response) {
			t.Fatalf("%q: answered %q", offer, response)
		}
	})
}
