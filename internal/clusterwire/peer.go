package clusterwire

import (
	"math"
	"strconv"
	"time"
)

// PeerType says what a [Peer] is.
type PeerType uint8

// The types of what our own servers say to each other.
const (
	PeerHello    PeerType = iota + 1 // the server is there; each other one answers with PeerHere
	PeerHere                         // nothing else
	PeerClosed                       // the server has left
	PeerGap                          // something that the server has sent before is lost
	PeerGiveUp                       // RequestID: the server waits no more
	PeerResponse                     // RequestID, Part, Last, Clients; Reply or Sockets
	PeerBack                         // Nodes: the server has had no connection; who does not know one of them answers as to PeerHello
	lastPeer     = PeerBack
)

// Peer is a message of one of our own servers to others: what the official forms have
// no place for.
type Peer struct {
	Type      PeerType
	UID       string // the sender's
	RequestID string
	Part      int // its place among the responses of its server, from 0 on
	Last      bool
	Clients   int     // may be negative
	Reply     *Packet // all arguments
	Sockets   []Socket
	Nodes     []PeerNode
}

// PeerNode is what one server is in one namespace.
type PeerNode struct{ Namespace, UID string }

// peerMark begins a Peer: a byte that begins neither JSON nor MessagePack.
const peerMark = 0xc1

// peerMember is the member of a request by which our servers know each other.
const peerMember = "gosio"

// fromPeer writes that member.
func (w *buffer) fromPeer(m *Message) {
	if !m.FromPeer {
		return
	}
	w.open(peerMember)
	w.int("timeout", int(m.Target.Timeout/time.Millisecond))
	w.close()
}

// readPeer reads it.
func (m *Message) readPeer(raw []byte) error {
	if isNull(raw) {
		return nil
	}
	m.FromPeer = true
	return m.Target.flags(raw)
}

// IsPeer reports whether a message is a [Peer].
func IsPeer(src []byte) bool { return len(src) > 0 && src[0] == peerMark }

// Encode encodes the message: JSON, or MessagePack if it has attachments.
func (p *Peer) Encode() ([]byte, error) {
	if p.Type == 0 || p.Type > lastPeer {
		return nil, errEncode
	}
	w := buffer{[]byte{'{'}}
	w.int("type", int(p.Type))
	w.str("uid", p.UID)
	w.strUnlessEmpty("requestId", p.RequestID)
	if p.Type == PeerResponse {
		w.int("part", p.Part)
		w.bool("last", p.Last)
		w.int("clients", p.Clients)
	}
	if len(p.Sockets) > 0 {
		w.sockets(p.Sockets)
	}
	if len(p.Nodes) > 0 {
		w.nodes(p.Nodes)
	}
	var attachments [][]byte
	if p.Reply != nil {
		w.raw("reply", p.Reply.Data)
		attachments = p.Reply.Attachments
	}
	w.close()
	if len(attachments) == 0 {
		return append([]byte{peerMark}, w.b...), nil
	}
	b, err := msgpack(w.b, attachments)
	return append([]byte{peerMark}, b...), err
}

// DecodePeer decodes what [Peer.Encode] encodes.
func DecodePeer(src []byte, limits *Limits) (*Peer, error) {
	if !IsPeer(src) {
		return nil, ErrMessage
	}
	t, err := read(src[1:], limits)
	if err != nil {
		return nil, err
	}
	p := new(Peer)
	if err := object(t.json, func(key, value []byte) error { return p.add(t, key, value) }); err != nil {
		return nil, err
	}
	answers := p.Type == PeerResponse || p.Type == PeerGiveUp
	switch {
	case p.Type == 0:
		return nil, ErrType
	case p.UID == "" || answers != (p.RequestID != ""):
		return nil, ErrMessage
	}
	return p, nil
}

func (p *Peer) add(t *text, key, value []byte) (err error) {
	switch string(key) {
	case "type":
		n, err := integer(value)
		if err != nil || n == 0 || n > int(lastPeer) {
			return ErrType
		}
		p.Type = PeerType(n)
	case "uid":
		p.UID, err = str(value)
	case "requestId":
		p.RequestID, err = str(value)
	case "part":
		p.Part, err = integer(value)
	case "last":
		p.Last = value[0] == 't'
	case "clients":
		p.Clients, err = signed(value)
	case "sockets":
		p.Sockets, err = t.sockets(value)
	case "nodes":
		p.Nodes, err = t.nodes(value)
	case "reply":
		p.Reply = new(Packet)
		err = t.event(value, p.Reply)
	}
	return err
}

// nodes writes the member nodes: namespaces and names in turn.
func (w *buffer) nodes(list []PeerNode) {
	all := make([]string, 0, 2*len(list))
	for _, n := range list {
		all = append(all, n.Namespace, n.UID)
	}
	w.strs("nodes", all)
}

func (t *text) nodes(raw []byte) ([]PeerNode, error) {
	all, err := t.names(raw)
	if err != nil || len(all)%2 != 0 {
		return nil, ErrMessage
	}
	list := make([]PeerNode, len(all)/2)
	for i := range list {
		list[i] = PeerNode{all[2*i], all[2*i+1]}
	}
	return list, nil
}

// signed reads a number that is one and may be negative.
func signed(raw []byte) (int, error) {
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > math.MaxInt32 {
		return 0, ErrMessage
	}
	return int(f), nil
}
