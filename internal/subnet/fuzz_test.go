package subnet_test

import (
	"net/netip"
	"testing"

	"github.com/gosio/gosio/internal/subnet"
)

// FuzzOf: what is counted by is the same for all addresses of a network, and for what
// was asked about before.
func FuzzOf(f *testing.F) {
	for _, address := range []string{"", "203.0.113.9", "::ffff:203.0.113.9", "2001:db8::1", "fe80::1%eth0", "@", "1.2.3.4:5", "2001:db8::/64", "\x00"} {
		f.Add(address)
	}
	f.Fuzz(func(t *testing.T, address string) {
		of := subnet.Of(address)
		if again := subnet.Of(of); again != of {
			t.Errorf("of %q is %q, of which is %q", address, of, again)
		}
		addr, err := netip.ParseAddr(address)
		if err != nil {
			if of != address {
				t.Errorf("%q is no address, and counts as %q", address, of)
			}
			return
		}
		if p, err := netip.ParsePrefix(of); err == nil && !p.Contains(addr.WithZone("")) {
			t.Errorf("%q is not in its network %q", address, of)
		}
	})
}
