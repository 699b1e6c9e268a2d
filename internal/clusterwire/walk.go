package clusterwire

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/gosio/gosio/core/parser"
	"github.com/gosio/gosio/internal/msgjson"
)

// text is a message as valid JSON, of bounded depth.
type text struct {
	json        []byte
	attachments [][]byte
	tooMany     bool // attachments: bytes have become base64
	limits      Limits
}

// read makes JSON of a message: text if it begins with a brace, which is how the
// official packages tell, MessagePack otherwise.
func read(src []byte, limits *Limits) (*text, error) {
	l := limits.orDefault()
	if len(src) > l.Size {
		return nil, ErrTooLarge
	}
	if len(src) > 0 && src[0] == '{' {
		return readJSON(src, l)
	}
	return readMsgpack(src, l)
}

func readJSON(src []byte, l Limits) (*text, error) {
	if tooDeep(src, l.Depth) {
		return nil, parser.ErrTooDeep
	}
	if !json.Valid(src) {
		return nil, msgjson.ErrJSON
	}
	if !utf8.Valid(src) {
		src = bytes.ToValidUTF8(src, []byte("\uFFFD"))
	}
	return &text{json: src, limits: l}, nil
}

func readMsgpack(src []byte, l Limits) (*text, error) {
	r := msgjson.Reader{Src: src, Limit: l.Attachments, Depth: l.Depth, Timestamps: true}
	err := readAll(&r)
	tooMany := errors.Is(err, parser.ErrTooManyAttachments)
	if tooMany || err == nil && r.Lookalike && len(r.Attachments) > 0 {
		t, err := readBase64(src, l)
		t.tooMany = tooMany // for an event, not for what sockets have
		return t, err
	}
	return &text{json: r.Dst, attachments: r.Attachments, limits: l}, err
}

// readBase64 is for messages whose bytes have no other place: they become strings.
func readBase64(src []byte, l Limits) (*text, error) {
	r := msgjson.Reader{Src: src, Depth: l.Depth, Timestamps: true, Base64: true}
	err := readAll(&r)
	return &text{json: r.Dst, limits: l}, err
}

func readAll(r *msgjson.Reader) error {
	if err := r.Value(1); err != nil {
		return err
	}
	if len(r.Src) > 0 {
		return msgjson.ErrMalformed
	}
	return nil
}

// tooDeep looks only at brackets outside of strings.
func tooDeep(src []byte, depth int) bool {
	level := 0
	for i := 0; i < len(src); i++ {
		switch src[i] {
		case '{', '[':
			if level++; level > depth {
				return true
			}
		case '}', ']':
			level--
		case '"':
			i = stringEnd(src, i) - 1
		}
	}
	return false
}

