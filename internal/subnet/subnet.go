// Package subnet says what limits by address count by.
package subnet

import "net/netip"

// bits are those of an IPv6 address that one client does not choose (RFC 6177).
const bits = 64

// Of returns an IPv4 address as it is, also one in the form of IPv6, of an IPv6 address the
// network of 64 bits, and what is no address as it is.
func Of(address string) string {
	addr, err := netip.ParseAddr(address)
	switch {
	case err != nil:
		return address
	case addr.Unmap().Is4():
		return addr.Unmap().String()
	}
	network, _ := addr.WithZone("").Prefix(bits) // an IPv6 address has so many
	return network.String()
}
