package query

import (
	"testing"

	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestParse(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]Query{
		"":                                    {},
		"EIO=4&transport=polling&sid=a-b_c":   {EIO: "4", Transport: "polling", SID: "a-b_c"},
		"x=1&EIO=3&b64=1&j=0&y":               {EIO: "3", Base64: true, JSONP: true},
		"b64=true":                            {Base64: true},
		"b64=yes":                             {},
		"sid=a%2Db+c":                         {SID: "a-b c"},
		"sid=%zz":                             {SID: "%"}, // is no session's
		"sid=a&sid=a":                         {SID: "a", Repeated: true},
		"EIO=4&EIO":                           {Repeated: true},
		"s%69d=a&sid=b":                       {SID: "b", Repeated: true},
		"%6A=1":                               {Repeated: true},
		"%78=1&x%zz":                          {},
		"sid":                                 {},
		"&&EIO=4&":                            {EIO: "4"},
		"Sid=a&transport=web%73ocket;sid=b":   {Transport: "websocket;sid=b"},
		"transport=polling&transport=polling": {Transport: "polling", Repeated: true},
	} {
		assert.Equal(t, raw, Parse(raw), want)
	}
}