// stringEnd returns the place behind a string that begins at i.
func stringEnd(src []byte, i int) int {
	for i++; i < len(src); i++ {
		switch src[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(src)
}

// valueEnd returns the place behind a value of valid JSON that begins at i.
func valueEnd(src []byte, i int) int {
	level := 0
	for i < len(src) {
		switch src[i] {
		case '"':
			i = stringEnd(src, i)
		case '{', '[':
			level++
			i++
		case '}', ']':
			if level == 0 {
				return i
			}
			level--
			i++
		case ',', ':', ' ', '\t', '\n', '\r':
			if level == 0 {
				return i
			}
			i++
			continue
		default:
			i++
			continue
		}
		if level == 0 {
			return i
		}
	}
	return i
}

// pastSpace returns the place of what is no space, from i on.
func pastSpace(src []byte, i int) int {
	for i < len(src) && (src[i] == ' ' || src[i] == '\t' || src[i] == '\n' || src[i] == '\r') {
		i++
	}
	return i
}

// isNull reports whether a member is null or absent, which is the same.
func isNull(raw []byte) bool { return len(raw) == 0 || raw[0] == 'n' }

// object calls f for each member of an object of valid JSON.
func object(raw []byte, f func(key, value []byte) error) error {
	if len(raw) == 0 || raw[0] != '{' {
		return ErrMessage
	}
	for i := pastSpace(raw, 1); i < len(raw) && raw[i] == '"'; {
		end := stringEnd(raw, i)
		key := raw[i+1 : end-1]
		if bytes.IndexByte(key, '\\') >= 0 {
			s, err := str(raw[i:end])
			if err != nil {
				return err
			}
			key = []byte(s)
		}
		i = pastSpace(raw, pastSpace(raw, end)+1) // behind the colon
		end = valueEnd(raw, i)
		if err := f(key, raw[i:end]); err != nil {
			return err
		}
		i = pastSpace(raw, end)
		if i < len(raw) && raw[i] == ',' {
			i = pastSpace(raw, i+1)
		}
	}
	return nil
}

// array calls f for each element of an array of valid JSON.
func array(raw []byte, f func(value []byte) error) error {
	if len(raw) == 0 || raw[0] != '[' {
		return ErrMessage
	}
	for i := pastSpace(raw, 1); i < len(raw) && raw[i] != ']'; {
		end := valueEnd(raw, i)
		if err := f(raw[i:end]); err != nil {
			return err
		}
		i = pastSpace(raw, end)
		if i < len(raw) && raw[i] == ',' {
			i = pastSpace(raw, i+1)
		}
	}
	return nil
}

// str reads a string; null is the empty one.
func str(raw []byte) (string, error) {
	switch {
	case isNull(raw):
		return "", nil
	case raw[0] != '"':
		return "", ErrMessage
	case bytes.IndexByte(raw, '\\') < 0:
		return string(raw[1 : len(raw)-1]), nil
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return "", ErrMessage
	}
	return s, nil
}

// name reads the name of a room: a string, or a number, which becomes the text
// that JavaScript makes of it. Anything else is an error: without it a list could
// be empty, and mean everybody.
func name(raw []byte) (string, error) {
	if len(raw) > 0 && (raw[0] == '-' || raw[0]-'0' <= 9) {
		f, err := strconv.ParseFloat(string(raw), 64)
		if err != nil {
			return "", ErrMessage
		}
		if f == 0 {
			return "0", nil // of -0, too
		}
		return string(msgjson.AppendFloat(nil, f)), nil
	}
	if isNull(raw) {
		return "", ErrMessage
	}
	return str(raw)
}

// names reads a list of rooms.
func (t *text) names(raw []byte) (list []string, err error) {
	if isNull(raw) {
		return nil, nil
	}
	err = array(raw, func(value []byte) error {
		if len(list) == t.limits.Names {
			return ErrTooMany
		}
		s, err := name(value)
		list = append(list, s)
		return err
	})
	return list, err
}

// integer reads a number that is one, and not negative.
func integer(raw []byte) (int, error) {
	if isNull(raw) {
		return 0, nil
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || f < 0 || f != math.Trunc(f) || f > 1<<31-1 {
		return 0, ErrMessage
	}
	return int(f), nil
}

// target reads {rooms, except, flags}. It must be there: without it the message
// would be for everybody. What flags say in another form than Node's is not said.
func (t *text) target(raw []byte, out *Target) error {
	*out = Target{}
	return object(raw, func(key, value []byte) (err error) {
		switch string(key) {
		case "rooms":
			out.Rooms, err = t.names(value)
		case "except":
			out.Except, err = t.names(value)
		case "flags":
			err = out.flags(value)
		}
		return err
	})
}

func (t *Target) flags(raw []byte) error {
	if isNull(raw) {
		return nil
	}
	return object(raw, func(key, value []byte) error {
		switch string(key) {
		case "volatile":
			t.Volatile = value[0] == 't'
		case "compress":
			t.NoCompress = value[0] == 'f'
		case "newest":
			if n, err := strconv.Atoi(string(value)); err == nil && n > 0 {
				t.Newest = n
			}
		case "key":
			if s, err := str(value); err == nil {
				t.Key = s
			}
		case "timeout":
			const most = 1 << 40 // milliseconds
			if ms, err := strconv.ParseFloat(string(value), 64); err == nil && ms > 0 {
				t.Timeout = time.Duration(min(ms, most) * float64(time.Millisecond))
			}
		}
		return nil
	})
}

// event reads the array of a name and arguments.
func (t *text) event(raw []byte, out *Packet) error {
	if len(raw) == 0 || raw[0] != '[' {
		return ErrMessage
	}
	return t.data(bytes.Clone(raw), out)
}

// answer reads one value, or null if there is none.
func (t *text) answer(raw []byte, out *Packet) error {
	if len(raw) == 0 {
		raw = []byte("null")
	}
	return t.data(append(append([]byte{'['}, raw...), ']'), out)
}

// data takes over the attachments: all of them must be here.
func (t *text) data(data []byte, out *Packet) error {
	if t.tooMany {
		return parser.ErrTooManyAttachments
	}
	if bytes.Count(data, []byte(msgjson.Placeholder)) != len(t.attachments) && len(t.attachments) > 0 {
		return ErrMessage
	}
	out.Data, out.Attachments = data, t.attachments
	return nil
}

// sockets reads what a server tells of its sockets.
func (t *text) sockets(raw []byte) (list []Socket, err error) {
	if isNull(raw) {
		return nil, nil
	}
	err = array(raw, func(value []byte) error {
		if len(list) == t.limits.Sockets {
			return ErrTooMany
		}
		var s Socket
		err := object(value, func(key, value []byte) (err error) {
			switch string(key) {
			case "id":
				s.ID, err = str(value)
			case "rooms":
				s.Rooms, err = t.names(value)
			case "handshake":
				s.Handshake = bytes.Clone(value)
			case "data":
				s.Data = bytes.Clone(value)
			case "identity":
				s.Identity, err = str(value)
			}
			return err
		})
		if err == nil && s.ID == "" {
			err = ErrMessage
		}
		list = append(list, s)
		return err
	})
	return list, err
}
