package load

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// Response is one HTTP/1.1 response. Its slices point into the buffer it was
// parsed from.
type Response struct {
	Status int
	Header []byte // header lines, each ended by CRLF
	Body   []byte
}

// ErrResponse says that a server's HTTP response makes no sense.
var ErrResponse = errors.New("load: malformed HTTP response")

// Get returns the value of the first header of that name, or nil.
func (r Response) Get(name string) []byte {
	for header := r.Header; len(header) > 0; {
		line, rest, _ := bytes.Cut(header, []byte("\r\n"))
		key, value, ok := bytes.Cut(line, []byte(":"))
		if ok && len(key) == len(name) && bytes.EqualFold(key, []byte(name)) {
			return bytes.TrimSpace(value)
		}
		header = rest
	}
	return nil
}

// ParseHead reads a status line and headers; n is 0 if they are not complete.
func ParseHead(b []byte) (r Response, n int, err error) {
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 {
		return r, 0, nil
	}
	line, header, _ := bytes.Cut(b[:end+2], []byte("\r\n"))
	if len(line) < 12 || string(line[:9]) != "HTTP/1.1 " {
		return r, 0, fmt.Errorf("%w: %.80q", ErrResponse, line)
	}
	if r.Status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return r, 0, fmt.Errorf("%w: %.80q", ErrResponse, line)
	}
	r.Header = header
	return r, end + 4, nil
}

// ParseResponse reads one response with its body (Content-Length or chunked,
// RFC 9112 section 6); n is 0 if b does not hold all of it yet.
func ParseResponse(b []byte) (r Response, n int, err error) {
	r, n, err = ParseHead(b)
	if n == 0 || err != nil {
		return r, 0, err
	}
	if bytes.EqualFold(r.Get("Transfer-Encoding"), []byte("chunked")) {
		body, size, err := parseChunks(b[n:])
		if size == 0 || err != nil {
			return r, 0, err
		}
		r.Body = body
		return r, n + size, nil
	}
	size, err := strconv.Atoi(string(r.Get("Content-Length")))
	if err != nil || size < 0 {
		return r, 0, fmt.Errorf("%w: no length", ErrResponse)
	}
	if len(b) < n+size {
		return r, 0, nil
	}
	r.Body = b[n : n+size]
	return r, n + size, nil
}

func parseChunks(b []byte) (body []byte, n int, err error) {
	for {
		line, _, ok := bytes.Cut(b[n:], []byte("\r\n"))
		if !ok {
			return nil, 0, nil
		}
		size, err := strconv.ParseUint(string(line), 16, 31)
		if err != nil {
			return nil, 0, fmt.Errorf("%w: chunk size %.20q", ErrResponse, line)
		}
		n += len(line) + 2
		end := n + int(size) + 2
		if len(b) < end {
			return nil, 0, nil
		}
		if string(b[end-2:end]) != "\r\n" {
			return nil, 0, fmt.Errorf("%w: chunk without end", ErrResponse)
		}
		body = append(body, b[n:end-2]...)
		n = end
		if size == 0 {
			return body, n, nil
		}
	}
}
