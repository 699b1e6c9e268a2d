package clusterwire

// ClassicConcerns reports whether a classic broadcast may be for somebody of whom has
// knows, without decoding it: false is certain. What cannot be read may be for anybody.
func ClassicConcerns(src string, has func(room string) bool) bool {
	if len(src) == 0 || src[0] != 0x93 { // [uid, packet, opts]
		return true
	}
	i := skip(src, skip(src, 1))
	if i < 0 || i >= len(src) || src[i]&0xf0 != 0x80 {
		return true
	}
	n := int(src[i] & 0x0f)
	for i++; n > 0; n-- {
		key, next := shortString(src, i)
		if key == "rooms" {
			return someRoom(src, next, has)
		}
		if i = skip(src, skip(src, i)); i < 0 {
			return true
		}
	}
	return true
}

// someRoom reports whether has knows one of the rooms of a list. An empty one means all.
func someRoom(src string, i int, has func(room string) bool) bool {
	n, i := header(src, i)
	if n <= 0 {
		return true
	}
	for ; n > 0; n-- {
		room, next := shortString(src, i)
		if next < 0 || has(room) { // a long name, or a number
			return true
		}
		i = next
	}
	return false
}

// header reads the length of an array, and -1 for anything else.
func header(src string, i int) (n, next int) {
	switch {
	case i < 0 || i >= len(src):
	case src[i]&0xf0 == 0x90:
		return int(src[i] & 0x0f), i + 1
	case src[i] == 0xdc && i+2 < len(src):
		return bigEndian(src[i+1 : i+3]), i + 3
	}
	return -1, -1
}

// shortString reads a string of up to 65,535 bytes. next is negative for anything else.
func shortString(src string, i int) (s string, next int) {
	n, begin := -1, i
	switch {
	case i < 0 || i >= len(src):
	case src[i]&0xe0 == 0xa0:
		n, begin = int(src[i]&0x1f), i+1
	case src[i] == 0xd9 && i+1 < len(src):
		n, begin = int(src[i+1]), i+2
	case src[i] == 0xda && i+2 < len(src):
		n, begin = bigEndian(src[i+1:i+3]), i+3
	}
	if n < 0 || begin+n > len(src) {
		return "", -1
	}
	return src[begin : begin+n], begin + n
}

// skip returns the place behind a value of MessagePack that begins at i, and -1 if there
// is none.
func skip(src string, i int) int {
	for left := 1; left > 0; left-- {
		if i < 0 || i >= len(src) {
			return -1
		}
		c := src[i]
		i++
		switch {
		case c < 0x80, c >= 0xe0, c == 0xc0, c == 0xc2, c == 0xc3: // a small number, nil, a boolean
		case c < 0x90:
			left += 2 * int(c&0x0f)
		case c < 0xa0:
			left += int(c & 0x0f)
		case c < 0xc0:
			i += int(c & 0x1f)
		default:
			f := forms[c-0xc0]
			if f == (form{}) || i+f.length > len(src) {
				return -1
			}
			n := bigEndian(src[i : i+f.length])
			i += f.length + f.fixed + n*f.bytes
			left += n * f.values
		}
	}
	if i > len(src) {
		return -1
	}
	return i
}

// form is how a value goes on behind its first byte: with a length of so many bytes, a
// fixed number of bytes, and for each one of the length so many bytes or values.
type form struct{ length, fixed, bytes, values int }

// forms are those of 0xc0 to 0xdf.
var forms = [32]form{
	0x04: {1, 0, 1, 0}, 0x05: {2, 0, 1, 0}, 0x06: {4, 0, 1, 0}, // bytes
	0x07: {1, 1, 1, 0}, 0x08: {2, 1, 1, 0}, 0x09: {4, 1, 1, 0}, // extensions
	0x0a: {fixed: 4}, 0x0b: {fixed: 8}, // floats
	0x0c: {fixed: 1}, 0x0d: {fixed: 2}, 0x0e: {fixed: 4}, 0x0f: {fixed: 8}, // unsigned
	0x10: {fixed: 1}, 0x11: {fixed: 2}, 0x12: {fixed: 4}, 0x13: {fixed: 8}, // signed
	0x14: {fixed: 2}, 0x15: {fixed: 3}, 0x16: {fixed: 5}, 0x17: {fixed: 9}, 0x18: {fixed: 17}, // short extensions
	0x19: {1, 0, 1, 0}, 0x1a: {2, 0, 1, 0}, 0x1b: {4, 0, 1, 0}, // strings
	0x1c: {2, 0, 0, 1}, 0x1d: {4, 0, 0, 1}, // arrays
	0x1e: {2, 0, 0, 2}, 0x1f: {4, 0, 0, 2}, // maps
}

func bigEndian(b string) (n int) {
	for i := range len(b) {
		n = n<<8 | int(b[i])
	}
	return n
}
