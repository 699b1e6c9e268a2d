package adapter

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// SocketInfo describes a socket to other servers. Its JSON form is that of the
// reference server.
type SocketInfo struct {
	ID        string    `json:"id"`
	Handshake Handshake `json:"handshake"`
	Rooms     []string  `json:"rooms"` // with the socket's own
	// Data is an object: the values of shared keys by their names.
	Data json.RawMessage `json:"data"`
	// Identity is who the client is; the reference server has none.
	Identity string `json:"identity,omitempty"`
}

// Handshake is what a socket's connection began with, as servers describe it to each
// other. Printed or logged, it shows nothing that carries credentials. It must not
// be changed.
type Handshake struct {
	// Header is the header of the request, without Host. As in the reference
	// server, the values of a name are joined by commas, those of Cookie by semicolons.
	Header http.Header
	// Auth is the payload that the client sent for this namespace, or nil.
	Auth json.RawMessage
	// URL is the request's path and query as they came; Host is the request's.
	URL, Host string
	// Address is the client's IP address, as its server sees it.
	Address string
	// Time is when the request came, in milliseconds.
	Time time.Time
	// Secure reports TLS on the connection to its server.
	Secure bool
}

// Query returns the parameters of the request's URL, those of the protocol included.
func (h Handshake) Query() url.Values {
	u, err := url.ParseRequestURI(h.URL)
	if err != nil {
		return url.Values{}
	}
	return u.Query()
}

// String is the path.
func (h Handshake) String() string {
	path, _, _ := strings.Cut(h.URL, "?")
	return clip(path)
}

// LogValue implements slog.LogValuer like String.
func (h Handshake) LogValue() slog.Value {
	return slog.GroupValue(slog.String("request", h.String()), slog.String("address", clip(h.Address)))
}

// wireHandshake is the JSON form of the reference server.
type wireHandshake struct {
	Headers map[string]words `json:"headers"`
	Time    string           `json:"time"`
	Address string           `json:"address"`
	XDomain bool             `json:"xdomain"`
	Secure  bool             `json:"secure"`
	Issued  int64            `json:"issued"` // milliseconds
	URL     string           `json:"url"`
	Query   map[string]words `json:"query"`
	Auth    json.RawMessage  `json:"auth"`
}

// words is a JSON string if there is one word, and a list otherwise.
type words []string

// MarshalJSON implements json.Marshaler.
func (w words) MarshalJSON() ([]byte, error) {
	if len(w) == 1 {
		return json.Marshal(w[0])
	}
	return json.Marshal([]string(w))
}

// UnmarshalJSON implements json.Unmarshaler. A value of any other type is no word.
func (w *words) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*w = words{one}
	} else {
		_ = json.Unmarshal(b, (*[]string)(w))
	}
	return nil
}

// MarshalJSON implements json.Marshaler with the form of the reference server.
func (h Handshake) MarshalJSON() ([]byte, error) {
	w := wireHandshake{
		Headers: make(map[string]words, len(h.Header)+1), Query: make(map[string]words),
		Time:    h.Time.UTC().Format("Mon Jan 02 2006 15:04:05 GMT+0000 (Coordinated Universal Time)"),
		Address: h.Address, XDomain: h.Header.Get("Origin") != "", Secure: h.Secure,
		Issued: h.Time.UnixMilli(), URL: h.URL, Auth: h.Auth,
	}
	for key, values := range h.Header {
		w.Headers[strings.ToLower(key)] = values
	}
	if h.Host != "" {
		w.Headers["host"] = words{h.Host}
	}
	for key, values := range h.Query() {
		w.Query[key] = values
	}
	if w.Auth == nil {
		w.Auth = json.RawMessage("{}")
	}
	return json.Marshal(&w)
}

// UnmarshalJSON implements json.Unmarshaler.
func (h *Handshake) UnmarshalJSON(b []byte) error {
	var w wireHandshake
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	*h = Handshake{
		Header: make(http.Header, len(w.Headers)), URL: w.URL, Address: w.Address,
		Time: time.UnixMilli(w.Issued), Secure: w.Secure,
	}
	for key, values := range w.Headers {
		h.Header[http.CanonicalHeaderKey(key)] = values
	}
	h.Host = h.Header.Get("Host")
	h.Header.Del("Host")
	if auth := string(w.Auth); auth != "{}" && auth != "null" {
		h.Auth = w.Auth
	}
	return nil
}
