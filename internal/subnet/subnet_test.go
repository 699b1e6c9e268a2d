package subnet_test

import (
	"testing"

	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
	"github.com/gosio/gosio/internal/subnet"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestOf(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.1":             "192.0.2.1",
		"::ffff:192.0.2.1":      "192.0.2.1",
		"2001:db8:1:2:3:4:5:6":  "2001:db8:1:2::/64",
		"2001:db8:1:2::9":       "2001:db8:1:2::/64",
		"fe80::1%eth0":          "fe80::/64",
		"@":                     "@",
		"":                      "",
		"no address":            "no address",
		"192.0.2.1:80":          "192.0.2.1:80",
		"2001:db8:1:3:ffff::ff": "2001:db8:1:3::/64",
	} {
		assert.Equal(t, address, subnet.Of(address), want)
	}
}
